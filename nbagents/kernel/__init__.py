"""How a run lives in a kernel: live code, interrupts, messages from the browser, questions, insertion of cells.

The only room that knows ipykernel. What it uses there that is not public is named in the module that uses it.
"""

from .cell import Cell
from .cells_in_flight import CellsInFlight
from .comm_tap import CommTap
from .insertion import insert_below, offer_as_next_cell
from .interrupts import executing, interrupt_main_thread, ticking
from .live_code import LiveKernelExecutor
from .stdin import ask_on_stdin
from .supported import check_kernel
from .undo import Undone

__all__ = [
    "Cell",
    "CellsInFlight",
    "CommTap",
    "LiveKernelExecutor",
    "Undone",
    "ask_on_stdin",
    "check_kernel",
    "executing",
    "insert_below",
    "interrupt_main_thread",
    "offer_as_next_cell",
    "ticking",
]

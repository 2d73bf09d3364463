"""■, Stop and timeouts where several blocks are in flight, or several of these come together."""

from __future__ import annotations

import time

import pytest

from tests.kernel.notebook import Notebook

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPIN = "ready()\nend = time.monotonic() + 5\nwhile time.monotonic() < end: time.sleep(0.001)"
READY = """
import signal, threading
go, stop = threading.Event(), CancellationToken()
ready = go.set
def presses():
    go.wait(); time.sleep(0.1); signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
def stops():
    go.wait(); time.sleep(0.1); stop.cancel()
def at_ready(call): threading.Thread(target=call).start()
"""


async def told(notebook: Notebook, action: str, call: str) -> str:
    """What becomes of a block when `action` happens after it was ready."""
    code = (
        f"{READY}\nat_ready({action})\nbegan = time.monotonic()\nasync with ticking():\n    try:\n"
        f"        r = await {call}\n        print(r.exit_code, r.output.strip())\n"
        "    except asyncio.CancelledError: print('ended')\nprint(time.monotonic() - began)"
    )
    run = await notebook.run(code)
    *said, seconds = run.text.strip().splitlines()
    assert float(seconds) < 2.5, run.text
    assert await notebook.value("print(1)") == 1
    return "\n".join(said)


OUTER = {
    "awaits": f"await block({SPIN!r})\nprint('went on')",
    "has gone on meanwhile": "task = asyncio.create_task(block('ready(); await asyncio.sleep(5)'))\n"
    "await asyncio.sleep(0.05)\nawait task",
    "spins itself": f"task = asyncio.create_task(block('await asyncio.sleep(5)'))\nawait asyncio.sleep(0.05)\n{SPIN}",
}


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("action", ["presses", "stops"])
async def test_an_interrupt_ends_a_block_along_with_those_that_it_runs(
    notebook: Notebook, outer: str, action: str
) -> None:
    assert await told(notebook, action, f"block({OUTER[outer]!r}, token=stop)") == "ended"


@pytest.mark.parametrize("inner", [SPIN, "ready(); await asyncio.sleep(5)"], ids=["spins", "awaits"])
async def test_a_timeout_ends_the_blocks_that_a_block_runs(notebook: Notebook, inner: str) -> None:
    outer = f"await block({inner!r})\nprint('went on')"
    call = f"block({outer!r}, executor=LiveKernelExecutor(timeout=0.5))"
    assert await told(notebook, "int", call) == "1 timed out after 0.5 s"


async def test_an_interrupt_ends_blocks_side_by_side(notebook: Notebook) -> None:
    """It strikes one of them; `gather` leaves the others to themselves."""
    outer = f"await asyncio.gather(*(block(code) for code in ['while True: await asyncio.sleep(0)', {SPIN!r}]))"
    assert await told(notebook, "presses", f"block({outer!r})") == "ended"
    ask = "from nbagents.kernel.block_guard import BlockGuard\nawait asyncio.sleep(0.1); print(len(BlockGuard.alive))"
    assert await notebook.value(ask) == 0


async def test_an_interrupt_ends_tasks_that_spin_side_by_side(notebook: Notebook) -> None:
    spin = "async def f():\n    await asyncio.sleep(0); ready()\n    while True: x = 1\nawait asyncio.gather(f(), f())"
    assert await told(notebook, "presses", f"block({spin!r})") == "ended"


async def test_an_interrupt_that_the_words_of_an_error_swallow_ends_the_run(notebook: Notebook) -> None:
    code = (
        "class E(Exception):\n    def __str__(self):\n        try: ready(); time.sleep(5)\n"
        "        except BaseException: return ''\nraise E"
    )
    assert await told(notebook, "presses", f"block({code!r})") == "ended"


async def test_stopping_an_inner_block_leaves_the_outer_one(notebook: Notebook) -> None:
    outer = f"try: await block({SPIN!r}, token=stop)\nexcept asyncio.CancelledError: print('goes on')"
    assert await told(notebook, "stops", f"block({outer!r})") == "0 goes on"


async def test_a_timeout_outlives_a_block_beside_it(notebook: Notebook) -> None:
    """Blocks side by side end in any order; each had taken the timer from the one before it."""
    outer = (
        "first = asyncio.create_task(block('await asyncio.sleep(0.2)'))\nawait asyncio.sleep(0.05)\n"
        f"second = asyncio.create_task(block({'await asyncio.sleep(0.4)' + chr(10) + SPIN!r},"
        " executor=LiveKernelExecutor(timeout=0.7)))\nawait first\nprint((await second).output)"
    )
    assert await told(notebook, "int", f"block({outer!r})") == "0 timed out after 0.7 s"
    assert await notebook.value("print(json.dumps(executing()))") is False


SLOW = {
    "clean-up": "try:\n    ready(); time.sleep(9)\nfinally:\n    time.sleep(0.6)",
    "clean-up that awaits": "try:\n    ready(); time.sleep(9)\nfinally:\n    await asyncio.sleep(0.6)",
    "words of its error": "class E(Exception):\n    def __str__(self): ready(); time.sleep(9)\nraise E",
}


@pytest.mark.parametrize("slow", SLOW)
async def test_an_interrupt_is_not_taken_for_the_timeout_after_it(notebook: Notebook, slow: str) -> None:
    call = f"block({SLOW[slow]!r}, executor=LiveKernelExecutor(timeout=0.4))"
    assert await told(notebook, "presses", call) == "ended"


async def test_an_interrupt_after_the_timeout_ends_the_run(notebook: Notebook) -> None:
    code = "try:\n    time.sleep(9)\nfinally:\n    ready(); time.sleep(0.6)"
    assert await told(notebook, "presses", f"block({code!r}, executor=LiveKernelExecutor(timeout=0.2))") == "ended"


async def test_an_interrupt_while_figures_are_drawn_ends_the_run(notebook: Notebook) -> None:
    code = (
        "import matplotlib; matplotlib.use('module://matplotlib_inline.backend_inline')\n"
        "import matplotlib.pyplot as plt\nfrom matplotlib.text import Text\nfigure = plt.figure()\n"
        "class Slow(Text):\n    def draw(self, renderer): ready(); time.sleep(9)\n"
        "figure.add_artist(Slow(0, 0, 'x'))"
    )
    assert await told(notebook, "presses", f"block({code!r})") == "ended"


async def test_a_block_that_stop_struck_may_await_what_cleans_up(notebook: Notebook) -> None:
    """Stop strikes what spins and cancels what awaits: not both of one block at once."""
    code = (
        "cleaned = 0\ntry:\n    ready()\n    while True: time.sleep(0.01)\n"
        "finally:\n    await asyncio.sleep(0.1); cleaned = 1"
    )
    assert await told(notebook, "stops", f"block({code!r}, token=stop)") == "ended"
    assert await notebook.value("print(cleaned)") == 1


async def test_no_timer_is_left_behind_by_an_interrupt_that_arrives_after_the_block(notebook: Notebook) -> None:
    """It would ring with nobody to handle it, which ends the kernel."""
    run = await notebook.run(
        "import signal\nfrom nbagents.kernel.block_guard import BlockGuard\n"
        "from nbagents.kernel.capture import Capture\n"
        "kept, guard = signal.signal(signal.SIGINT, lambda *_: None), BlockGuard(Capture(), timeout=30)\n"
        "async def x(): pass\nawait x()\n"
        "with guard: signal.raise_signal(signal.SIGINT)\n"
        "guard.interrupt_arrived(); signal.signal(signal.SIGINT, kept); print(signal.getitimer(signal.ITIMER_REAL)[0])"
    )
    assert run.text == "0.0\n", run.errors


async def test_a_stop_that_a_cells_handler_hides_reaches_the_block_when_it_goes_on(notebook: Notebook) -> None:
    """A detached block awaits, a cell has the signal; the block takes the loop before Stop's cancellation arrives."""
    await notebook.run(
        f"{READY}\nasync def x(): pass\n"
        f"task = asyncio.create_task(block({'await asyncio.sleep(0.5)' + chr(10) + SPIN!r}, token=stop))"
    )
    began = time.monotonic()
    run = await notebook.run(
        "await x()\nwhile task.get_coro().cr_await is None: await asyncio.sleep(0.01)\n"
        "time.sleep(1)\nasyncio.get_running_loop().call_soon(stop.cancel)\n"
        "await asyncio.wait([task]); print(task.cancelled())"
    )
    assert run.text == "True\n", run.errors
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(("meant", "said"), [("other", "0 went on"), ("mine", "ended")])
async def test_stop_of_one_run_leaves_the_block_of_another_alone(notebook: Notebook, meant: str, said: str) -> None:
    await notebook.run(
        "from nbagents.kernel.interrupts import interrupt_main_thread\nfrom nbagents.runtime import Gate\n"
        "from nbagents.runtime.current import passing\nmine, other = Gate(), Gate()\n"
        f"def presses_stop(): go.wait(); time.sleep(0.1); interrupt_main_thread({meant})\n"
        "async def in_run(gate, code):\n    with passing(gate): return await block(code)"
    )
    code = "ready()\nend = time.monotonic() + 0.6\nwhile time.monotonic() < end: pass\nprint('went on')"
    assert await told(notebook, "presses_stop", f"in_run(mine, {code!r})") == said

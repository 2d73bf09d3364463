"""What belongs to a process is not ended by a child that it has forked."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, os, sys, warnings
warnings.simplefilter("ignore")
from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock
from nbagents.executors import LocalCommandLineCodeExecutor

executor = LocalCommandLineCodeExecutor()
block = CodeBlock(code="sleep 60 &", language="sh")
asyncio.run(executor.execute_code_blocks([block], CancellationToken()))
child = os.fork()
if child == 0:
    sys.exit()  # as a program does: with its finalizers
os.waitpid(child, 0)
from nbagents.executors.command_line.block_process import _marked
print(executor.work_dir.exists(), len(list(_marked(executor._mark))))
asyncio.run(executor.stop())
"""


def test_a_forked_child_ends_neither_the_blocks_nor_the_directory_of_its_parent() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, timeout=60)

    assert done.stdout == "True 1\n"

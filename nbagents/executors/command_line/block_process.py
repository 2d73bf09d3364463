"""One block as a process of this machine: its output while it comes, and its end with all that it started.

The processes of a block are known by a variable that only they have in their environment: so those are found too that
left the process group or whose parent is gone. Code that clears its environment as well can hide; this is no sandbox.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ...cancellation import CancellationToken
from ..block_outputs import BlockOutputs

if TYPE_CHECKING:
    import psutil

MARK = "IN_NBAGENTS_BLOCK"
STREAMS = {1: "stdout", 2: "stderr"}
TIME_TO_DIE = 1.0
"""Seconds to wait for a process that was killed."""
TIME_FOR_THE_REST = 0.2
"""Seconds to wait for the end of the output when the block has ended but something that it started has not."""
ROUNDS = 20
"""How often processes are looked for that were started while others were killed."""


class TimedOut(Exception):
    """The block took too long, and was ended."""


class Cancelled(Exception):
    """The token was cancelled, and the block was ended."""


class BlockProcess(asyncio.SubprocessProtocol):
    """Takes what the process writes; `exited` is its exit code."""

    def __init__(self, outputs: BlockOutputs) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        self.silent: asyncio.Future[None] = loop.create_future()
        self._outputs = outputs
        self._decoders = {fd: codecs.getincrementaldecoder("utf-8")("replace") for fd in STREAMS}

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        self._outputs.write(STREAMS[fd], self._decoders[fd].decode(cast("bytes", data)))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        decoder = self._decoders.pop(fd, None)
        if decoder is not None:
            self._outputs.write(STREAMS[fd], decoder.decode(b"", final=True))
        if not self._decoders and not self.silent.done():
            self.silent.set_result(None)

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)


async def run_process(
    command: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    mark: str,
    outputs: BlockOutputs,
    timeout: float,
    cancellation_token: CancellationToken,
) -> int:
    """Run `command` to its end, and give its exit code.

    Args:
        command: program and arguments.
        cwd: where it runs.
        environ: all that it has of an environment.
        mark: what its processes are known by.
        outputs: told what it writes.
        timeout: seconds that it may take.
        cancellation_token: ends it.

    Raises:
        OSError: it cannot be started.
        TimedOut, Cancelled: it was ended, with all that it started.
    """
    if cancellation_token.is_cancelled():
        raise Cancelled
    process = BlockProcess(outputs)
    transport: asyncio.SubprocessTransport | None = None
    try:
        transport, _ = await asyncio.get_running_loop().subprocess_exec(
            lambda: process,
            *command,
            cwd=cwd,
            env={**environ, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        await _wait(process, timeout, cancellation_token)
    except BaseException:
        end_processes(mark)
        raise
    finally:
        if transport is not None:
            await _close(transport, process)
    return transport.get_returncode() or 0


async def _wait(process: BlockProcess, timeout: float, token: CancellationToken) -> None:
    stop = token.link_future(asyncio.get_running_loop().create_future())
    try:
        await asyncio.wait([process.exited, stop], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if process.exited.done():
            return
        raise Cancelled if stop.cancelled() else TimedOut
    finally:
        stop.cancel()


async def _close(transport: asyncio.SubprocessTransport, process: BlockProcess) -> None:
    """Take what is left to read. What the block left running writes into a closed pipe from here on."""
    try:
        await asyncio.wait([process.exited], timeout=TIME_TO_DIE)
        await asyncio.wait([process.silent], timeout=TIME_FOR_THE_REST)
    finally:
        transport.close()


def end_processes(mark: str) -> None:
    """Kill the processes whose mark begins with `mark`, until there are none."""
    import psutil

    for _ in range(ROUNDS):
        found = list(_marked(mark))
        if not found:
            return
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def _marked(mark: str) -> Iterator[psutil.Process]:
    import psutil

    ours = os.getuid()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            alive = process.uids().real == ours and process.status() != psutil.STATUS_ZOMBIE
            if alive and process.environ().get(MARK, "").startswith(mark):
                yield process

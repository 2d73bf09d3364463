"""`KernelSession`: runs blocks in a kernel, one after the other, and puts a new kernel in the place of one that ended.

However a block ends (its end, an error, a timeout, a cancellation, the death of the kernel, too much output), the next
one runs, and is told if the variables are gone. What must stop is interrupted; what does not stop then is killed.
Everything here runs on the I/O thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from ..code import CodeResult, NamesChange
from ..errors import ExecutionUnavailable, TransferError
from .block_outputs import BlockOutputs
from .error_text import text_of
from .in_kernel import NAMES, install_watch
from .kernel_connection import KernelConnection
from .kernel_input import Ask
from .kernel_limits import KernelLimits
from .kernel_request import KernelRequest, names_told
from .request_line import RequestLine
from .safe_outputs import as_it_is, cleaned

TIMED_OUT = 124
"""The exit code of a block that was out of time, as of the command `timeout`."""

NAMES_SECONDS = 10

_log = logging.getLogger(__name__)


class KernelSession:
    """One kernel at a time.

    Args:
        connect: starts a kernel.
        limits: of each block.
        sandboxed: nobody vouches for what runs there, so its HTML is cleaned.
        ask: answers `input()` in a block; without it `input()` is an error of the block.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[KernelConnection]],
        limits: KernelLimits,
        *,
        sandboxed: bool,
        ask: Ask | None = None,
    ) -> None:
        self.limits = limits
        self._line = RequestLine(limits, cleaned if sandboxed else as_it_is, ask)
        self._connect = connect
        self._kernel: KernelConnection | None = None
        self._turn = asyncio.Lock()
        self._installed: set[str] = set()
        self._lost = ""

    @property
    def runs(self) -> bool:
        """There is a kernel; may be asked from any thread."""
        return self._kernel is not None

    async def start(self) -> None:
        """Start a kernel, unless one runs.

        Raises:
            ExecutionUnavailable: there is none to be had.
        """
        async with self._turn:
            await self._running()

    async def stop(self) -> None:
        """End the kernel; a block that runs meanwhile ends with it."""
        if self._kernel is not None:
            await self._kernel.close()
        async with self._turn:
            await self._discard()
            self._lost = ""

    async def run(self, code: str, timeout: float | None, outputs: BlockOutputs) -> CodeResult:
        """Run a block, which shows what it shows in `outputs`.

        Raises:
            ExecutionUnavailable: no kernel can be started.
        """
        async with self._turn:
            kernel = await self._running()
            if self._lost:
                outputs.write("stderr", f"[a new kernel, without the variables of earlier blocks: {self._lost}]\n")
                self._lost = ""
            request = self._line.send(kernel, outputs, code, {"names": NAMES} if self._installed else {})
            try:
                exit_code = await self._follow(kernel, request, timeout)
            except asyncio.CancelledError:
                await self._halt(kernel, request, self.limits.cancel_seconds, "the block was stopped")
                raise
            finally:
                self._line.free()
            names = await self._names(kernel, request)
        shown = outputs.outputs()
        return CodeResult(exit_code=exit_code, output=text_of(shown), outputs=shown, names=names)

    async def install(self, module: str, expression: str, timeout: float) -> None:
        """Evaluate `expression`, once in each kernel."""
        async with self._turn:
            kernel = await self._ipython()
            if module not in self._installed:
                await self._evaluate(kernel, expression, timeout)
                self._installed.add(module)

    async def evaluate(self, expression: str, timeout: float | None = None) -> Any:
        """The answer (JSON) of our own code in the kernel; the user's namespace and output do not notice.

        Raises:
            ExecutionUnavailable: the kernel does not answer, or it is not Python.
            TransferError: what it answers is not ours.
        """
        async with self._turn:
            return await self._evaluate(await self._ipython(), expression, timeout)

    # The kernel -------------------------------------------------------------------------------------------

    async def _ipython(self) -> KernelConnection:
        kernel = await self._running()
        if not self._installed:
            raise ExecutionUnavailable(f"this needs an IPython kernel, and a kernel for {kernel.language!r} is none")
        return kernel

    async def _running(self) -> KernelConnection:
        if self._kernel is not None and self._kernel.death.done():
            self._lost = self._lost or self._kernel.death.result().text
            await self._discard()
        if self._kernel is None:
            try:
                async with asyncio.timeout(self.limits.start_seconds):
                    self._kernel = await self._connect()
                    await self._open(self._kernel)
            except TimeoutError:
                await self._discard()
                raise ExecutionUnavailable(
                    f"the kernel did not answer within {self.limits.start_seconds:g} s of its start"
                ) from None
            except BaseException:
                await self._discard()
                raise
        return self._kernel

    async def _open(self, kernel: KernelConnection) -> None:
        kernel.death.add_done_callback(self._line.died)
        await kernel.open(self._line.receive)
        await self._line.until_heard(kernel)
        if kernel.death.done():
            raise ExecutionUnavailable(f"the kernel ended at its start: {kernel.death.result().text}")
        self._installed.clear()
        if kernel.language in ("", "python"):
            try:
                await self._evaluate(kernel, install_watch(self.limits.flood // 4), None)
                self._installed.add("watch")
            except (ExecutionUnavailable, TransferError) as error:
                _log.info("the kernel does not tell names or take data: %s", error)

    async def _reconnect(self, kernel: KernelConnection) -> None:
        try:
            async with asyncio.timeout(self.limits.start_seconds):
                await kernel.reconnect()
                await self._line.until_heard(kernel)
        except (TimeoutError, ExecutionUnavailable):
            self._lost = "it did not answer any more"
            await self._discard()

    async def _discard(self) -> None:
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            await asyncio.shield(kernel.close())

    # One request ------------------------------------------------------------------------------------------

    async def _follow(self, kernel: KernelConnection, request: KernelRequest, timeout: float | None) -> int:
        """Wait for the end of a block, or bring it about; returns the exit code."""
        outputs, grace = request.outputs, self.limits.grace_seconds
        events = {request.ended, request.flooded}
        done, _ = await asyncio.wait(events, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            said = f"timed out after {timeout:g} s"
            said += await self._halt(kernel, request, grace, said)
            outputs.error("TimeoutError", said, [f"TimeoutError: {said}"])
            return TIMED_OUT
        if request.flooded.done():
            said = f"more than {self.limits.flood / 1e6:.0f} MB of output"
            said += await self._halt(kernel, request, grace, said)
            outputs.error("OutputLimit", said, [f"OutputLimit: {said}"])
            return 1
        if kernel.death.done() and not request.reply:
            death = kernel.death.result()
            said = f"{death.text}. Its variables are gone"
            outputs.error("KernelDied", said, [f"KernelDied: {said}"])
            self._lost = death.text
            return death.exit_code if death.exit_code > 0 else 1
        request.take_reply()
        if request.incomplete:
            await self._reconnect(kernel)
        return int(outputs.failed)

    async def _halt(self, kernel: KernelConnection, request: KernelRequest, grace: float, why: str) -> str:
        """Stop a block: interrupt it, and if it goes on, kill the kernel; returns what it came to."""
        with suppress(Exception):  # whatever is wrong with the way there, the block has to end
            async with asyncio.timeout(grace):
                await kernel.interrupt()
                await request.ended
        request.end()
        self._line.free()
        if kernel.death.done() or not (request.reply or request.incomplete):
            self._lost = why
            await self._discard()
            return "; it did not stop when interrupted and had to be killed: its variables are gone"
        if not request.complete:  # what it said is under way still, and would crowd out what the next block says
            await self._reconnect(kernel)
        return "; interrupted"

    # Beside the blocks ------------------------------------------------------------------------------------

    async def _evaluate(self, kernel: KernelConnection, expression: str, timeout: float | None) -> Any:
        request = self._line.send(kernel, BlockOutputs(), "", {"answer": expression}, silent=True)
        request.reply_is_all = True
        try:
            async with asyncio.timeout(timeout):
                await request.ended
        except (TimeoutError, asyncio.CancelledError) as error:
            await self._halt(kernel, request, self.limits.cancel_seconds, "it did not answer")
            if isinstance(error, TimeoutError):
                raise ExecutionUnavailable(f"the kernel did not answer within {timeout:g} s") from None
            raise
        finally:
            self._line.free()
        if kernel.death.done():
            raise ExecutionUnavailable(f"{kernel.death.result().text}. Its variables are gone")
        return request.answer("answer")

    async def _names(self, kernel: KernelConnection, request: KernelRequest) -> NamesChange | None:
        if not self._installed or kernel.death.done() or self._kernel is None:
            return None
        try:
            if request.reply.get("status") == "ok":
                told = request.answer("names")
            else:  # a kernel evaluates nothing after a block that failed
                told = await self._evaluate(kernel, NAMES, NAMES_SECONDS)
        except (ExecutionUnavailable, TransferError) as error:
            _log.info("the names that a block changed are not known: %s", error)
            return None
        return names_told(told)

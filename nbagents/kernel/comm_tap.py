"""`CommTap`: messages from the browser reach a run in every state of the kernel and from every front end.

ipykernel queues what a widget sends behind the executing cell (6.x), or holds it while the main thread is blocked
(7.4), and fires `post_execute` for it, which shows and closes the figure that the user's cell is still drawing. So
the messages of our own comms, and no others, are taken off the shell stream before ipykernel sees them:

- ipykernel 7.4: in its "Shell channel" thread, within milliseconds, even while the main thread is in `time.sleep`;
- ipykernel 6.x: on the main loop, whenever that is free, so also while a cell awaits. There, other people's comm
  messages are forwarded as well while a cell awaits, as 7.4 does by itself (see `comm_forward`).

Semi-private names of ipykernel are used: `shell_channel_thread`, `shell_channel_thread_main`, `schedule_dispatch`.
Where one is missing the mode is "none" and messages go the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from weakref import WeakKeyDictionary

from .comm_forward import CommForward
from .comm_message import peek

Mode = Literal["shell-channel-thread", "main-loop", "none"]
CommHandler = Callable[[dict[str, Any], list[Any]], None]
"""Called with the content of a message and its buffers, in any thread: it should do no more than
`loop.call_soon_threadsafe(apply, content, context=cell.context)`."""

_BY_KERNEL: WeakKeyDictionary[Any, CommTap] = WeakKeyDictionary()


class CommTap:
    """The tap of one kernel; `CommTap.of(kernel)` installs it once.

    Attributes:
        mode: where handlers are called; "none" when messages go the ordinary way.
        reason: why the mode is "none"; "" otherwise.
    """

    def __init__(self, kernel: Any) -> None:
        self.mode: Mode = "none"
        self.reason = ""
        self._kernel = kernel
        self._handlers: dict[str, CommHandler] = {}
        self._uninstall: Callable[[], None] = lambda: None
        try:
            self._install()
        except Exception as error:
            # Never into the user's cell: without the tap, widgets still work as far as ipykernel goes.
            self.mode, self.reason = "none", f"{type(error).__name__}: {error}"

    @classmethod
    def of(cls, kernel: Any) -> CommTap:
        """The tap of `kernel`, installed at the first call. `kernel` may be None: no kernel, mode "none"."""
        if kernel is None:
            return cls(None)
        if kernel not in _BY_KERNEL:
            _BY_KERNEL[kernel] = cls(kernel)
        return _BY_KERNEL[kernel]

    def register(self, comm_id: str, handler: CommHandler) -> None:
        """Hand the messages of a comm to `handler`.

        Of a widget's comm those are its custom messages (what the browser sends with `model.send`), and `handler` gets
        their content; trait sync and the rest of the widget protocol go the ordinary way. Of a comm that is not a
        widget's it gets each message's data.
        """
        self._handlers[comm_id] = handler

    def unregister(self, comm_id: str) -> None:
        """Let the messages of a comm go the ordinary way again."""
        self._handlers.pop(comm_id, None)

    def uninstall(self) -> None:
        """Give the stream back to ipykernel."""
        self._handlers.clear()
        self._uninstall()
        self._uninstall = lambda: None
        self.mode, self.reason = "none", "it was uninstalled"
        _BY_KERNEL.pop(self._kernel, None)

    def _install(self) -> None:
        kernel = self._kernel
        stream = getattr(kernel, "shell_stream", None)
        if stream is None:
            self.reason = "there is no ipykernel shell stream (terminal, pyodide, xeus-python or in-process kernel)"
        elif getattr(kernel, "shell_channel_thread", None) is not None:
            self._install_in_thread(kernel, stream)
        elif hasattr(kernel, "schedule_dispatch"):
            self._install_on_loop(kernel, stream)
        else:
            self.reason = "this ipykernel has neither a shell channel thread nor schedule_dispatch"

    def _install_in_thread(self, kernel: Any, stream: Any) -> None:
        passed_on = kernel.shell_channel_thread_main
        add_callback = kernel.shell_channel_thread.io_loop.add_callback

        def receive(message: list[Any]) -> Any:
            return None if self._take(message) else passed_on(message)

        # A stream belongs to the thread of its loop.
        add_callback(lambda: stream.on_recv(receive, copy=False))
        self._uninstall = lambda: add_callback(lambda: stream.on_recv(passed_on, copy=False))
        self.mode = "shell-channel-thread"

    def _install_on_loop(self, kernel: Any, stream: Any) -> None:
        forward = CommForward(kernel)

        def receive(message: list[Any]) -> None:
            if not self._take(message):
                forward(message)

        stream.on_recv(receive, copy=False)
        self._uninstall = lambda: stream.on_recv(forward.queue, copy=False)
        self.mode = "main-loop"

    def _take(self, message: list[Any]) -> bool:
        """True when the message was one of ours, and was handed over."""
        peeked = peek(self._kernel.session, message)
        if peeked is None or peeked[0] != "comm_msg":
            return False
        comm_id, data = peeked[1].get("comm_id"), peeked[1].get("data")
        handler = self._handlers.get(comm_id) if isinstance(comm_id, str) else None
        if handler is None or not isinstance(data, dict) or data.get("method", "custom") != "custom":
            return False
        try:
            _, frames = self._kernel.session.feed_identities(message, copy=False)
            verified = self._kernel.session.deserialize(frames, content=True, copy=False)
        except Exception:
            return False  # a wrong signature: ipykernel refuses it, and says so
        data = verified["content"]["data"]
        try:
            handler(data.get("content") or {} if "method" in data else data, verified.get("buffers", []))
        except Exception:
            self._kernel.log.exception("a handler of comm %s failed", comm_id)
        return True

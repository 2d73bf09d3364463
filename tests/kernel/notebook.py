"""A notebook without a browser: a real kernel, and the raw messages that a front end would send it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


@dataclass
class CellRun:
    """One execute_request: what it has shown so far, and its reply once there is one."""

    id: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    reply: dict[str, Any] = field(default_factory=dict)
    replied: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        return "".join(m["content"]["text"] for m in self.messages if m["msg_type"] == "stream")

    @property
    def results(self) -> list[str]:
        return [m["content"]["data"]["text/plain"] for m in self.messages if m["msg_type"] == "execute_result"]

    @property
    def displays(self) -> list[dict[str, Any]]:
        return [m["content"]["data"] for m in self.messages if m["msg_type"] == "display_data"]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [m["content"] for m in self.messages if m["msg_type"] == "error"]

    async def shows(self, text: str) -> None:
        """Wait until the cell has printed `text`."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.text:
                assert not self.replied.is_set() or not self.idle.is_set(), f"ended without {text!r}: {self}"
                await self.changed.wait()
                self.changed.clear()

    async def ends(self, within: float = PATIENCE) -> CellRun:
        """Wait for the reply and for the idle status behind it."""
        async with asyncio.timeout(within):
            await self.replied.wait()
            await self.idle.wait()
        return self


class Notebook:
    """A kernel and its client. Everything it receives is sorted by the request that caused it."""

    def __init__(self, manager: AsyncKernelManager, client: AsyncKernelClient) -> None:
        self.manager, self.client = manager, client
        self.runs: dict[str, CellRun] = {}
        self.comms: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.comm_changed = asyncio.Event()
        self.input_requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._control_replies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, python: str, directory: Path) -> Notebook:
        spec = {"argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}
        folder = directory / "kernels" / "tested"
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"display_name": "tested", **spec}))
        specs = KernelSpecManager(kernel_dirs=[str(folder.parent)], ensure_native_kernel=False)
        manager = AsyncKernelManager(kernel_name="tested", kernel_spec_manager=specs)
        environment = {
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": str(directory / "ipython"),
            "MPLCONFIGDIR": str(directory),
        }
        inherited = dict(os.environ)
        inherited.pop("PYTEST_CURRENT_TEST", None)  # by which ipykernel would leave file descriptors alone
        await manager.start_kernel(env=inherited | environment, cwd=str(directory))
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        notebook = cls(manager, client)
        for channel, sort in (
            (client.iopub_channel, notebook._on_iopub),
            (client.shell_channel, notebook._on_shell),
            (client.stdin_channel, notebook.input_requests.put_nowait),
            (client.control_channel, notebook._control_replies.put_nowait),
        ):
            notebook._tasks.append(asyncio.create_task(_receive(channel, sort)))
        return notebook

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.client.stop_channels()
        await self.manager.shutdown_kernel(now=True)

    def start_cell(self, code: str, *, allow_stdin: bool = True, cell_id: str | None = None) -> CellRun:
        """Send a cell, as the Run button does."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": allow_stdin,
            "stop_on_error": True,
        }
        message = self.client.session.msg("execute_request", content)
        message["metadata"] = {"cellId": cell_id} if cell_id else {}
        run = self.runs[message["header"]["msg_id"]] = CellRun(message["header"]["msg_id"])
        self.client.shell_channel.send(message)
        return run

    async def run(self, code: str, *, within: float = PATIENCE, **options: Any) -> CellRun:
        """Run a cell to its end."""
        return await self.start_cell(code, **options).ends(within)

    async def value(self, code: str) -> Any:
        """Run a cell that prints JSON last."""
        run = await self.run(code)
        assert not run.errors, "\n".join(run.errors[0]["traceback"])
        return json.loads(run.text.strip().splitlines()[-1])

    async def interrupt(self) -> None:
        """The ■ button."""
        await self.manager.interrupt_kernel()

    async def control(self, kind: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """A request on the control channel, and its reply."""
        self.client.control_channel.send(self.client.session.msg(kind, content or {}))
        async with asyncio.timeout(PATIENCE):
            reply: dict[str, Any] = await self._control_replies.get()
        return reply

    def send_comm(
        self, comm_id: str, data: dict[str, Any], *, kind: str = "comm_msg", subshell: str | None = None, **more: Any
    ) -> None:
        """What a widget in the browser sends."""
        message = self.client.session.msg(kind, {"comm_id": comm_id, "data": data, **more})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    async def comm_message(self, kind: str, comm_id: str | None = None) -> dict[str, Any]:
        """Wait for the next comm message of a kind from the kernel."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [m for m in self.comms[kind] if comm_id in (None, m["content"]["comm_id"])]
                if found:
                    self.comms[kind].remove(found[0])
                    return found[0]
                await self.comm_changed.wait()
                self.comm_changed.clear()

    def reply_input(self, request: dict[str, Any], value: str, *, with_parent: bool = True) -> None:
        """Type into the box of an input_request; JupyterLab says which one, consoles do not."""
        message = self.client.session.msg("input_reply", {"value": value}, parent=request if with_parent else None)
        self.client.stdin_channel.send(message)

    async def input_request(self) -> dict[str, Any]:
        """Wait for the next box."""
        async with asyncio.timeout(PATIENCE):
            return await self.input_requests.get()

    def _on_iopub(self, message: dict[str, Any]) -> None:
        if message["msg_type"].startswith("comm_"):
            self.comms[message["msg_type"]].append(message)
            self.comm_changed.set()
        run = self.runs.get(message["parent_header"].get("msg_id", ""))
        if run is None:
            return
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            run.idle.set()
        run.messages.append(message)
        run.changed.set()

    def _on_shell(self, message: dict[str, Any]) -> None:
        run = self.runs.get(message["parent_header"].get("msg_id", ""))
        if run is not None and message["msg_type"] == "execute_reply":
            run.reply = message["content"]
            run.replied.set()
            run.changed.set()


async def _receive(channel: Any, sort: Any) -> None:
    while True:
        sort(await channel.get_msg())


def interpreters() -> list[str]:
    """The Pythons whose ipykernel is tested: ``NBAGENTS_TEST_KERNEL_PYTHONS``, colon-separated, or this one."""
    return [p for p in os.environ.get("NBAGENTS_TEST_KERNEL_PYTHONS", "").split(":") if p] or [sys.executable]

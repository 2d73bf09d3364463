"""Run a local model: an inference server that speaks the OpenAI protocol, in a child process of our own.

`shared` is what a chat client calls: one engine per model and settings in this process, however many agents and
event loops ask for it, and stopped when the interpreter exits. `start` gives one that belongs to the caller. The
engine is a child process that ends with its parent, also if the parent is killed; see ``_engine_child.py``.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import secrets
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from .engine_process import Settings, explain, settle, spawn

STOP_WITHIN = 5.0
"""Seconds for the engine to end by itself before it is killed."""


class Engine:
    """A running engine. Requests need its key; the server listens on 127.0.0.1 only.

    Attributes:
        base_url: for an OpenAI client: ``http://127.0.0.1:PORT/v1``.
        api_key: random, known to this process and the engine only.
        model: the model's name as the server reports it.
        context_length: tokens that one request may use, prompt and answer together.
        pid: of the engine's process.
        log: the file with the engine's warnings and errors.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], *, url: str, api_key: str, model: str, context_length: int, log: Path
    ) -> None:
        self.base_url, self.api_key, self.model = f"{url}/v1", api_key, model
        self.context_length, self.pid, self.log = context_length, process.pid, log
        self._process = process

    @property
    def alive(self) -> bool:
        """Whether the engine's process still runs."""
        return self._process.poll() is None

    async def stop(self) -> None:
        """End the engine and wait until it is gone; requests under way break off."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.to_thread(self._process.wait, STOP_WITHIN)
        except subprocess.TimeoutExpired:
            pass  # killed below
        finally:
            self.kill()

    def kill(self) -> None:
        """End the engine at once. May be called twice, and at exit."""
        _end(self._process)

    def __repr__(self) -> str:  # without the key
        state = "alive" if self.alive else "dead"
        return f"<Engine {self.model!r} at {self.base_url} pid={self.pid} {state}>"


async def start(path: Path, *, context_length: int = 8192, slots: int = 2, threads: int | None = None) -> Engine:
    """Start an engine of the caller's own, which stops it; cancelling this ends the half-started process.

    Args:
        path: a GGUF file, see `weights.find`.
        context_length: tokens that each request may use; a model trained on less gets less.
        slots: requests that are answered at the same time; more than these wait. Memory grows with it.
        threads: default: the physical cores that this process may use.

    Raises:
        ModelEngineError: it could not start; says why, with the engine's last lines.
        ValueError: a number is not positive.
    """
    launch = _Launch(settle(path, context_length, slots, threads))
    try:
        return await asyncio.wrap_future(launch.engine)
    except BaseException:
        launch.abandon()
        raise


async def shared(path: Path, *, context_length: int = 8192, slots: int = 2, threads: int | None = None) -> Engine:
    """The engine of this process for these settings; starts it if it does not run, or has died.

    May be called at once from several tasks and event loops. Arguments and errors are those of `start`.
    """
    settings = settle(path, context_length, slots, threads)
    with _lock:
        launch = _shared.get(settings)
        if launch is None or launch.over:
            launch = _shared[settings] = _Launch(settings)
        launch.waiting += 1
    try:
        return await asyncio.wrap_future(launch.engine)
    finally:
        with _lock:
            launch.waiting -= 1
            if not launch.waiting and not launch.engine.done():  # all who asked for it were cancelled
                del _shared[settings]
                launch.abandon()


class _Launch:
    """An engine that starts, or has started: the process, and a future that any event loop can wait for."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.waiting = settings, 0
        self.api_key = secrets.token_urlsafe(32)
        self.engine: Future[Engine] = Future()
        self.engine.set_running_or_notify_cancel()  # one waiter's cancellation must not cancel it for the others
        self.process, self.log = spawn(settings, self.api_key)
        _processes.add(self.process)
        threading.Thread(target=self._wait_until_ready, name="nbagents-engine", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether this launch failed, or its engine has died."""
        return self.engine.done() and (self.engine.exception() is not None or not self.engine.result().alive)

    def abandon(self) -> None:
        _end(self.process)

    def _wait_until_ready(self) -> None:
        try:
            self.engine.set_result(self._ready())
        except BaseException as error:
            _end(self.process)
            self.engine.set_exception(error)

    def _ready(self) -> Engine:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            line = stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {}
        if "url" not in answer:
            raise explain(self.settings, answer, self.process.wait(), self.log)
        return Engine(
            self.process,
            url=answer["url"],
            api_key=self.api_key,
            model=self.settings.model,
            context_length=answer["context_length"],
            log=self.log,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill and reap; a process that has ended already is left alone."""
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
    _processes.discard(process)


def _end_all() -> None:
    for process in list(_processes):
        _end(process)


def _forget_all() -> None:
    """In a forked child: the engines are the parent's, to use and to end."""
    global _lock
    _lock = threading.Lock()
    _shared.clear()
    _processes.clear()


_lock = threading.Lock()
_shared: dict[Settings, _Launch] = {}
_processes: set[subprocess.Popen[bytes]] = set()
atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)

"""The queue of a runtime and the tasks that work it off.

Messages start in the order in which they came, each in a task of its own, so that handlers overlap. Nothing waits
while there is nothing to do: no loop runs in the background, the first message of a quiet runtime wakes it.
Every task is kept here until it has ended, so "idle" is a fact and not a count that a lost message falsifies.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context
from typing import Any

from .envelope import Envelope, answer, refuse
from .exceptions import UndeliverableException
from .identity import AgentId

logger = logging.getLogger("nbagents.runtime")

GRACE = 0.5
"""Seconds that handlers get to end by themselves when the runtime stops, and again when they are cancelled."""

STOPPED = "the runtime was stopped before the message was delivered"
HALTED = "the runtime was stopped while the message was handled"

BATCH = 128
"""Handlers that are started before the loop turns to something else."""

Delivery = tuple[AgentId, Coroutine[Any, Any, Any], Context]


class Dispatcher:
    """Works off the messages of one runtime.

    Args:
        deliveries: the receivers of an envelope, with the coroutine that hands it to each.
        intervene: sees an envelope before it is delivered, one after the other; False ends it there.
        failed: told of an exception in a handler whose sender awaits no reply; True stops everything.
    """

    def __init__(
        self,
        deliveries: Callable[[Envelope], Iterable[Delivery]],
        intervene: Callable[[Envelope], Coroutine[Any, Any, bool]] | None,
        failed: Callable[[Envelope, AgentId | None, BaseException], bool],
    ) -> None:
        self._deliveries, self._intervene, self._failed = deliveries, intervene, failed
        self.queue: deque[Envelope] = deque()
        self.started = False
        self.failure: BaseException | None = None
        self._tasks: dict[asyncio.Task[Any], tuple[Envelope | None, AgentId | None]] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._scheduled = self._intervening = False

    @property
    def idle(self) -> bool:
        """True when no message waits and no handler runs."""
        return not (self.queue or self._tasks or self._scheduled)

    # Messages come -----------------------------------------------------------------------------------------

    def put(self, envelope: Envelope) -> None:
        """Queue one message.

        Raises:
            UndeliverableException: a reply is wanted, and the runtime has stopped processing after a failure.
        """
        if self.failure is not None and envelope.reply is not None:
            raise UndeliverableException(
                f"the runtime stopped processing when a handler raised {self.failure!r}: stop it and start it again"
            ) from self.failure
        self.queue.append(envelope)
        if self.started:
            self._schedule()
        self._changed()

    async def withdraw(self, envelope: Envelope) -> None:
        """The sender no longer waits: the message is not delivered, or its handling ends before this returns."""
        if envelope.task is not None and not envelope.task.done():
            envelope.task.cancel()
            await asyncio.wait([envelope.task])

    def start(self) -> None:
        """Work off what is queued, and what comes, until `stop`."""
        self.started, self._scheduled = True, False
        if self.queue:
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._scheduled = False
        if self._intervene is not None:
            if not self._intervening:
                self._intervening = True
                self._own(asyncio.ensure_future(self._pump_with_interventions()), None, None)
            return
        # `_open` adds to the tasks of this turn of the loop: when they are many, the rest waits for the next one,
        # so that they begin, and mostly end, before more are made.
        enough = len(self._tasks) + BATCH
        while self.queue and self.started and self.failure is None:
            if len(self._tasks) >= enough:
                self._schedule()
                return
            self._open(self.queue.popleft())
        # Without receivers no task ends that would say so.
        self._changed()

    async def _pump_with_interventions(self) -> None:
        try:
            while self.queue and self.started and self.failure is None:
                await self._handle(self.queue.popleft())
        finally:
            self._intervening = False

    async def _handle(self, envelope: Envelope) -> None:
        if self._intervene is None or await self._passes(self._intervene(envelope), envelope):
            self._open(envelope)

    async def _passes(self, intervening: Coroutine[Any, Any, bool], envelope: Envelope) -> bool:
        """What the intervention says, in a task with the sender's context; it ends when the sender no longer waits."""
        task = asyncio.get_running_loop().create_task(intervening, context=envelope.variables)
        self._own(task, None, None)
        envelope.task = task
        if envelope.token is not None:
            envelope.token.link_future(task)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            refuse(envelope.reply, STOPPED)
            raise
        return not task.cancelled() and task.result()

    async def process_next(self) -> None:
        """Wait for one message and start its handlers.

        Raises:
            Exception: what a handler raised whose sender awaits no reply, when such exceptions are not ignored.
        """
        self.raise_failure()
        while not self.queue:
            await self._change()
        await self._handle(self.queue.popleft())
        # The handlers begin before this returns.
        await asyncio.sleep(0)

    # Handlers run ------------------------------------------------------------------------------------------

    def _open(self, envelope: Envelope) -> None:
        reply = envelope.reply
        if reply is not None and reply.done():
            return
        create_task, token = asyncio.get_running_loop().create_task, envelope.token
        try:
            for agent_id, handling, variables in self._deliveries(envelope):
                task = create_task(handling, context=variables)
                self._own(task, envelope, agent_id)
                if token is not None:
                    token.link_future(task)
                if reply is not None:
                    envelope.task = task
        except Exception as error:
            # A subscription of the user's own could not say who receives this.
            self.fail(envelope, None, error)

    def _own(self, task: asyncio.Task[Any], envelope: Envelope | None, agent_id: AgentId | None) -> None:
        self._tasks[task] = (envelope, agent_id)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        envelope, agent_id = self._tasks.pop(task)
        error = None if task.cancelled() else task.exception()
        if envelope is not None and envelope.reply is not None:
            answer(envelope.reply, task, error)
        elif error is not None and envelope is not None:
            self.fail(envelope, agent_id, error)
        if self._waiters:
            self._changed()

    def fail(self, envelope: Envelope, agent_id: AgentId | None, error: BaseException) -> None:
        """A handler whose sender awaits no reply raised."""
        if self._failed(envelope, agent_id, error) and self.failure is None:
            self.failure = error
            self._discard(f"the runtime stopped processing when {agent_id} raised {error!r}")

    # Waiting and stopping ----------------------------------------------------------------------------------

    def _changed(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _change(self, timeout: float | None = None) -> None:
        """Until a message comes, a handler ends, or `timeout` seconds pass."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await asyncio.wait([waiter], timeout=timeout)
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    async def until(self, condition: Callable[[], bool], poll: float | None = None) -> None:
        """Wait for `condition`, or for a failure; it is asked when something ended, and every `poll` seconds.

        Raises:
            RuntimeError: a handler of this runtime waits for what can only be when it has ended.
        """
        if poll is None and asyncio.current_task() in self._tasks:
            raise RuntimeError(
                "a handler cannot wait until its own runtime is idle: it would wait for itself. "
                "Call stop_when_idle() outside of the agents"
            )
        while self.failure is None and not condition():
            await self._change(poll)

    async def stop(self) -> None:
        """Discard what is queued, let running handlers end for `GRACE` seconds, and cancel the rest.

        Raises:
            Exception: what a handler raised whose sender awaits no reply, when such exceptions are not ignored.
        """
        self.started = False
        self._discard(STOPPED)
        await self._settle()
        self._discard(STOPPED)
        self.raise_failure()

    def raise_failure(self) -> None:
        """Raise, once, what stopped the processing."""
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    async def _settle(self) -> None:
        for cancel in (False, True):
            running = [task for task in self._tasks if task is not asyncio.current_task()]
            if not running:
                return
            if cancel:
                self._cancel(running)
            await asyncio.wait(running, timeout=GRACE)
        left = [str(agent_id) for task, (_, agent_id) in self._tasks.items() if task is not asyncio.current_task()]
        if left:
            logger.warning("still running though cancelled: %s", ", ".join(left))

    def _cancel(self, running: Iterable[asyncio.Task[Any]]) -> None:
        handled = [envelope for envelope, _ in (self._tasks[task] for task in running) if envelope is not None]
        for task in running:
            task.cancel()
        # Handlers that wait for each other were cancelled just now; these replies are awaited from outside.
        for envelope in handled:
            refuse(envelope.reply, HALTED)

    def _discard(self, why: str) -> None:
        while self.queue:
            refuse(self.queue.popleft().reply, why)

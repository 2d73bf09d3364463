"""`SingleThreadedAgentRuntime`: agents and their messages in this process, on the loop that runs now."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, Sequence
from contextvars import copy_context
from types import CoroutineType
from typing import Any

from ...cancellation import CancellationToken
from .agent import Agent
from .context import HANDLING, MessageContext
from .dispatch import Delivery, Dispatcher
from .envelope import Envelope
from .events import DeliveryStage, MessageEvent, MessageHandlerExceptionEvent, MessageKind, event_logger
from .exceptions import UndeliverableException
from .hosting import HostingRuntime
from .identity import AgentId, TopicId
from .intervention import InterventionHandler
from .interventions import Interventions
from .tracing import tracing

logger = logging.getLogger("nbagents.runtime")


class _Started:
    """What `start` returns, so that ``runtime.start()`` and ``await runtime.start()`` both do."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()

    def _ipython_display_(self) -> None:
        """Nothing, where ``runtime.start()`` ends a cell."""


class SingleThreadedAgentRuntime(HostingRuntime):
    """Runs agents in this process. Handlers overlap: each message is handled in a task of its own.

    A handler runs with the context variables of whoever sent the message, so what it does belongs to the sender's run.

    Args:
        intervention_handlers: see every message before it is delivered, in this order.
        tracer_provider: an OpenTelemetry one; by default that of the program, if it has set one by now.
        ignore_unhandled_exceptions: log what a handler raises whose sender awaits no reply; False stops processing
            and raises it from `process_next`, `stop`, `stop_when` or `stop_when_idle`.
    """

    def __init__(
        self,
        *,
        intervention_handlers: Sequence[InterventionHandler] | None = None,
        tracer_provider: Any = None,
        ignore_unhandled_exceptions: bool = True,
    ) -> None:
        super().__init__()
        self._tracing = tracing(tracer_provider)
        self._interventions = Interventions(intervention_handlers) if intervention_handlers else None
        self._ignore_unhandled_exceptions = ignore_unhandled_exceptions
        intervene = self._intervene if self._interventions else None
        self._dispatcher = Dispatcher(self._deliveries, intervene, self._unhandled)

    # Messages ----------------------------------------------------------------------------------------------

    @property
    def unprocessed_messages_count(self) -> int:
        """How many messages wait for `process_next`, or for their turn."""
        return len(self._dispatcher.queue)

    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> Any:
        if not self._registry.knows(recipient.type):
            raise UndeliverableException("Recipient not found")
        if self._tracing is not None:
            with self._tracing.span("send", recipient):
                return await self._send(message, recipient, sender, cancellation_token, message_id)
        return await self._send(message, recipient, sender, cancellation_token, message_id)

    async def publish_message(
        self,
        message: Any,
        topic_id: TopicId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> None:
        if self._tracing is not None:
            with self._tracing.span("publish", topic_id):
                self._publish(message, topic_id, sender, cancellation_token, message_id)
        else:
            self._publish(message, topic_id, sender, cancellation_token, message_id)

    async def _send(
        self,
        message: Any,
        recipient: AgentId,
        sender: AgentId | None,
        token: CancellationToken | None,
        message_id: str | None,
    ) -> Any:
        reply = asyncio.get_running_loop().create_future()
        if token is not None:
            token.link_future(reply)
        context = _context(sender, None, token, message_id)
        envelope = Envelope(message, context, recipient, reply, token, copy_context())
        self._log(message, sender, recipient, MessageKind.DIRECT, DeliveryStage.SEND)
        self._dispatcher.put(envelope)
        try:
            answer = await reply
        except asyncio.CancelledError:
            await self._dispatcher.withdraw(envelope)
            raise
        self._log(answer, recipient, sender, MessageKind.RESPOND, DeliveryStage.DELIVER)
        return answer

    def _publish(
        self,
        message: Any,
        topic_id: TopicId,
        sender: AgentId | None,
        token: CancellationToken | None,
        message_id: str | None,
    ) -> None:
        context = _context(sender, topic_id, token, message_id)
        self._log(message, sender, topic_id, MessageKind.PUBLISH, DeliveryStage.SEND)
        self._dispatcher.put(Envelope(message, context, None, None, token, copy_context()))

    def _deliveries(self, envelope: Envelope) -> Iterator[Delivery]:
        if envelope.recipient is not None:
            yield envelope.recipient, self._answer(envelope.recipient, envelope), envelope.variables
            return
        topic, sender = envelope.context.topic_id, envelope.context.sender
        assert topic is not None, "a publication has a topic"
        observed = self._tracing is not None or event_logger.isEnabledFor(logging.INFO)
        for agent_id in self._routes.receivers(topic):
            if sender is not None and agent_id == sender:
                continue
            variables = envelope.variables.copy()
            agent = None if observed else self._registry.instances.get(agent_id)
            if agent is not None:
                # The common case: the handler's own coroutine becomes the task.
                variables.run(HANDLING.set, agent_id)
                yield agent_id, _handling(agent, envelope), variables
            else:
                yield agent_id, self._hear(agent_id, envelope), variables

    async def _hear(self, agent_id: AgentId, envelope: Envelope) -> Any:
        """Hand a message to one agent, which is made now if it was not there; returns its answer."""
        # No reset: the delivery's task has a context of its own.
        HANDLING.set(agent_id)
        agent = self._registry.instances.get(agent_id) or await self._registry.agent(agent_id)
        context = envelope.context
        kind = MessageKind.DIRECT if context.is_rpc else MessageKind.PUBLISH
        self._log(envelope.message, context.sender, agent_id, kind, DeliveryStage.DELIVER)
        if self._tracing is None:
            return await agent.on_message(envelope.message, context)
        with self._tracing.span("process", agent_id):
            return await agent.on_message(envelope.message, context)

    async def _answer(self, agent_id: AgentId, envelope: Envelope) -> Any:
        try:
            answer = await self._hear(agent_id, envelope)
        except Exception as error:
            self._log_error(envelope, agent_id, error)
            raise
        sender = envelope.context.sender
        self._log(answer, agent_id, sender, MessageKind.RESPOND, DeliveryStage.SEND)
        if self._interventions is not None:
            answer = await self._interventions.response(answer, agent_id, sender)
        return answer

    async def _intervene(self, envelope: Envelope) -> bool:
        assert self._interventions is not None, "called only where there are intervention handlers"
        try:
            return await self._interventions.before_delivery(envelope)
        except Exception as error:
            if envelope.reply is None:
                self._dispatcher.fail(envelope, None, error)
            elif not envelope.reply.done():
                envelope.reply.set_exception(error)
            return False

    def _unhandled(self, envelope: Envelope, agent_id: AgentId | None, error: BaseException) -> bool:
        self._log_error(envelope, agent_id, error)
        where = f"Error processing publish message for {agent_id}" if agent_id else "Error in an intervention handler"
        logger.error(where, exc_info=error)
        return not self._ignore_unhandled_exceptions

    def _log(
        self, message: Any, sender: AgentId | None, receiver: Any, kind: MessageKind, stage: DeliveryStage
    ) -> None:
        if event_logger.isEnabledFor(logging.INFO):
            event = MessageEvent(payload=message, sender=sender, receiver=receiver, kind=kind, delivery_stage=stage)
            event_logger.info(event)

    def _log_error(self, envelope: Envelope, agent_id: AgentId | None, error: BaseException) -> None:
        if agent_id is not None and event_logger.isEnabledFor(logging.INFO):
            event = MessageHandlerExceptionEvent(payload=envelope.message, handling_agent=agent_id, exception=error)
            event_logger.info(event)

    # Running -----------------------------------------------------------------------------------------------

    def start(self) -> _Started:
        """Process messages from now on; may be awaited.

        Raises:
            RuntimeError: it is started already.
        """
        if self._dispatcher.started:
            raise RuntimeError("Runtime is already started")
        self._dispatcher.start()
        return _Started()

    async def process_next(self) -> None:
        """Process one message of a runtime that is not started; waits for one if there is none.

        Raises:
            Exception: what a handler raised before, when such exceptions are not ignored.
        """
        await self._dispatcher.process_next()

    async def stop(self) -> None:
        """Stop now: what is queued is discarded, whoever awaits a reply gets an `UndeliverableException`; handlers
        that run have half a second to end, then they are cancelled.

        Raises:
            RuntimeError: it is not started.
            Exception: what a handler raised before, when such exceptions are not ignored.
        """
        self._check_started()
        await self._dispatcher.stop()

    async def stop_when_idle(self) -> None:
        """Stop as soon as no message waits and no handler runs; raises what `stop` raises, and

        Raises:
            RuntimeError: a handler called it: it would wait for itself.
        """
        self._check_started()
        await self._dispatcher.until(lambda: self._dispatcher.idle)
        await self._dispatcher.stop()

    async def stop_when(self, condition: Callable[[], bool]) -> None:
        """Stop as soon as `condition()` is true: it is asked whenever a handler ended, and ten times a second."""
        self._check_started()
        await self._dispatcher.until(condition, poll=0.1)
        await self._dispatcher.stop()

    async def close(self) -> None:
        """Stop if started, and close all agents."""
        try:
            if self._dispatcher.started:
                await self.stop()
        finally:
            for _, agent in self._registry:
                await agent.close()

    def _check_started(self) -> None:
        if not self._dispatcher.started:
            raise RuntimeError("Runtime is not started")


def _context(
    sender: AgentId | None, topic_id: TopicId | None, token: CancellationToken | None, message_id: str | None
) -> MessageContext:
    return MessageContext(sender, topic_id, topic_id is None, token or CancellationToken(), message_id or _new_id())


def _handling(agent: Agent, envelope: Envelope) -> Coroutine[Any, Any, Any]:
    """The coroutine of an agent's handler; what goes wrong before there is one is raised in its place."""
    try:
        handling = agent.on_message(envelope.message, envelope.context)
    except Exception as error:
        return _raising(error)
    return handling if type(handling) is CoroutineType else _awaiting(handling)


async def _raising(error: Exception) -> None:
    raise error


async def _awaiting(answer: Awaitable[Any]) -> Any:
    return await answer


def _new_id() -> str:
    return str(uuid.uuid4())

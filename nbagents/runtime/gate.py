"""The gate: every effect of an agent on the world passes here, and nowhere else.

Asking a model, running code and asking a person are approved, performed, recorded and reported by the
same steps. No agent has approval, cost or log code of its own; it asks `current_gate()`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakValueDictionary

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..errors import ModelResponseError
from ..executors import CodeExecutor
from ..messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent
from ..models.client import ChatCompletionClient
from ..models.messages import CreateResult, FunctionCall, LLMMessage
from ..models.offered import OfferedTool, ToolChoice
from ..models.request import asked_with, options_as_json
from ..tools.caller import called_by
from ..tools.results import ToolResult
from ..tools.tool import Tool
from ..tools.workbench import Workbench
from . import tool_effect
from .approval import Approvals
from .console import ask_on_console
from .error_redaction import redact_error
from .hold import let_through
from .journal import Journal, dumped, effect_key
from .journal_lines import Entry
from .prompt_digest import PromptDigest
from .questions import Answer, OpenQuestions, Question
from .redaction import Redactor, redacted
from .usage import Usage, spend

Asker = Callable[[Question], Awaitable[None]]
"""Brings a question to a person. It calls `question.answer` or `question.fail`, now or later, and may return
before that; it is cancelled as soon as the question is answered through another channel."""


class Listener(Protocol):
    """Follows a run: the screen, a log."""

    def entry(self, entry: Entry) -> None:
        """An entry was written to the journal."""

    def chunk(self, agent: str, message_id: str, text: str) -> None:
        """A piece of an answer arrived; pieces are shown, never recorded."""


class _Effect:
    """What `Gate._performing` hands to the code that performs: the place for its outcome."""

    __slots__ = ("key", "outcome", "usage")

    def __init__(self, key: str) -> None:
        self.key = key
        self.outcome: Any = None
        self.usage: Any = None


class Gate:
    """The gate of one run.

    Args:
        journal: where every effect is recorded.
        approvals: when a person is asked before code runs.
        asker: how a question reaches a person; the terminal's, unless told otherwise.
        redactor: takes secrets out of what code shows and models say.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        *,
        approvals: Approvals | None = None,
        asker: Asker = ask_on_console,
        redactor: Redactor | None = None,
    ) -> None:
        self.redact = redactor or Redactor.from_environment()
        self.journal = journal or Journal(redact=self.redact)
        self.approvals = approvals or Approvals()
        self.questions = OpenQuestions()
        self.usage = Usage()
        self.listeners: list[Listener] = []
        self.turn = 0
        self.asker = asker
        self._effects = 0
        self._prompts: dict[str, PromptDigest] = {}
        self._recorded: WeakValueDictionary[int, BaseChatMessage | BaseAgentEvent] = WeakValueDictionary()

    # What happens in the conversation -------------------------------------------------------------------

    def write(self, type: str, /, **fields: Any) -> Entry:
        """Write one entry to the journal and tell the listeners."""
        entry = self.journal.write(type, **fields)
        for listener in self.listeners:
            listener.entry(entry)
        return entry

    def _note(self, type: str, /, **fields: Any) -> None:
        """As `write`, but a run that nobody follows and that is kept in memory only puts off the work."""
        if self.listeners:
            self.write(type, **{name: dumped(value) for name, value in fields.items()})
        else:
            self.journal.note(type, **fields)

    def record(self, message: BaseChatMessage | BaseAgentEvent) -> None:
        """Record one message or event before anybody acts on it. Streaming chunks are shown and not kept.

        A message of a run within a run is handed on by the runs around it: it is recorded the first time only.
        """
        if isinstance(message, ModelClientStreamingChunkEvent) and not self.listeners:
            return
        if self._recorded.get(id(message)) is message:
            return
        self._recorded[id(message)] = message
        if isinstance(message, ModelClientStreamingChunkEvent):
            text = self.redact(message.content)
            for listener in self.listeners:
                listener.chunk(message.source, message.full_message_id or "", text)
            return
        self._note("message", turn=self.turn, message=message)

    def speaker(self, agents: Sequence[str]) -> None:
        """A turn begins: these agents speak."""
        self.turn += 1
        self._note("speaker", turn=self.turn, agents=tuple(agents))

    # Effects ----------------------------------------------------------------------------------------------

    async def model(
        self,
        agent: str,
        client: ChatCompletionClient,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        stream: bool = False,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Ask a model: yields text as it comes if `stream`, and the whole `CreateResult` last.

        The arguments after `messages` are those of `ChatCompletionClient.create`.

        Raises:
            ModelError: the model did not answer.
        """
        name = f"{client.provider}/{client.model}" if client.provider else client.model or type(client).__name__
        options = options_as_json(tools, tool_choice, json_output, extra_create_args)
        prompt = self._prompts.setdefault(agent, PromptDigest()).of(messages)
        request = {"model": name, "messages": prompt, **options}
        summary = {"model": name, "messages": len(messages)}
        if tools:
            summary["tools"] = [tool["name"] for tool in options["tools"]]
        asked = asked_with(tools, tool_choice, json_output, extra_create_args, cancellation_token)
        result: CreateResult | None = None
        async with self._performing("model", agent, request, recorded=summary) as effect:
            if stream:
                async with aclosing(client.create_stream(messages, **asked)) as parts:
                    async for part in parts:
                        if isinstance(part, str):
                            yield part
                        else:
                            result = self._answer_without_secrets(part)
            else:
                result = self._answer_without_secrets(await client.create(messages, **asked))
            if result is None:
                raise ModelResponseError(f"{name} ended its stream without a result: a client yields it last")
            self.usage.add(agent, result.model or name, result.usage)
            spend(agent, result.model or name, result.usage)
            effect.outcome, effect.usage = result, result.usage
        # Yielded only now: what an agent acts on is in the journal already.
        yield result

    async def code(
        self,
        agent: str,
        executor: CodeExecutor,
        block: CodeBlock,
        cancellation_token: CancellationToken,
        *,
        approved: bool = False,
    ) -> tuple[CodeBlock, CodeResult]:
        """Run one block, after a person approved it where the policy says so, or unasked if it is `approved` already.

        Returns:
            The block that really ran (a person may have edited it) and what it did. A refused block is a result
            with exit code 1 whose output gives the reason.

        Raises:
            HumanInputUnavailable: approval is needed and nobody can be asked.
        """
        if not approved and self.approvals.asks(agent):
            answer = await self._ask("approval", agent, f"Run this block of {agent}?", block, executor.target)
            if answer.decision == "reject":
                reason = answer.text or "no reason was given"
                return block, CodeResult(exit_code=1, output=f"Code execution was not approved. Reason: {reason}")
            if answer.decision == "allow":
                self.approvals.allow(agent)
            if answer.decision == "edit":
                block = CodeBlock(code=answer.code, language=block.language)
        request = {"target": executor.target, **block.model_dump()}
        async with self._performing("code", agent, request) as effect:
            result = await executor.execute_code_blocks([block], cancellation_token)
            result = self._without_secrets(result)
            effect.outcome = result.model_dump(mode="json")
        return block, result

    async def tool(
        self,
        agent: str,
        tools: Workbench | Tool,
        call: FunctionCall,
        cancellation_token: CancellationToken | None = None,
        *,
        emit: Callable[[Any], None] | None = None,
    ) -> ToolResult:
        """Call a tool, after a person approved it where the tool says so.

        Args:
            agent: who calls.
            tools: the workbench that has the tool, or the tool.
            call: what the model asked for.
            cancellation_token: ends the call.
            emit: told what a streaming tool does on the way.

        Returns:
            What the tool gave back. Arguments that cannot be read, an error in the tool and a person's no are
            results with `is_error`.

        Raises:
            HumanInputUnavailable: approval is needed and nobody can be asked.
        """
        workbench = tool_effect.workbench_of(tools)
        try:
            asked = arguments = tool_effect.arguments_of(call.arguments)
            if workbench.requires_approval(call.name):
                arguments = await self._approved(agent, call.name, asked)
        except ValueError as error:
            return tool_effect.failed(call, f"Error: {error}")
        except tool_effect.NotApproved as refusal:
            return tool_effect.failed(call, str(refusal))
        token = cancellation_token or CancellationToken()
        async with self._performing("tool", agent, {"name": call.name, "arguments": arguments}) as effect:
            with called_by(tool_effect.caller(agent, self.model)):
                result = await tool_effect.performed(workbench, call, arguments, token, emit)
            if arguments != asked:
                result = tool_effect.told_of_edit(result, arguments)
            result = tool_effect.without_secrets(result, self.redact)
            effect.outcome = result.model_dump(mode="json", exclude={"type", "name"})
        return result

    async def _approved(self, agent: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments to which a person agreed, as they are or edited; asked unless they agreed for the whole run."""
        grant = f"{agent} calls {tool}"
        if not self.approvals.asks(grant):
            return arguments
        block = tool_effect.as_block(arguments)
        answer = await self._ask("approval", agent, f"Let {agent} call {tool}?", block, tool)
        if answer.decision == "reject":
            raise tool_effect.NotApproved(tool, answer.text)
        if answer.decision == "allow":
            self.approvals.allow(grant)
        return tool_effect.arguments_of(answer.code) if answer.decision == "edit" else arguments

    async def person(self, agent: str, prompt: str, asker: Asker | None = None) -> Answer:
        """Ask the person behind `agent`, through `asker` if the agent has one of its own.

        Raises:
            HumanInputUnavailable: nobody can be asked.
        """
        async with self._performing("person", agent, {"prompt": prompt}) as effect:
            answer = await self._ask("reply", agent, prompt, asker=asker)
            effect.outcome = {"decision": answer.decision, "text": answer.text}
        return answer

    async def _ask(
        self,
        kind: Any,
        agent: str,
        prompt: str,
        block: CodeBlock | None = None,
        target: str = "",
        *,
        asker: Asker | None = None,
    ) -> Answer:
        """Open a question, bring it to a person, and wait for the first answer."""
        question = self.questions.open(kind, agent, prompt, block, target)
        code = {"code": block.code, "language": block.language, "target": target} if block else {}
        self.write("question", question=question.id, kind=kind, agent=agent, prompt=prompt, **code)
        asking = asyncio.ensure_future((asker or self.asker)(question))
        asking.add_done_callback(lambda task: _fail_with(task, question))
        try:
            answer = await question.wait()
        finally:
            self.questions.close(question)
            asking.cancel()
            await asyncio.wait([asking])
        self.write(
            "answer",
            question=question.id,
            decision=answer.decision,
            text=answer.text or None,
            code=answer.code or None,
            channel=answer.channel or None,
        )
        return answer

    @asynccontextmanager
    async def _performing(
        self, kind: str, agent: str, request: dict[str, Any], recorded: dict[str, Any] | None = None
    ) -> AsyncIterator[_Effect]:
        """Record the start of an effect, then its outcome, whatever that is. A run that is held waits before it."""
        await let_through()
        self._effects += 1
        id, started = f"e{self._effects}", time.perf_counter()
        effect = _Effect(effect_key(kind, agent, request))
        self._note("effect", effect=id, kind=kind, agent=agent, key=effect.key, request=recorded or request)
        try:
            yield effect
        except BaseException as error:
            redact_error(error, self.redact)
            self._finished(id, started, ok=False, error=f"{type(error).__name__}: {error}")
            raise
        self._finished(id, started, ok=True, value=effect.outcome, usage=effect.usage)

    def _finished(self, id: str, started: float, **fields: Any) -> None:
        self._note("result", effect=id, seconds=round(time.perf_counter() - started, 3), **fields)

    def _answer_without_secrets(self, result: CreateResult) -> CreateResult:
        """What agents act on is what is recorded and shown: a block is run as it was approved."""
        said = {"content": result.content, "thought": result.thought}
        clean: dict[str, Any] = {name: self.redact(text) for name, text in said.items() if isinstance(text, str)}
        if not isinstance(result.content, str):
            clean["content"] = [replace(call, arguments=self.redact(call.arguments)) for call in result.content]
        if all(clean[name] == said[name] for name in clean):
            return result
        return result.model_copy(update=clean)

    def _without_secrets(self, result: CodeResult) -> CodeResult:
        clean = {"output": self.redact(result.output), "outputs": redacted(result.outputs, self.redact)}
        return result.model_copy(update=clean)


def _fail_with(asking: Any, question: Question) -> None:
    """An asker that raised could not reach anybody: that is the answer's failure."""
    if not asking.cancelled() and asking.exception() is not None:
        question.fail(asking.exception())

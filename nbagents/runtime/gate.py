"""The gate: every effect of an agent on the world passes here, and nowhere else.

Asking a model, running code and asking a person are approved, performed, recorded and reported by the
same steps. No agent has approval, cost or log code of its own; it asks `current_gate()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from copy import copy
from typing import Any

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..errors import ModelResponseError
from ..executors.code_executor import CodeExecutor, target_of
from ..executors.stopped_code import shown_before
from ..models.client import ChatCompletionClient, name_of
from ..models.messages import CreateResult, FunctionCall, LLMMessage
from ..models.offered import OfferedTool, ToolChoice
from ..models.plain_client import as_client
from ..models.request import asked_with, options_as_json
from ..tools.caller import called_by
from ..tools.results import ToolResult
from ..tools.tool import Tool
from ..tools.workbench import Workbench
from . import effect_events, model_effect, tool_effect
from .approval import Approvals
from .budget import Budget
from .console import ask_on_console
from .journal import Journal
from .model_ear import ModelEar
from .prompt_digest import PromptDigest
from .questions import Answer, OpenQuestions, Question
from .redaction import Redactor, redacted
from .run_log import Listener, RunLog

__all__ = ["Asker", "Gate", "Listener"]

Asker = Callable[[Question], Awaitable[None]]
"""Brings a question to a person. It calls `question.answer` or `question.fail`, now or later, and may return
before that; it is cancelled as soon as the question is answered through another channel."""


class Gate(RunLog):
    """The gate of one run.

    Args:
        journal: where every effect is recorded.
        approvals: when a person is asked before code runs.
        asker: how a question reaches a person; the terminal's, unless told otherwise.
        redactor: takes secrets out of what code shows and models say.
        budget: what may be spent; None is no limit. It may be changed between two runs of a team.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        *,
        approvals: Approvals | None = None,
        asker: Asker = ask_on_console,
        redactor: Redactor | None = None,
        budget: Budget | None = None,
    ) -> None:
        super().__init__(journal, redactor, budget)
        self.approvals = approvals or Approvals()
        self.questions = OpenQuestions()
        self.asker = asker
        self._prompts: dict[str, PromptDigest] = {}

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
        message_id: str | None = None,
        digest: PromptDigest | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Ask a model: yields text as it comes if `stream`, and the whole `CreateResult` last.

        The arguments after `messages` are those of `ChatCompletionClient.create`. With the `message_id` that the chunks
        will have, they are shown as they come, also while the loop is busy. `digest` has seen the prompts of earlier
        runs, so that they are not read again; without it the run has one of its own for each agent.

        Raises:
            ModelError: the model did not answer.
            BudgetReached: the call could cost more than is left.
        """
        client = as_client(client)
        name = name_of(client)
        options = options_as_json(tools, tool_choice, json_output, extra_create_args)
        prompt = (digest or self._prompts.setdefault(agent, PromptDigest())).of(messages)
        request = {"model": name, "messages": prompt, **options}
        summary = {"model": name, "messages": len(messages)}
        if tools:
            summary["tools"] = [tool["name"] for tool in options["tools"]]
        asked = asked_with(tools, tool_choice, json_output, extra_create_args, cancellation_token)
        heard = self.shows_early(agent, message_id) if stream and client.on_io_thread is True else None
        result: CreateResult | None = None
        with self._set_aside(client, messages, tools, extra_create_args or {}) as may_repeat:
            async with self.performing("model", agent, request, recorded=summary) as effect:
                ear = ModelEar(self, effect, agent, may_repeat)
                if stream:
                    effect_events.log_question(agent, messages, self.redact)
                    answer = model_effect.streamed_answer(ear, effect, client, messages, asked, heard)
                    async with aclosing(answer):
                        async for part in answer:
                            if isinstance(part, str):
                                yield part
                            else:
                                result = part
                    self.heard_all(agent, message_id)
                else:
                    result = await model_effect.whole_answer(ear, effect, client, messages, asked)
                if result is None:
                    raise ModelResponseError(model_effect.NO_RESULT.format(name))
                result = model_effect.without_secrets(result, self.redact)
                model_effect.count(self, agent, client, messages, tools, result, effect)
        # Yielded only now: what an agent acts on is in the journal already.
        effect_events.log_answer(agent, messages, result, self.redact, streamed=stream)
        yield result

    def _set_aside(
        self,
        client: ChatCompletionClient,
        messages: Sequence[LLMMessage],
        tools: Sequence[OfferedTool],
        options: Mapping[str, Any],
    ) -> AbstractContextManager[Callable[[], None]]:
        """Within, what the call may cost is set aside of the budget; what it gives is called before a repetition."""
        if self.allowance is None:
            return nullcontext(lambda: None)
        return self.allowance.call(client, messages, tools, options, self.taken)

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
            answer = await self._ask("approval", agent, f"Run this block of {agent}?", block, target_of(executor))
            if answer.decision == "reject":
                reason = answer.text or "no reason was given"
                return block, CodeResult(exit_code=1, output=f"Code execution was not approved. Reason: {reason}")
            if answer.decision == "allow":
                self.approvals.allow(agent)
            if answer.decision == "edit":
                block = CodeBlock(code=answer.code, language=block.language)
        request = {"target": target_of(executor), "code": block.code, "language": block.language}
        async with self.performing("code", agent, request) as effect:
            try:
                result = await executor.execute_code_blocks([block], cancellation_token)
            except asyncio.CancelledError as stopped:
                if shown := shown_before(stopped):
                    effect.outcome = self._without_secrets(shown).dump()
                raise
            result = self._without_secrets(result)
            effect.outcome = result.dump()
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
        async with self.performing("tool", agent, {"name": call.name, "arguments": arguments}) as effect:
            effect.span.called(call.id)
            with called_by(tool_effect.caller(agent, self.model, self.person)):
                result = await tool_effect.performed(workbench, call, arguments, token, emit)
            if arguments != asked:
                result = tool_effect.told_of_edit(result, arguments)
            result = tool_effect.without_secrets(result, self.redact)
            effect.outcome = result.model_dump(mode="json", exclude={"type", "name"})
            effect_events.log_tool_call(agent, call.name, arguments, result, self.redact)
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
        async with self.performing("person", agent, {"prompt": prompt}) as effect:
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
        question.fail_with(asking)
        try:
            with self.allowance.waiting() if self.allowance is not None else _UNBOUNDED:
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

    def _without_secrets(self, result: CodeResult) -> CodeResult:
        clean = copy(result)  # a result of somebody's own class may be made otherwise than ours
        clean.output, clean.outputs = self.redact(result.output), redacted(result.outputs, self.redact)
        return clean


_UNBOUNDED = nullcontext()

"""The agent that runs code: that of others, and that of a model, with its decisions, rule by rule."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from nbagents.agents import ApprovalRequest, ApprovalResponse, CodeExecutorAgent
from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult
from nbagents.messages import CodeExecutionEvent, CodeGenerationEvent, TextMessage, ThoughtEvent
from nbagents.runtime import Answer, Approvals, Gate, passing
from tests.agents.scripts import client, kinds, prompt, thinking
from tests.scripted import EndlessExecutor, ScriptedExecutor, ScriptedPerson

CODE = "```python\nprint(1)\n```"
FAILED = CodeResult(exit_code=3, output="boom")
YES, NO = '{"reason": "a typo", "retry": true}', '{"reason": "hopeless", "retry": false}'


@pytest.fixture(autouse=True)
def unasked() -> Iterator[None]:
    """Blocks run unasked, unless a test says otherwise."""
    with passing(Gate(approvals=Approvals("always"))):
        yield


async def test_without_a_model_the_code_of_the_messages_runs() -> None:
    executor = ScriptedExecutor("1\n", "2")
    task = f"{CODE}\nand\n```PYTHON\nprint(2)\n```\nbut not\n```rust\nfn main() {{}}\n```"
    result = await CodeExecutorAgent("c", executor).run(task=task)
    assert executor.ran == ["print(1)", "print(2)"]
    assert [message.to_text() for message in result.messages[1:]] == ["1\n2"]


async def test_a_result_of_ones_own_class_may_be_made_otherwise() -> None:
    class Timed(CodeResult):
        def __init__(self, seconds: float) -> None:
            super().__init__(0, f"took {seconds} s")

    result = await CodeExecutorAgent("c", ScriptedExecutor(Timed(1.5))).run(task=CODE)
    assert result.messages[-1].to_text() == "took 1.5 s"


async def test_without_code_it_says_so() -> None:
    result = await CodeExecutorAgent("c", ScriptedExecutor()).run(task="hello")
    assert result.messages[-1].to_text() == CodeExecutorAgent.NO_CODE_BLOCKS_FOUND_MESSAGE


async def test_only_the_code_of_the_sources_runs() -> None:
    executor = ScriptedExecutor("1")
    agent = CodeExecutorAgent("c", executor, sources=["coder"])
    said = [TextMessage(content=CODE, source="user"), TextMessage(content="```python\nx\n```", source="coder")]
    await agent.run(task=said)
    assert executor.ran == ["x"]


async def test_only_supported_languages_run() -> None:
    executor = ScriptedExecutor("1")
    agent = CodeExecutorAgent("c", executor, supported_languages=["Bash"])
    await agent.run(task=f"{CODE}\n```bash\nls\n```")
    assert executor.ran == ["ls"]


async def test_a_failure_and_an_empty_output_are_worded() -> None:
    agent = CodeExecutorAgent("c", ScriptedExecutor(FAILED, ""))
    failed, empty = [(await agent.run(task=CODE)).messages[-1].to_text() for _ in range(2)]
    assert failed == "The script ran, then exited with an error (POSIX exit code: 3)\nIts output was:\nboom"
    assert empty.startswith("The script ran but produced no output to console. The POSIX exit code was: 0.")


async def test_with_a_model_code_is_written_run_and_answered_from() -> None:
    model, executor = client(thinking(CODE, "easy"), "It is 1."), ScriptedExecutor("1")
    result = await CodeExecutorAgent("c", executor, model_client=model).run(task="go")
    assert kinds(result.messages[1:]) == ["ThoughtEvent", "CodeGenerationEvent", "CodeExecutionEvent", "TextMessage"]
    assert prompt(model)[1:] == [("UserMessage", "go"), ("AssistantMessage", CODE), ("UserMessage", "1")]
    assert isinstance(result.messages[1], ThoughtEvent) and result.messages[-1].to_text() == "It is 1."


async def test_an_answer_without_code_is_the_answer() -> None:
    result = await CodeExecutorAgent("c", ScriptedExecutor(), model_client=client("Hello.")).run(task="go")
    assert [message.to_text() for message in result.messages] == ["go", "Hello."]


async def test_a_failure_is_corrected_if_the_model_decides_so_and_the_task_is_told_once() -> None:
    model, executor = client(CODE, YES, CODE, "It is 1."), ScriptedExecutor(FAILED, "1")
    result = await CodeExecutorAgent("c", executor, model_client=model, max_retries_on_error=2).run(task="go")
    assert kinds(result.messages[1:]) == [
        "CodeGenerationEvent", "CodeExecutionEvent", "CodeGenerationEvent",
        "CodeGenerationEvent", "CodeExecutionEvent", "TextMessage",
    ]  # fmt: skip
    attempts = [
        one.retry_attempt for one in result.messages if isinstance(one, CodeGenerationEvent | CodeExecutionEvent)
    ]
    assert attempts == [0, 0, 0, 1, 1]
    proposal = result.messages[3]
    assert isinstance(proposal, CodeGenerationEvent) and proposal.code_blocks == []
    assert proposal.content == "Attempt number: 1\nProposed correction: a typo"
    assert [content for _, content in prompt(model)].count("go") == 1
    assert model.create_calls[1]["json_output"].__name__ == "RetryDecision"


@pytest.mark.parametrize("decision", [NO, "no JSON at all"])
async def test_a_no_or_an_unreadable_decision_ends_the_attempts(decision: str) -> None:
    model, executor = client(CODE, decision, "It failed."), ScriptedExecutor(FAILED)
    result = await CodeExecutorAgent("c", executor, model_client=model, max_retries_on_error=2).run(task="go")
    assert len(executor.ran) == 1 and result.messages[-1].to_text() == "It failed."


async def test_the_last_failure_is_not_decided_on() -> None:
    model, executor = client(CODE, YES, CODE, "It failed."), ScriptedExecutor(FAILED, FAILED)
    result = await CodeExecutorAgent("c", executor, model_client=model, max_retries_on_error=1).run(task="go")
    assert len(executor.ran) == 2 and result.messages[-1].to_text() == "It failed."


async def test_the_events_are_among_the_inner_messages() -> None:
    agent = CodeExecutorAgent("c", ScriptedExecutor("1"), model_client=client(CODE, "It is 1."))
    response = await agent.on_messages([TextMessage(content="go", source="user")], CancellationToken())
    assert kinds(response.inner_messages or ()) == ["CodeGenerationEvent", "CodeExecutionEvent"]


def test_retries_need_a_model_with_structured_output() -> None:
    with pytest.raises(ValueError, match="model_info must be provided"):
        CodeExecutorAgent("c", ScriptedExecutor(), max_retries_on_error=1)
    unable = client(structured_output=False)
    with pytest.raises(ValueError, match="doesn't support structured output"):
        CodeExecutorAgent("c", ScriptedExecutor(), model_client=unable, max_retries_on_error=1)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_an_approval_func_decides_on_all_blocks_in_place_of_the_gate(kind: str) -> None:
    asked: list[ApprovalRequest] = []
    threads: list[int] = []

    def decide(request: ApprovalRequest) -> ApprovalResponse:
        asked.append(request)
        threads.append(threading.get_ident())
        return ApprovalResponse(approved=len(asked) > 1, reason="not now")

    async def decide_later(request: ApprovalRequest) -> ApprovalResponse:
        return decide(request)

    executor = ScriptedExecutor("1")
    with passing(Gate(approvals=Approvals("ask"))) as gate:
        func: Any = decide if kind == "sync" else decide_later
        agent = CodeExecutorAgent("c", executor, approval_func=func)
        refused = await agent.run(task=CODE)
        allowed = await agent.run(task=CODE)
    assert refused.messages[-1].to_text() == "Code execution was not approved. Reason: not now"
    assert allowed.messages[-1].to_text() == "1" and asked[0].code == CODE
    answers = [entry for entry in gate.journal.entries if entry["type"] == "answer"]
    assert [entry["decision"] for entry in answers] == ["reject", "run"]
    # A sync one may wait for a person, and must not keep the run from being stopped.
    assert (threads[0] == threading.get_ident()) is (kind == "async")


async def test_an_approval_func_is_shown_what_led_to_the_code() -> None:
    asked: list[ApprovalRequest] = []

    def decide(request: ApprovalRequest) -> ApprovalResponse:
        asked.append(request)
        return ApprovalResponse(approved=False, reason="no")

    model = client(CODE, "It was refused.")
    result = await CodeExecutorAgent("c", ScriptedExecutor(), model_client=model, approval_func=decide).run(task="go")
    assert [message.content for message in asked[0].context] == ["go", CODE]
    event = result.messages[2]
    assert isinstance(event, CodeExecutionEvent) and event.result.exit_code == 1


async def test_without_an_approval_func_the_gate_asks_and_an_edit_is_told() -> None:
    person = ScriptedPerson([Answer("edit", code="print(2)")])
    with passing(Gate(asker=person)):
        executor = ScriptedExecutor("2")
        result = await CodeExecutorAgent("c", executor).run(task=CODE)
    assert executor.ran == ["print(2)"] and person.questions[0].block == CodeBlock(code="print(1)", language="python")
    assert "A person changed the code" in result.messages[-1].to_text()


async def test_the_conversation_is_saved_and_forgotten_on_reset() -> None:
    agent = CodeExecutorAgent("c", ScriptedExecutor(), model_client=client("Hello."))
    await agent.run(task="go")
    state = await agent.save_state()
    other = CodeExecutorAgent("c", ScriptedExecutor(), model_client=(model := client("Again.")))
    await other.load_state(state)
    await other.run(task="more")
    assert [content for _, content in prompt(model)][1:] == ["go", "Hello.", "more"]
    await other.on_reset(CancellationToken())
    assert await other.model_context.get_messages() == []
    await other.load_state({"type": "BaseState", "version": "1.0.0"})  # what AutoGen saves


async def test_cancelling_while_code_runs_ends_it_and_leaves_no_code_without_a_result() -> None:
    executor, token = EndlessExecutor(), CancellationToken()
    agent = CodeExecutorAgent("c", executor, model_client=client(CODE))
    running = asyncio.create_task(agent.run(task="go", cancellation_token=token))
    await executor.started.wait()
    token.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await running
    assert executor.cancelled and [one.content for one in await agent.model_context.get_messages()] == ["go"]


async def test_blocks_can_be_found_and_run_outside_of_a_conversation() -> None:
    agent = CodeExecutorAgent("c", ScriptedExecutor("1"))
    blocks = await agent.extract_code_blocks_from_messages([TextMessage(content=CODE, source="user")])
    assert (await agent.execute_code_block(blocks, CancellationToken())).output == "1"


class Numbered(CodeExecutorAgent):
    """Runs blocks in its own way."""

    async def execute_code_block(
        self, code_blocks: Sequence[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        result = await super().execute_code_block(code_blocks, cancellation_token)
        return CodeResult(exit_code=result.exit_code, output=f"{len(code_blocks)} block(s): {result.output}")


async def test_a_subclass_may_run_blocks_in_its_own_way() -> None:
    result = await Numbered("c", ScriptedExecutor("1")).run(task=CODE)
    assert result.messages[-1].to_text() == "1 block(s): 1"
    model = client(CODE, "one")
    await Numbered("c", ScriptedExecutor("1"), model_client=model).run(task="go")
    assert prompt(model)[-1] == ("UserMessage", "1 block(s): 1")


async def test_what_a_person_changed_is_told_also_where_a_subclass_runs_the_blocks() -> None:
    model = client(CODE, "two")
    with passing(Gate(asker=ScriptedPerson([Answer("edit", code="print(2)")]))):
        await Numbered("c", ScriptedExecutor("2"), model_client=model).run(task="go")
    assert "A person changed the code" in prompt(model)[-1][1]


async def test_a_subclass_may_keep_and_exchange_what_code_runs_with() -> None:
    class Keeping(CodeExecutorAgent):
        def __init__(self, code_executor: ScriptedExecutor) -> None:
            self._code_executor, self._approval_func = code_executor, None
            self._model_client, self._model_client_stream = None, False
            super().__init__("c", code_executor)

    first, second = ScriptedExecutor("1"), ScriptedExecutor("2")
    agent = Keeping(first)
    agent._code_executor = second
    assert (await agent.run(task=CODE)).messages[-1].to_text() == "2" and first.ran == []
    agent._approval_func = lambda request: ApprovalResponse(approved=False, reason="no")
    assert (await agent.run(task=CODE)).messages[-1].to_text() == "Code execution was not approved. Reason: no"
    agent._model_client = client("Hello.")
    assert (await agent.run(task=CODE)).messages[-1].to_text() == "Hello."
    agent._model_client = None
    assert (await agent.run(task="go")).messages[-1].to_text() == CodeExecutorAgent.NO_CODE_BLOCKS_FOUND_MESSAGE


async def test_no_language_may_be_supported() -> None:
    result = await CodeExecutorAgent("c", ScriptedExecutor(), supported_languages=[]).run(task=CODE)
    assert result.messages[-1].to_text() == CodeExecutorAgent.NO_CODE_BLOCKS_FOUND_MESSAGE


async def test_an_executor_of_ones_own_need_not_say_where_it_runs() -> None:
    class Own:
        async def execute_code_blocks(self, code_blocks: Any, cancellation_token: CancellationToken) -> CodeResult:
            return CodeResult(exit_code=0, output="own")

    agent = CodeExecutorAgent("c", Own(), approval_func=lambda request: ApprovalResponse(approved=True, reason=""))  # type: ignore[arg-type]  # it has the one method
    assert (await agent.run(task=CODE)).messages[-1].to_text() == "own"

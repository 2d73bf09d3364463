"""An agent that writes code: what its model is told, and when it writes again."""

from __future__ import annotations

from nbagents.agents import CodeWritingAgent, TaskResult
from nbagents.code import CodeResult
from nbagents.messages import CodeExecutionEvent, CodeGenerationEvent, TextMessage
from nbagents.models import ReplayChatCompletionClient
from nbagents.runtime import Approvals, Gate, passing
from tests.scripted import ScriptedExecutor

CODE = "```python\nprint({})\n```"


async def answer(client: ReplayChatCompletionClient, executor: ScriptedExecutor, task: str = "go") -> TaskResult:
    with passing(Gate(approvals=Approvals("always"))):
        agent = CodeWritingAgent("coder", executor, model_client=client, max_retries_on_error=1)
        return await agent.run(task=task)


async def test_code_runs_once_and_the_answer_comes_from_its_output() -> None:
    client, executor = ReplayChatCompletionClient([CODE.format(1), "It is 1."]), ScriptedExecutor("1")
    result = await answer(client, executor)
    assert [type(message) for message in result.messages] == [
        TextMessage, CodeGenerationEvent, CodeExecutionEvent, TextMessage,
    ]  # fmt: skip
    assert "Its output:\n1" in str(client.create_calls[1]["messages"][-1].content)
    assert executor.ran == ["print(1)"]


async def test_code_in_the_answer_after_a_success_is_not_run() -> None:
    executor = ScriptedExecutor("1")
    result = await answer(ReplayChatCompletionClient([CODE.format(1), CODE.format(2)]), executor)
    assert executor.ran == ["print(1)"]
    assert isinstance(result.messages[-1], TextMessage)


async def test_a_failure_is_corrected_while_attempts_are_left() -> None:
    failed = CodeResult(exit_code=1, output="NameError: name 'x' is not defined")
    client = ReplayChatCompletionClient([CODE.format("x"), CODE.format(2), "It is 2."])
    executor = ScriptedExecutor(failed, "2")
    result = await answer(client, executor)
    assert executor.ran == ["print(x)", "print(2)"]
    assert "NameError" in str(client.create_calls[1]["messages"][-1].content)
    assert result.messages[-1].to_text() == "It is 2."


async def test_after_the_last_failure_the_model_says_what_is_missing() -> None:
    failed = CodeResult(exit_code=1, output="boom")
    client = ReplayChatCompletionClient([CODE.format(1), CODE.format(2), "I could not compute it."])
    executor = ScriptedExecutor(failed, failed)
    result = await answer(client, executor)
    assert len(executor.ran) == 2
    assert result.messages[-1].to_text() == "I could not compute it."
    assert "Do not write more code" in str(client.create_calls[2]["messages"][-1].content)


async def test_a_block_that_shows_nothing_is_written_again_so_that_no_number_is_invented() -> None:
    client = ReplayChatCompletionClient(["```python\nx = 1\n```", CODE.format("x"), "It is 1."])
    executor = ScriptedExecutor("", "1")
    await answer(client, executor)
    assert executor.ran == ["x = 1", "print(x)"]
    assert "it showed nothing" in str(client.create_calls[1]["messages"][-1].content)


async def test_an_answer_without_code_is_the_answer() -> None:
    result = await answer(ReplayChatCompletionClient(["Nothing to compute."]), ScriptedExecutor())
    assert [message.to_text() for message in result.messages] == ["go", "Nothing to compute."]


async def test_blocks_run_in_order_up_to_the_first_that_fails() -> None:
    executor = ScriptedExecutor("1", CodeResult(exit_code=1, output="boom"), "never")
    client = ReplayChatCompletionClient(["\n".join(CODE.format(n) for n in (1, 2, 3)), "Failed.", "Failed."])
    await answer(client, executor)
    assert executor.ran == ["print(1)", "print(2)"]

"""Functions that wait for a person, and what a script that nobody watches is told."""

from __future__ import annotations

import asyncio
import functools
import io
import subprocess
import sys
import textwrap
from contextvars import ContextVar

import pytest

from nbagents.agents import CodeExecutorAgent, UserProxyAgent
from nbagents.errors import ConfigurationError, HumanInputUnavailable
from nbagents.runtime import approving
from nbagents.teams import RoundRobinGroupChat
from nbagents.waiting import is_async, wait_in_thread
from tests.scripted import ScriptedExecutor

CODE = "Do it:\n```python\nprint(1)\n```"
VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")


async def test_a_function_waits_in_a_thread_with_the_context_of_its_caller() -> None:
    VARIABLE.set("set")
    assert await wait_in_thread(VARIABLE.get) == "set"
    with pytest.raises(KeyError, match="gone"):
        await wait_in_thread({}.__getitem__, "gone")


def test_async_functions_are_told_from_others() -> None:
    async def function(prompt: str) -> str:
        return prompt

    class Callable:
        async def __call__(self, prompt: str) -> str:
            return prompt

    assert is_async(function) and is_async(Callable()) and is_async(functools.partial(function, "x"))
    assert not is_async(input) and not is_async(lambda prompt: prompt)


def test_a_script_whose_run_was_given_up_does_not_wait_for_its_thread() -> None:
    script = """
        import asyncio, time
        from nbagents.agents import UserProxyAgent

        async def main():
            try:
                person = UserProxyAgent("u", input_func=lambda prompt: time.sleep(60))
                await asyncio.wait_for(person.run(task="go"), 0.2)
            except TimeoutError:
                print("given up")

        asyncio.run(main())
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=30, check=True
    )
    assert ran.stdout == "given up\n"


def test_what_stands_for_input_before_anything_of_ours_is_imported_is_asked() -> None:
    """As a kernel does for each of its cells, and a program that reads replies from elsewhere."""
    script = """
        import asyncio, builtins
        builtins.input = lambda prompt: "from elsewhere"
        from nbagents.agents import UserProxyAgent

        async def main():
            for person in (UserProxyAgent("u"), UserProxyAgent("u", input_func=input)):
                print((await person.run(task="go")).messages[-1].to_text())

        asyncio.run(main())
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert ran.stdout == "from elsewhere\n" * 2


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input is no terminal."""
    monkeypatch.setattr("sys.stdin", None)


async def test_a_kernel_that_takes_no_input_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(prompt: str) -> str:
        raise NotImplementedError("no input")

    monkeypatch.setattr("builtins.input", refusing)
    with pytest.raises(HumanInputUnavailable, match=r"nothing can be typed here: give u an input_func"):
        await UserProxyAgent("u").run(task="go")


async def test_a_script_that_nobody_watches_is_told_how_code_can_run(nobody: None) -> None:
    executor = ScriptedExecutor("1", "1")
    team = RoundRobinGroupChat([CodeExecutorAgent("c", executor)], max_turns=1)
    with pytest.raises(HumanInputUnavailable, match=r'approval_func.*nbagents\.runtime\.approving\("always"\)'):
        await team.run(task=CODE)
    assert executor.ran == []
    with approving("always"):
        result = await team.run()
    assert result.messages[-1].to_text() == "1" and executor.ran == ["print(1)"]
    with pytest.raises(HumanInputUnavailable):
        await team.run(task=CODE)


async def test_a_script_that_nobody_watches_is_told_how_a_person_can_be_asked(nobody: None) -> None:
    with pytest.raises(HumanInputUnavailable, match="give u an input_func that answers"):
        await UserProxyAgent("u").run(task="go")


def test_a_policy_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="unknown approval policy 'never'"), approving("never"):  # type: ignore[arg-type]  # that is the mistake
        pass


def test_the_policy_holds_in_asyncio_run(nobody: None) -> None:
    with approving("always"):
        result = asyncio.run(CodeExecutorAgent("c", ScriptedExecutor("1")).run(task=CODE))
    assert result.messages[-1].to_text() == "1"


SCRIPT = """
import asyncio, sys
from nbagents.agents import UserProxyAgent

async def main():
    for person in (UserProxyAgent("a"), UserProxyAgent("b", input_func=input)):
        try:
            print((await asyncio.wait_for(person.run(task="go"), float(sys.argv[1]))).messages[-1].to_text())
        except Exception as error:
            print(type(error).__name__, error)

asyncio.run(main())
"""


def piped(text: str | None) -> str:
    """What the script prints when `text` comes through a pipe; None: the pipe stays open, and nothing comes."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "30" if text is not None else "0.5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as script:
        assert script.stdin is not None and script.stdout is not None and script.stderr is not None
        if text is None:
            said, complained = script.stdout.read(), script.stderr.read()
        else:
            said, complained = script.communicate(text, timeout=30)
    assert (script.returncode, complained) == (0, "")
    return said


def test_replies_may_come_through_a_pipe() -> None:
    said = piped("one\ntwo\n")
    assert "> one\n" in said and said.endswith("Enter your response: two\n")


def test_a_pipe_that_has_ended_is_nobody() -> None:
    said = piped("")
    assert "HumanInputUnavailable" in said and "standard input has ended: give a an input_func that answers" in said
    assert "RunFailed Failed to get user input: standard input has ended" in said


def test_a_script_ends_while_its_pipe_is_still_open() -> None:
    assert piped(None).count("TimeoutError") == 2


async def test_what_stands_in_for_input_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: "stood in")
    assert (await UserProxyAgent("u").run(task="go")).messages[-1].to_text() == "stood in"
    monkeypatch.undo()
    monkeypatch.setattr("sys.stdin", io.StringIO("from a text\n"))
    assert (await UserProxyAgent("u").run(task="go")).messages[-1].to_text() == "from a text"

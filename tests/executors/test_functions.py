"""Functions that blocks may import: how they are passed on, and what a model is told of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock
from nbagents.errors import ConfigurationError, ExecutionUnavailable
from nbagents.executors import (
    FunctionWithRequirements,
    FunctionWithRequirementsStr,
    LocalCommandLineCodeExecutor,
    with_requirements,
)
from nbagents.executors.command_line import to_stub
from nbagents.executors.command_line.functions_module import FunctionsModule
from nbagents.tools import Alias, ImportFromModule


@with_requirements(
    python_packages=["pip>=1"],
    global_imports=["math", Alias(name="decimal", alias="dec"), ImportFromModule(module="os", imports=["sep"])],
)
def area(radius: float, *, exact: bool = False) -> dec.Decimal | float:  # type: ignore[name-defined]  # noqa: F821  # as a user's own module has it, it is said in global_imports
    """The area of a circle.

    Of the radius.
    """
    found = math.pi * radius**2  # noqa: F821
    return dec.Decimal(found) if exact else found  # noqa: F821


def twice(text: str) -> str:
    return text * 2


SHOUT = FunctionWithRequirementsStr(
    "import re\n\ndef shout(text: str) -> str:\n    return re.sub('$', '!', text.upper())"
)


async def run(executor: LocalCommandLineCodeExecutor, code: str) -> str:
    result = await executor.execute_code_blocks([CodeBlock(code=code, language="python")], CancellationToken())
    return result.output


async def test_blocks_import_them(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor(work_dir=tmp_path, functions=[area, twice, SHOUT])

    said = await run(executor, "from functions import *\nprint(round(area(1)), area(0, exact=True), twice(shout('a')))")

    assert said == "3 0 A!A!\n"
    assert [path.name for path in tmp_path.glob("*.py")] == ["functions.py"]
    assert (await run(executor, "import functions; print(functions.sep)")).strip() == "/"


async def test_a_module_of_another_name(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor(work_dir=tmp_path, functions=[twice], functions_module="mine")

    assert await run(executor, "import mine; print(mine.twice('ab'))") == "abab\n"


async def test_functions_that_do_not_load(tmp_path: Path) -> None:
    broken = FunctionWithRequirementsStr("def f(x=missing):\n    return x")
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor(work_dir=tmp_path, functions=[broken])

    for _ in range(2):
        with pytest.raises(ValueError, match=r"(?s)Functions failed to load: .*NameError.*missing"):
            await run(executor, "print('not run')")


async def test_a_package_that_pip_does_not_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor(
            work_dir=tmp_path, functions=[FunctionWithRequirements(twice, ["no-such-package-of-nbagents"])]
        )

    with pytest.raises(ExecutionUnavailable, match=r"(?s)Pip install failed.*no-such-package-of-nbagents"):
        await run(executor, "print('not run')")


def test_what_a_model_is_told() -> None:
    module = FunctionsModule("tools", [area, SHOUT])

    said = module.prompt()
    assert "def area(radius: float, *, exact: bool=False) -> dec.Decimal | float:" in said
    assert "The area of a circle." in said and "math.pi" not in said
    assert "def shout(text: str) -> str:\n    ..." in said and "`tools`" in said
    assert module.prompt("$module_name:$functions").startswith("tools:def area")


def test_stubs_of_other_kinds() -> None:
    async def wait(seconds: float) -> None: ...

    assert to_stub(wait) == "async def wait(seconds: float) -> None:\n    ..."
    assert to_stub(twice) == "def twice(text: str) -> str:\n    ..."
    with pytest.raises(ConfigurationError, match="only a function made with def"):
        to_stub(lambda x: x)


def test_a_module_holds_every_import_once_and_no_decorator() -> None:
    source = FunctionsModule("m", [area, area, twice]).source

    assert source.count("import math") == 1 and "with_requirements" not in source
    assert importlib.util.find_spec("functions") is None, "the modules stay in the work directory"
    compile(source, "m", "exec")


def test_functions_are_called_as_ever() -> None:
    @with_requirements(["numpy"])
    def half(x: float) -> float:
        return x / 2

    assert half(4) == 2 and half.python_packages == ["numpy"]
    assert FunctionWithRequirements.from_callable(twice)("a") == "aa"
    assert SHOUT.compiled_func("a") == "A!"
    with pytest.raises(
        NotImplementedError, match="String based function with requirement objects are not directly callable"
    ):
        SHOUT("a")


def test_text_runs_only_when_it_is_asked_for() -> None:
    held = FunctionWithRequirements.from_str("raise SystemExit\ndef f(): ...", ["x"], ["y"])

    assert (held.python_packages, held.global_imports) == (["x"], ["y"])
    with pytest.raises(SystemExit):
        _ = held.compiled_func


@pytest.mark.parametrize(("text", "said"), [
    ("def f(:", "Could not compile function"),
    ("x = 1", "exactly one function"),
    ("def f(): ...\ndef g(): ...", "exactly one function"),
])  # fmt: skip
def test_text_that_is_no_function(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FunctionWithRequirementsStr(text)

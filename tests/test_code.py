"""A block and its result are dataclasses, made as AutoGen's are: by position, too."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

import pytest
from pydantic import BaseModel

from nbagents.code import CodeBlock, CodeResult, NamesChange
from nbagents.executors import CommandLineCodeResult
from nbagents.models import CreateResult, RequestUsage

SHOWN = [{"output_type": "stream"}]


class Holds(BaseModel):
    block: CodeBlock
    result: CodeResult


def test_they_are_made_by_position_and_by_name() -> None:
    assert CodeBlock("1 + 1", "python") == CodeBlock(code="1 + 1", language="python")
    assert CodeResult(0, "2") == CodeResult(exit_code=0, output="2") != CodeResult(1, "2")


def test_they_are_dataclasses() -> None:
    assert asdict(CodeBlock("1", "python")) == {"code": "1", "language": "python"}
    assert replace(CodeResult(0, "2", outputs=SHOWN), output="3").outputs == SHOWN


def test_they_print_as_autogens_do() -> None:
    assert str(CodeBlock("1", "python")) == "CodeBlock(code='1', language='python')"
    assert str(CodeResult(0, "2", outputs=SHOWN)) == "CodeResult(exit_code=0, output='2')"


def test_they_come_back_from_json() -> None:
    held = Holds(block=CodeBlock("1", "python"), result=CodeResult(0, "2", outputs=SHOWN, names=NamesChange(("a",))))
    back = Holds.model_validate_json(held.model_dump_json())
    assert (back, back.result.outputs, back.result.names) == (held, SHOWN, NamesChange(("a",)))


def test_names_that_nobody_knows_are_not_in_the_json() -> None:
    result = CodeResult(0, "2", outputs=SHOWN)
    assert result.dump() == {"exit_code": 0, "output": "2", "outputs": SHOWN}
    assert json.loads(Holds(block=CodeBlock("1", "sh"), result=result).model_dump_json())["result"] == result.dump()
    assert replace(result, names=NamesChange(created=("a",))).dump()["names"]["created"] == ["a"]


def test_a_result_of_somebodys_own_executor_has_more() -> None:
    @dataclass
    class WithFiles(CodeResult):
        files: list[str]

    result = WithFiles(0, "2", ["a.csv"])
    assert (result.files, result.outputs) == (["a.csv"], [])
    assert Holds(block=CodeBlock("1", "sh"), result=result).model_dump()["result"] == CodeResult(0, "2").dump()


def test_results_compare_as_they_print() -> None:
    """A test that was written for AutoGen's says what is expected without what only ours have."""
    shown = CodeResult(0, "2", outputs=[{"output_type": "stream"}], names=NamesChange(created=("x",)))
    assert shown == CodeResult(0, "2")
    assert shown != CodeResult(1, "2") and shown != CodeResult(0, "3") and shown != "2"
    assert CommandLineCodeResult(exit_code=0, output="2") != CodeResult(0, "2")
    with pytest.raises(TypeError, match="unhashable"):
        hash(shown)
    answer = CreateResult(finish_reason="stop", content="2", usage=RequestUsage(1, 2), model="m")
    assert answer == CreateResult(finish_reason="stop", content="2", usage=RequestUsage(1, 2))
    assert answer != CreateResult(finish_reason="stop", content="3", usage=RequestUsage(1, 2), model="m")

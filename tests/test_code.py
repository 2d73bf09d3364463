"""A block and its result, made as AutoGen's are: by position, too."""

from __future__ import annotations

import pytest

from nbagents.code import CodeBlock, CodeResult, NamesChange
from nbagents.executors import CommandLineCodeResult
from nbagents.models import CreateResult, RequestUsage


def test_a_block_is_made_by_position_by_name_and_from_json() -> None:
    block = CodeBlock("1 + 1", "python")
    assert block == CodeBlock(code="1 + 1", language="python")
    assert CodeBlock.model_validate_json(block.model_dump_json()) == block


def test_they_print_as_autogens_do() -> None:
    assert str(CodeBlock("1", "python")) == "CodeBlock(code='1', language='python')"
    assert str(CodeResult(0, "2", outputs=[{"output_type": "stream"}])) == "CodeResult(exit_code=0, output='2')"


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


def test_a_result_is_made_by_position_by_name_and_from_json() -> None:
    result = CodeResult(0, "2", outputs=[{"output_type": "stream"}])
    assert result == CodeResult(exit_code=0, output="2", outputs=[{"output_type": "stream"}])
    assert CodeResult.model_validate_json(result.model_dump_json()) == result

"""A block and its result, made as AutoGen's are: by position, too."""

from __future__ import annotations

from nbagents.code import CodeBlock, CodeResult


def test_a_block_is_made_by_position_by_name_and_from_json() -> None:
    block = CodeBlock("1 + 1", "python")
    assert block == CodeBlock(code="1 + 1", language="python")
    assert CodeBlock.model_validate_json(block.model_dump_json()) == block


def test_they_print_as_autogens_do() -> None:
    assert str(CodeBlock("1", "python")) == "CodeBlock(code='1', language='python')"
    assert str(CodeResult(0, "2", outputs=[{"output_type": "stream"}])) == "CodeResult(exit_code=0, output='2')"


def test_a_result_is_made_by_position_by_name_and_from_json() -> None:
    result = CodeResult(0, "2", outputs=[{"output_type": "stream"}])
    assert result == CodeResult(exit_code=0, output="2", outputs=[{"output_type": "stream"}])
    assert CodeResult.model_validate_json(result.model_dump_json()) == result

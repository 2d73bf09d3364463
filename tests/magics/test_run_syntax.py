"""Run cells become awaits, and nothing else does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from nbagents.magics import run_syntax


def transformed(cell: str) -> str:
    """As IPython's shell does it."""
    shell = SimpleNamespace(input_transformer_manager=TransformerManager(), input_transformers_post=[])
    run_syntax.install(shell)
    lines = shell.input_transformer_manager.transform_cell(cell).splitlines(keepends=True)
    for transform in shell.input_transformers_post:
        lines = transform(lines)
    return "".join(lines)


@pytest.mark.parametrize(
    ("cell", "begins", "ends"),
    [
        (
            "%%team run t --as x\nDon't {panic} 'now'\n",
            "await get_ipython().run_cell_magic('team', 'run t --as x'",
            ";\n",
        ),
        ("%team run t do it\n", "await get_ipython().run_line_magic('team', 'run t do it')", ";\n"),
        ("%team run t don't\n", "await get_ipython().run_line_magic('team', \"run t don't\")", ";\n"),
        ("x = %team run t do it\n", "x = await get_ipython().run_line_magic('team', 'run t do it')\n", "\n"),
        ("%team run t Why?\n", "await get_ipython().run_line_magic('team', 'run t Why?')", ";\n"),
        (
            "x = %team run t don't (you??\n",
            "x = await get_ipython().run_line_magic('team', \"run t don't (you??\")",
            "\n",
        ),
        ("y = 1\n%team run t Why?\n", "y = 1\nawait get_ipython().run_line_magic('team', 'run t Why?')", ";\n"),
        ("if 1:\n    %team run t x\n", "if 1:\n    await get_ipython()", ";\n"),
        ("%team resume t --budget +0.50\n", "await get_ipython().run_line_magic('team', 'resume t --budget", ";\n"),
        ("x = %team resume t\n", "x = await get_ipython().run_line_magic('team', 'resume t')\n", "\n"),
        ("%agents doctor\n", "await get_ipython().run_line_magic('agents', 'doctor')\n", ")\n"),
        ("x = %agents check \n", "x = await get_ipython().run_line_magic('agents', 'check", ")\n"),
    ],
)
def test_runs_are_awaited(cell: str, begins: str, ends: str) -> None:
    code = transformed(cell)
    assert code.startswith(begins)
    assert code.endswith(ends)


@pytest.mark.parametrize(
    "cell",
    [
        "team?\n",
        "%team?\n",
        "%team create t a b\n",
        "%%team create t\nagents: [a]\n",
        "%team runs\n",
        "%agents\n",
        "%agents checker\n",
        "%agents check now\n",
        "x = 'team run'\n",
        "%time 1\n",
    ],
)
def test_everything_else_is_left_alone(cell: str) -> None:
    assert "await" not in transformed(cell)

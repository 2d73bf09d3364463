"""How a run cell is read: its task may end with a question mark, and it is awaited.

IPython takes any line that ends with ``?`` for a question about a name, which a task in plain words often is not; so
``%team run`` lines, and those that reply or give a reason, are transformed before that. And IPython's magics are
synchronous, so that once a cell is transformed its calls of ``run`` and ``resume`` are rewritten to ``await``; and
those of ``%agents check`` and ``%agents doctor``, which ask an engine and a keyring that may take their time.
"""

from __future__ import annotations

import re
from tokenize import DEDENT, INDENT, TokenInfo
from typing import Any

from IPython.core.inputtransformer2 import EscapedCommand, MagicAssign

from .cell_text import keep_text

TEXT_VERBS = ("run", "reply", "reject")
"""The verbs of ``%team`` whose line ends with free text."""

AWAITED_CALL = re.compile(
    r"""^(?P<indent>\s*)(?P<target>[\w.\[\]'", ]+?\s*=\s*)?"""
    r"""(?P<call>get_ipython\(\)\.run_(?:cell|line)_magic\("""
    r"""(?:(?P<run>'team', ['"]\s*(?:run|resume)\b)|'agents', '\s*(?:check|doctor)\s*').*\))(?P<end>;?\s*)$""",
    re.S,
)


class TeamTextLine(EscapedCommand):
    """``%team run TEAM task?``, before IPython's help looks at its end."""

    priority = 0

    @classmethod
    def find(cls, tokens_by_line: list[list[TokenInfo]]) -> Any:
        """The first such line of the cell."""
        for line in tokens_by_line:
            tokens = [token for token in line if token.type not in (INDENT, DEDENT)]
            words = [token.string for token in tokens[:3]]
            if words[:2] == ["%", "team"] and words[2:] and words[2] in TEXT_VERBS:
                return cls(tokens[0].start)
        return None


class TeamRunAssignment(MagicAssign):
    """``x = %team run TEAM task?``, before IPython's help looks at its end."""

    priority = 0

    @classmethod
    def find(cls, tokens_by_line: list[list[TokenInfo]]) -> Any:
        """The first such line of the cell."""
        for line in tokens_by_line:
            words = [token.string for token in line]
            for at in range(len(words) - 3):
                if words[at : at + 4] == ["=", "%", "team", "run"]:
                    return cls(line[at + 1].start)
        return None

    def __init__(self, start: tuple[int, int]) -> None:
        super().__init__(start)  # type: ignore[no-untyped-call]  # IPython has no types here
        # IPython takes the transformer that begins first, and its help begins where the line does.
        self.magic_col, self.start_col = self.start_col, 0

    def transform(self, lines: list[str]) -> Any:
        """The line with the magic as a call."""
        self.start_col = self.magic_col
        return super().transform(lines)


def await_runs(lines: list[str]) -> list[str]:
    """Rewrite the calls that are awaited in a transformed cell."""
    return [_awaited(line) if "_magic('team'" in line or "_magic('agents'" in line else line for line in lines]


def _awaited(line: str) -> str:
    match = AWAITED_CALL.match(line)
    if match is None:
        return line
    if match["target"] or not match["run"]:
        return f"{match['indent']}{match['target'] or ''}await {match['call']}{match['end']}"
    # The run has shown itself: the semicolon keeps IPython from showing the value once more.
    newline = "\n" if line.endswith("\n") else ""
    return f"{match['indent']}await {match['call']};{newline}"


def install(ip: Any) -> None:
    """Make `ip` read run cells so."""
    ip.input_transformer_manager.cleanup_transforms.insert(0, keep_text)
    ip.input_transformer_manager.token_transformers.extend([TeamTextLine, TeamRunAssignment])
    ip.input_transformers_post.append(await_runs)


def uninstall(ip: Any) -> None:
    """Undo `install`."""
    ip.input_transformer_manager.cleanup_transforms.remove(keep_text)
    for transformer in (TeamTextLine, TeamRunAssignment):
        ip.input_transformer_manager.token_transformers.remove(transformer)
    ip.input_transformers_post.remove(await_runs)

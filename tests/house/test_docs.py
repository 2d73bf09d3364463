"""The pages are held to the code: their examples parse, and what they name exists, and what exists is named.

Nothing is executed. A fence is one cell: magics go through the parsers that a notebook would use, the rest through
Python's. What a page says in prose is not checked; tables and headings are.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from nbagents import cli, errors, sandbox_commands
from nbagents.magics.agent_magic import AGENT, AGENTS
from nbagents.magics.arguments import Arguments, Command
from nbagents.magics.front_matter import parse, split
from nbagents.magics.settings import NBAgents
from nbagents.magics.spec_values import AGENT_KEYS, TEAM_KEYS
from nbagents.magics.specs import AgentSpec, TeamSpec
from nbagents.magics.team_commands import COMMANDS
from nbagents.models.weights_catalog import catalogue
from nbagents.runtime.journal import effect_key
from tests.house.imports import PACKAGE, ROOT
from tests.house.test_layering import FLOORS

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
MAGIC_LINE = re.compile(r"^(?P<target>\w+\s*=\s*)?%(?P<magic>agents|team)\b(?P<rest>.*)$", re.M)
OTHER_MAGIC_LINE = re.compile(r"^%[a-z_]\w*.*$", re.M)
CELL_MAGIC = re.compile(r"^%%(?P<magic>\w+)(?P<line>[^\n]*)\n(?P<body>.*)$", re.S)
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
LINK_ATTRIBUTE = re.compile(r'(?:src|srcset|href)="([^"]+)"')


@dataclass(frozen=True)
class Fence:
    """One block of code of a page; `line` is that of its first line of code."""

    page: Path
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(page.read_text("utf-8"))


@cache
def fences() -> list[Fence]:
    return [
        Fence(page, token.map[0] + 2, token.info.strip(), token.content)
        for page in PAGES
        for token in tokens(page)
        if token.type == "fence" and token.map
    ]


def sections(page: Path, level: str = "h2") -> dict[str, str]:
    """The text below each heading of a page, by the heading's source."""
    lines, found = page.read_text("utf-8").splitlines(), dict[str, str]()
    at = [(t.map[0], after.content) for t, after in zip(tokens(page), tokens(page)[1:], strict=False)
          if t.type == "heading_open" and t.tag <= level and t.map]  # fmt: skip
    for (start, title), (end, _) in zip(at, [*at[1:], (len(lines), "")], strict=True):
        found[title] = "\n".join(lines[start + 1 : end])
    return found


def first_cells(text: str) -> list[str]:
    """The code in the first column of a section's tables."""
    return re.findall(r"^\|\s*`([^`]+)`", text, re.M)


# Examples -------------------------------------------------------------------------------------------------


def check_values(arguments: Arguments, keys: Mapping[str, Any]) -> dict[str, Any]:
    return {flag.replace("-", "_"): keys[flag.replace("-", "_")](value) for flag, value in arguments.values.items()}


def read_cell(magic: str, line: str, body: str | None) -> None:
    """Read a cell as the magics do; raises what they raise."""
    if magic == "agents":
        AGENTS.parse(line)
    elif magic == "agent":
        arguments = AGENT.parse(line)
        yaml, instructions, first_line = split(body or "")
        values = parse(yaml, first_line, AGENT_KEYS) | check_values(arguments, AGENT_KEYS)
        assert instructions.strip(), "an agent without instructions"
        AgentSpec(name=arguments.words[0], instructions=instructions, **values)
    else:
        read_team_cell(*line.strip().partition(" ")[::2], body)


def read_team_cell(verb: str, rest: str, body: str | None) -> None:
    arguments = COMMANDS[verb].parse(rest)
    if verb == "create":
        values = parse(body or "", 2, TEAM_KEYS) | check_values(arguments, TEAM_KEYS)
        TeamSpec(name=arguments.words[0], **{"agents": tuple(arguments.words[1:]), **values})
    elif verb == "run":
        assert (arguments.rest or body or "").strip(), "a run without a task"
    else:
        assert body is None, f"%%team {verb} takes no cell"


MAGIC_CELLS = [fence for fence in fences() if fence.code.startswith("%%")]
PYTHON = [fence for fence in fences() if fence.language == "python"]


@pytest.mark.parametrize("fence", MAGIC_CELLS, ids=str)
def test_every_magic_cell_is_one_that_a_notebook_reads(fence: Fence) -> None:
    match = CELL_MAGIC.match(fence.code)
    assert match and match["magic"] in ("agent", "team"), f"{fence}: not a cell of ours"

    read_cell(match["magic"], match["line"], match["body"])


@pytest.mark.parametrize("fence", PYTHON, ids=str)
def test_every_python_fence_parses(fence: Fence) -> None:
    for line in MAGIC_LINE.finditer(fence.code):
        read_cell(line["magic"], line["rest"], None)
    plain = MAGIC_LINE.sub(lambda line: f"{line['target'] or ''}None", fence.code)
    tree = compile(OTHER_MAGIC_LINE.sub("None", plain), str(fence), "exec",
                   flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)  # fmt: skip

    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nbagents"):
            module = importlib.import_module(node.module or "")
            missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            assert not missing, f"{fence}: {node.module} has no {missing}"


def test_the_settings_in_examples_exist() -> None:
    known = set(NBAgents.class_own_traits(config=True))
    texts = [(fence, name) for fence in fences() for name in re.findall(r"\bNBAgents\.(\w+)", fence.code)]

    assert texts
    assert not [f"{fence}: {name}" for fence, name in texts if name not in known]


def shell_lines() -> Iterator[tuple[str, str]]:
    """Each command of ours that a page shows, in a console fence or in the text, and where."""
    for fence in fences():
        if fence.language == "console":
            yield from ((str(fence), line) for line in fence.code.splitlines())
    for page in PAGES:
        for token in tokens(page):
            codes = [child.content for child in token.children or () if child.type == "code_inline"]
            yield from ((str(page.relative_to(ROOT)), code) for code in codes)


def test_every_command_line_is_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: argparse.ArgumentParser, message: str) -> None:
        raise ValueError(message)

    monkeypatch.setattr(argparse.ArgumentParser, "error", refuse)
    lines = [
        (where, line) for where, line in shell_lines() if re.match(r"nbagents (model|demo|sandbox|doctor)\b", line)
    ]
    wrong = []
    for where, line in lines:
        # `nbagents model get | list | path` names commands, and `nbagents model …` all of them.
        if "|" in line or "…" in line or line == "nbagents model":
            continue
        try:
            cli._parser().parse_args(shlex.split(line, comments=True)[1:])
        except ValueError as error:
            wrong.append(f"{where}: {line}: {error}")

    assert lines
    assert not wrong, "\n".join(wrong)


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.M))
    parts = importlib.import_module("scripts.run_tests").PARTS
    named = [(where, word) for where, line in shell_lines() for word in re.findall(r"^make ([a-z-]+)", line)]

    assert named
    assert not [f"{where}: make {word}" for where, word in named
                if word not in targets and word.removeprefix("test-") not in parts]  # fmt: skip


# What exists is named, and the other way round --------------------------------------------------------------


def documented() -> dict[str, tuple[Command, str]]:
    """Each command with its section of cells.md, by the words with which both begin."""
    commands = {"%%agent NAME": AGENT, "%agents": AGENTS, **{c.usage: c for c in COMMANDS.values()}}
    found = sections(DOCS / "cells.md")
    return {usage: (command, found.get(f"`{usage}`", "")) for usage, command in commands.items()}


@pytest.mark.parametrize("usage", documented())
def test_cells_has_each_command_with_its_flags(usage: str) -> None:
    command, text = documented()[usage]
    rows = [row.replace("\\|", "|") for row in first_cells(text) if row.startswith("--")]

    assert text.strip(), f"cells.md has no section ## `{usage}`"
    assert sorted(rows) == sorted(flag.usage() for flag in command.flags)


@pytest.mark.parametrize(("usage", "keys"), [("%%agent NAME", AGENT_KEYS), ("%team create NAME A B ...", TEAM_KEYS)])
def test_cells_has_each_key(usage: str, keys: Mapping[str, Any]) -> None:
    _, text = documented()[usage]
    second_column = re.findall(r"^\|[^|]*(?:\\\|[^|]*)*\|\s*`(\w+)`", text, re.M)

    assert sorted(second_column) == sorted(keys)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_flag_that_a_page_names_exists(page: Path) -> None:
    ours = {f"--{flag.name}" for command, _ in documented().values() for flag in command.flags}
    terminal = {"--timeout", "--verify", "--source", "--json", "--check", "--from"}
    shown_as_mistakes = {"--cod"}
    named = set(FLAG.findall(page.read_text("utf-8")))

    assert not {
        flag for flag in terminal if f'"{flag}"' not in inspect.getsource(cli) + inspect.getsource(sandbox_commands)
    }
    assert not named - ours - terminal - shown_as_mistakes - {"--flag"}


def test_settings_has_each_trait_with_its_default() -> None:
    text = sections(DOCS / "settings.md")["Traits"]
    rows = dict(re.findall(r"^\| `NBAgents\.(\w+)` \| `([^`]*)` \|", text, re.M))
    traits = {name: trait.default_value for name, trait in NBAgents.class_own_traits(config=True).items()}

    assert {name: ast.literal_eval(value) for name, value in rows.items()} == traits


def test_settings_has_each_environment_variable() -> None:
    files = (file for file in PACKAGE.rglob("*.py") if not file.name.startswith("autogen_"))
    source = "\n".join(file.read_text("utf-8") for file in files)
    read = set(re.findall(r"\b(?:NBAGENTS|OPENAI|AZURE|ANTHROPIC|OPENROUTER|OLLAMA|HF)_[A-Z][A-Z_]+\b", source))
    rows = set(first_cells(sections(DOCS / "settings.md")["Environment variables"]))

    assert rows == read


def test_errors_has_each_error() -> None:
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    page = DOCS / "errors.md"
    titles = {title.strip("`") for title in sections(page, "h3") if title.startswith("`")}

    assert titles == classes - {"NBAgentsError"}
    assert "`NBAgentsError`" in page.read_text("utf-8")


def test_models_has_each_model() -> None:
    rows = first_cells((DOCS / "models.md").read_text("utf-8"))

    for name, weights in catalogue().items():
        assert name in rows
        assert f"{weights.size / 1e6:.0f} MB | {weights.licence} |" in (DOCS / "models.md").read_text("utf-8")


def test_journal_has_each_type_of_entry() -> None:
    rows = first_cells(sections(DOCS / "journal.md")["Format 1"])
    rooms = [PACKAGE / room for room in ("runtime", "agents", "teams")]
    source = "\n".join(file.read_text("utf-8") for room in rooms for file in room.rglob("*.py"))

    assert sorted(rows) == sorted(set(re.findall(r'\.(?:write|note)\(\s*"(\w+)"', source)))


def test_the_lines_of_a_journal_are_lines_of_a_journal() -> None:
    lines = [json.loads(line) for fence in fences() if fence.language == "json" for line in fence.code.splitlines()]
    [code] = [line for line in lines if line.get("kind") == "code"]

    assert {line["type"] for line in lines} >= {"speaker", "effect", "result", "end"}
    assert code["key"] == effect_key("code", code["agent"], code["request"])


def test_contributing_has_the_floors() -> None:
    text = sections(ROOT / "CONTRIBUTING.md")["The house"]
    rows = re.findall(r"^\| (\d) \| ([^|]*) \|", text, re.M)

    assert {int(floor): re.findall(r"`(\w+)`", rooms) for floor, rooms in rows} == FLOORS


# Links --------------------------------------------------------------------------------------------------------


def links(page: Path) -> Iterator[str]:
    """The relative targets of a page's links and images, markdown's and HTML's."""
    for token in tokens(page):
        for part in [token, *(token.children or ())]:
            target = part.attrGet("href") or part.attrGet("src")
            found = [str(target)] if target else []
            if part.type in ("html_block", "html_inline"):
                found = LINK_ATTRIBUTE.findall(part.content)
            yield from (link for link in found if not re.match(r"[a-z]+:", link))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in sections(page, "h3")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert not broken, f"{page.relative_to(ROOT)} links to what is not there: {broken}"


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    listed = re.findall(r"^([\w/-]+)$", index[index.index("```{toctree}") :], re.M)

    assert sorted(listed) == sorted(
        [page.stem for page in DOCS.glob("*.md") if page.stem != "index"] + ["decisions/index"]
    )

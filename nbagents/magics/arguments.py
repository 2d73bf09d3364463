"""Reads the line of a magic: words, flags, and the rest of the line exactly as it was typed.

Why not `IPython.core.magic_arguments`: the task of ``%team run`` is free text with quotes, braces and dashes in it,
and argparse gives it back in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ConfigurationError, UnknownNameError

WORD = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\S+)""")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a magic.

    `takes` says what follows it: a value, names (separated by commas, or the flag repeated), or nothing; `value` is
    what help calls it.
    """

    name: str
    help: str
    takes: Literal["value", "names", "nothing"] = "value"
    choices: tuple[str, ...] = ()
    value: str = ""

    def usage(self) -> str:
        """As it is shown in help: ``--code live|none``."""
        if self.takes == "nothing":
            return f"--{self.name}"
        usual = "A,B" if self.takes == "names" else self.name.upper()
        return f"--{self.name} {'|'.join(self.choices) or self.value or usual}"


@dataclass(frozen=True, slots=True)
class Command:
    """What a magic, or one verb of it, takes.

    Args:
        usage: how it begins: ``%%agent NAME``.
        help: one sentence.
        words: the names of the words that it needs, in order.
        flags: its flags.
        rest: what the rest of the line is called; "" when nothing may follow.
        more_words: any number of further words may follow (instead of a rest).
    """

    usage: str
    help: str
    words: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    rest: str = ""
    more_words: bool = False

    def parse(self, line: str) -> Arguments:
        """Read `line`.

        Raises:
            UnknownNameError: a flag that does not exist; names the nearest one.
            ConfigurationError: a word or a value is missing, or one too many.
        """
        return _Parser(self, line).parse()

    def described(self) -> str:
        """The command with its flags, for help and docstrings."""
        lines = [f"{self.usage}{''.join(f' [{flag.usage()}]' for flag in self.flags)}", f"    {self.help}"]
        return "\n".join(lines + [f"    {flag.usage():<24} {flag.help}" for flag in self.flags])


@dataclass(slots=True)
class Arguments:
    """What a line said."""

    words: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)
    rest: str = ""


class _Parser:
    def __init__(self, command: Command, line: str) -> None:
        self.command, self.line, self.at = command, line.strip(), 0
        self.flags = {f"--{flag.name}": flag for flag in command.flags}
        self.found = Arguments()

    def parse(self) -> Arguments:
        while (word := self._peek()) is not None:
            if word.startswith("--") and word != "--":
                self._flag(self._next())
            elif len(self.found.words) < len(self.command.words) or self.command.more_words:
                self.found.words.append(self._next())
            elif self.command.rest:
                self.found.rest = self.line[self.at :].strip().removeprefix("-- ")
                break
            else:
                raise ConfigurationError(f"{self.command.usage}: {word!r} is one word too many; usage: {self._usage()}")
        if len(self.found.words) < len(self.command.words):
            missing = self.command.words[len(self.found.words)]
            raise ConfigurationError(f"{self.command.usage}: {missing} is missing; usage: {self._usage()}")
        return self.found

    def _flag(self, word: str) -> None:
        name, equals, value = word.partition("=")
        flag = self.flags.get(name)
        if flag is None:
            raise UnknownNameError("flag", name, self.flags, f"usage: {self._usage()}")
        if flag.takes == "nothing":
            if equals:
                raise ConfigurationError(f"{word}: {name} takes no value: write {name} alone")
            self.found.switches.add(flag.name)
            return
        if not equals:
            if self._peek() is None:
                raise ConfigurationError(f"{name} needs a value: {flag.usage()}")
            value = self._next()
        if flag.choices and value not in flag.choices:
            raise UnknownNameError(f"value of {name}", value, flag.choices)
        if flag.takes == "names":
            self.found.names.setdefault(flag.name, []).extend(part for part in value.split(",") if part)
        else:
            self.found.values[flag.name] = value

    def _usage(self) -> str:
        return self.command.usage + "".join(f" [{flag.usage()}]" for flag in self.command.flags)

    def _peek(self) -> str | None:
        match = WORD.match(self.line, self.at)
        return match[1] if match else None

    def _next(self) -> str:
        match = WORD.match(self.line, self.at)
        assert match is not None
        self.at = match.end()
        word = match[1]
        return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'" else word


def verb_of(line: str, verbs: Sequence[str], magic: str) -> tuple[str, str]:
    """The first word of `line`, which must be one of `verbs`, and the rest.

    Raises:
        UnknownNameError: it is none of them.
        ConfigurationError: there is no word.
    """
    verb, _, rest = line.strip().partition(" ")
    if not verb:
        raise ConfigurationError(f"{magic}: say what to do: {', '.join(verbs)}")
    if verb not in verbs:
        raise UnknownNameError(f"{magic} command", verb, verbs)
    return verb, rest

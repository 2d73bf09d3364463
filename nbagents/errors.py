"""Every error that nbagents raises on purpose, in one tree.

A message says what happened, what was expected and what to do next, in one line: in a notebook that
line is all that a user sees, because these errors render without a traceback.

    NBAgentsError
    ├── ConfigurationError            what a cell, flag or setting says cannot be used
    │   ├── UnknownNameError          no agent, team, run, flag or model of that name
    │   ├── FrontMatterError          the YAML of a cell does not parse or does not fit (line, column)
    │   ├── NoModelError              an agent has no model, and none is configured
    │   ├── UnknownArgument           a call of a model has an argument that its client does not know (ValueError)
    │   └── UntrustedProvider         a component's class stands in a namespace that is not allowed (ValueError)
    ├── ModelError                    a model did not answer (provider, model)
    │   ├── ModelNotFound             the server knows no such model, or its weights are not on this machine
    │   ├── ModelDownloadError        the weights of a local model could not be fetched
    │   ├── ModelEngineError          the local engine did not start, or died
    │   ├── ModelAuthenticationError  the key is missing or was refused
    │   ├── ModelRateLimitError       too many requests, or the account's limit is reached
    │   ├── ModelServerError          the server failed, or has too much to do
    │   ├── ModelConnectionError      the server cannot be reached, or went away
    │   │   └── ModelTimeoutError     it did not answer in time
    │   ├── ModelResponseError        the answer is incomplete, malformed or refused (RuntimeError)
    │   │   ├── ModelContextOverflowError  the conversation is longer than the model's context
    │   │   └── ModelContentFilterError    the provider's content filter stopped question or answer
    │   └── ModelFallbackError        none of several models answered
    ├── ExecutionUnavailable          code cannot run where it was asked to
    │   ├── FunctionsNotLoaded        the functions given to an executor cannot be used there (ValueError)
    │   ├── SessionPoolError          Azure's session pool refused or cannot be reached (ConnectionError)
    │   └── SandboxUnavailable        no container: no Docker Engine, or it refused, or the kernel in it did not start
    │       └── SandboxImageMissing   the image of the sandbox is not on the engine
    ├── TransferError                 a value or file cannot cross between here and where code runs
    ├── FrontEndUnavailable           no page does what only a page can
    ├── ToolError                     a tool failed, or the server behind it cannot be reached
    ├── JournalError                  a journal cannot be written or read
    └── RunError (RuntimeError)       a run did not end with an answer
        ├── RunFailed                 a participant raised; the original is ``__cause__``
        │   └── SelectionFailed       nobody could be chosen to speak next (ValueError)
        ├── RunStopped                a person stopped it
        │   └── BudgetReached         what it may spend is spent
        ├── RunNotFinished            its answer was asked for too early
        └── HumanInputUnavailable     a person is needed and no front end can reach one
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class NBAgentsError(Exception):
    """Base of all errors of nbagents; shown in a notebook as one line."""

    def _render_traceback_(self) -> list[str]:
        """IPython's hook for exceptions that know how to show themselves."""
        return [f"{type(self).__name__}: {self}"]


class ConfigurationError(NBAgentsError):
    """What a cell, a flag or a setting says cannot be used."""


class UnknownNameError(ConfigurationError):
    """There is no `kind` called `name`; names the nearest right word.

    Args:
        kind: what was looked for, as the user calls it: "agent", "team", "flag".
        name: the word that was not found.
        known: the words that would have been.
        advice: what to do when nothing is known yet.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], advice: str = "") -> None:
        words = sorted(known)
        near = difflib.get_close_matches(name, words, n=1, cutoff=0.5)
        if near:
            hint = f"did you mean {near[0]!r}?"
        elif words:
            hint = f"known: {', '.join(words)}"
        else:
            hint = advice or f"no {kind} exists yet"
        if (near or words) and advice:
            hint += f" ({advice})"
        super().__init__(f"unknown {kind} {name!r}: {hint}")
        self.kind, self.name, self.known = kind, name, words


class FrontMatterError(ConfigurationError):
    """The YAML of a cell does not parse or does not fit.

    Args:
        problem: what is wrong and what was expected.
        line: 1-based line in the cell, as the editor numbers it.
        column: 1-based column in that line.
    """

    def __init__(self, problem: str, line: int, column: int = 1) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.line, self.column = line, column


class NoModelError(ConfigurationError):
    """An agent has no model, and none is configured. None is ever picked silently."""


class UnknownArgument(ConfigurationError, ValueError):
    """A call of a model was given an argument that its provider's client does not know."""


class UntrustedProvider(ConfigurationError, ValueError):
    """The class of a component would have to be imported from a namespace that is not allowed.

    Args:
        provider: what the JSON names.
        namespace: its package.
    """

    def __init__(self, provider: str, namespace: str) -> None:
        super().__init__(
            f"component {provider!r} is not loaded: importing {namespace!r} would run its code, and it is not allowed; "
            f"if you trust it, call nbagents.component.allow_providers({namespace!r}) before, or set "
            "NBAGENTS_ALLOWED_PROVIDER_NAMESPACES"
        )
        self.provider, self.namespace = provider, namespace


class ModelError(NBAgentsError):
    """A model did not answer.

    Args:
        message: what happened and what to do.
        provider: "openai", "local", ...
        model: the model's name as the provider knows it.
        transient: the same request may succeed a little later, so it is worth a retry.
        retry_after: seconds after which the server wants to be asked again, if it said.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        model: str = "",
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.provider, self.model = provider, model
        self.transient, self.retry_after = transient, retry_after


class ModelNotFound(ModelError):
    """The server knows no such model; or, of a local one, the weights are not on this machine."""


class ModelDownloadError(ModelError):
    """The weights of a local model could not be fetched."""


class ModelEngineError(ModelError):
    """The local engine did not start, or died."""


class ModelAuthenticationError(ModelError):
    """The key is missing or was refused."""


class ModelRateLimitError(ModelError):
    """Too many requests, or the account's limit is reached; only the first passes by itself (`transient`)."""


class ModelServerError(ModelError):
    """The server failed, or has too much to do."""


class ModelConnectionError(ModelError):
    """The server cannot be reached, or went away."""


class ModelTimeoutError(ModelConnectionError):
    """The server did not answer in time."""


class ModelResponseError(ModelError, RuntimeError):
    """The answer is incomplete, malformed or refused; a part of an answer is never taken for one."""


class ModelContextOverflowError(ModelResponseError):
    """The conversation is longer than the model's context."""


class ModelContentFilterError(ModelResponseError):
    """The provider's content filter stopped the question, or the answer on its way."""


class ModelFallbackError(ModelError):
    """None of several models answered.

    Args:
        message: who was asked, and what each said.
        errors: the errors, in the order in which the models were asked.
    """

    def __init__(self, message: str, errors: Sequence[ModelError]) -> None:
        last = errors[-1]
        super().__init__(message, provider=last.provider, model=last.model, transient=any(e.transient for e in errors))
        self.errors = list(errors)


class ExecutionUnavailable(NBAgentsError):
    """Code cannot run where it was asked to."""


class FunctionsNotLoaded(ExecutionUnavailable, ValueError):
    """The functions given to an executor cannot be installed or imported where it runs code."""


class SessionPoolError(ExecutionUnavailable, ConnectionError):
    """A session pool of Azure Container Apps refused, or cannot be reached."""


class SandboxUnavailable(ExecutionUnavailable):
    """No container can run code: there is no Docker Engine, it refused, or no kernel started in the container."""


class SandboxImageMissing(SandboxUnavailable):
    """The image that the container is made from is not on the engine.

    Args:
        image: its name.
        advice: how to get it.
    """

    def __init__(self, image: str, advice: str) -> None:
        super().__init__(f"the image {image!r} is not on the Docker Engine: {advice}")
        self.image = image


class TransferError(NBAgentsError):
    """A value or a file cannot cross between here and the kernel in which code runs."""


class FrontEndUnavailable(NBAgentsError):
    """No page of the notebook does what only a page can."""


class ToolError(NBAgentsError):
    """A tool failed, or the server behind it cannot be reached."""


class JournalError(NBAgentsError):
    """A journal cannot be written or read."""


class RunError(NBAgentsError, RuntimeError):
    """A run did not end with an answer."""


class RunFailed(RunError):
    """A participant raised; the original is ``__cause__``.

    Args:
        message: what happened, with the text of the original error.
        agent: who was speaking, "" when nobody was.
        turn: the turn in which it happened, counted from 1.
    """

    def __init__(self, message: str, *, agent: str = "", turn: int = 0) -> None:
        super().__init__(message)
        self.agent, self.turn = agent, turn


class SelectionFailed(RunFailed, ValueError):
    """Nobody could be chosen to speak next: what a selector, a graph or a handoff said does not fit the team."""


class RunStopped(RunError):
    """A person stopped the run."""


class BudgetReached(RunStopped):
    """What comes next could cost more than the run may spend; what was said until now is kept.

    Args:
        message: which limit was reached, and when.
        limit: the limit as it is said: "$0.50", "12 turns".
        kind: which it is: usd, tokens, turns or minutes.
        needed: the least limit of that kind with which what comes next could have begun.
    """

    def __init__(self, message: str, *, limit: str = "", kind: str = "", needed: float = 0.0) -> None:
        super().__init__(message)
        self.limit, self.kind, self.needed = limit, kind, needed


class RunNotFinished(RunError):
    """The run's answer was asked for before it ended."""


class HumanInputUnavailable(RunError):
    """A person is needed and no front end can reach one."""

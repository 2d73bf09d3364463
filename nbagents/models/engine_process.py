"""Start the engine's process, and say in one line why it did not start.

The child gets an environment of a few named variables, never the user's keys; its API key goes through stdin; its
log goes to a file. It is a session of its own, so that interrupting a cell (SIGINT to the kernel's process group)
does not reach it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from ..errors import ModelEngineError
from .gguf import trained_context
from .processors import physical_cores

_CHILD = Path(__file__).with_name("_engine_child.py")
_INHERITED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("PYTHONPATH", "PYTHONHOME", "CUDA_VISIBLE_DEVICES"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "USERPROFILE", "TEMP", "TMP", "APPDATA", "LOCALAPPDATA"),
)
_LOGS_KEPT = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """What makes two engines the same engine; see `settle`."""

    path: str
    context_length: int
    slots: int
    threads: int

    @property
    def model(self) -> str:
        return Path(self.path).stem


def settle(path: Path, context_length: int, slots: int, threads: int | None) -> Settings:
    """The settings to start with: the path resolved, no more context than the model was trained on, threads counted.

    Raises:
        ModelEngineError: xllamacpp is not installed, or `path` is no GGUF file.
        ValueError: a number is not positive.
    """
    for name, value in (("context_length", context_length), ("slots", slots), ("threads", threads)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value!r}; a whole number of at least 1 was expected")
    path = path.expanduser().resolve()
    try:
        trained = trained_context(path)
    except (OSError, ValueError) as error:
        raise ModelEngineError(f"the weights cannot be read: {error}", provider="local", model=path.stem) from error
    if importlib.util.find_spec("xllamacpp") is None:
        message = 'the local engine is not installed; run `pip install "nbagents[local]"`'
        raise ModelEngineError(message, provider="local", model=path.stem)
    return Settings(str(path), min(context_length, trained or context_length), slots, threads or physical_cores())


def spawn(settings: Settings, api_key: str) -> tuple[subprocess.Popen[bytes], Path]:
    """Start the child; returns it and its log, at once: it is ready when it has written a line to its stdout."""
    log = _new_log(settings.model)
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={name: os.environ[name] for name in _INHERITED if name in os.environ} | {"OMP_WAIT_POLICY": "passive"},
            start_new_session=True,
            bufsize=0,
        )
    assert process.stdin is not None
    message = asdict(settings) | {"model": settings.model, "api_key": api_key, "parent": os.getpid()}
    try:
        process.stdin.write(json.dumps(message).encode() + b"\n")
    except BrokenPipeError:  # it died already; whoever reads its stdout learns why
        process.poll()
    return process, log


def _new_log(model: str) -> Path:
    """A new log file, readable only by the user; the oldest logs are deleted."""
    folder, prefix = platformdirs.user_cache_path("nbagents", appauthor=False) / "logs", "engine-"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".log", f"{prefix}{model}-", folder)
        for old in sorted(folder.glob(f"{prefix}*.log"), key=_age)[:-_LOGS_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:  # a read-only home must not keep the engine from starting
        handle, name = tempfile.mkstemp(".log", f"nbagents-{prefix}{model}-")
    os.close(handle)
    return Path(name)


def _age(log: Path) -> float:
    return log.stat().st_mtime if log.exists() else 0.0


def explain(settings: Settings, answer: dict[str, str], code: int | None, log: Path) -> ModelEngineError:
    """Why the child did not start: from what it answered, how it ended, and the last lines of its log."""
    lines = log.read_text("utf-8", "replace").splitlines()
    said = answer.get("error", "")
    if "libgomp" in said:
        reason = f"{said}; install the library: `apt-get install libgomp1` (or your system's package of GCC's OpenMP)"
    elif answer.get("kind") in ("ImportError", "ModuleNotFoundError"):
        reason = f'{said}; reinstall the engine: `pip install --force-reinstall "nbagents[local]"`'
    elif any("failed to allocate" in line for line in lines) or code == -9:
        reason = "not enough memory; take a smaller model, a smaller context_length or fewer slots"
    elif code is not None and code < 0:
        reason = f"it died of signal {-code}"
    else:
        reason = said or f"it ended with status {code}"
    message = f"the local engine could not load {settings.path!r}: {reason}"
    if lines:
        message += f"; its last lines: {_tail(lines)}"
    return ModelEngineError(f"{message} (log: {log})", provider="local", model=settings.model)


def _tail(lines: list[str]) -> str:
    """The last different lines, without their time stamps."""
    texts = [re.sub(r"^[\d.]+ [EWI] +", "", line).strip() for line in lines]
    return " | ".join(list(dict.fromkeys(texts))[-6:])

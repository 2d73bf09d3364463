"""Runs in the kernel: takes values and files in, and hands them out, in pieces that fit into a message.

Only what is asked for by name is handed out. Files are those of the work directory, the one that the kernel started in.
"""

from __future__ import annotations

import base64
import json
import os
import stat
from typing import Any

from . import codec, watch

_incoming: list[bytes] = []
_outgoing: dict[int, memoryview] = {}
_work: list[str] = []


def begin() -> Any:
    """Note the work directory; in a container it is the only one that can be written to."""
    _work[:] = [os.path.realpath(os.getcwd())]
    return watch.Answer({"work": _work[0]})


def piece(number: int, text: str) -> Any:
    """A piece of what comes in, in base64; the first is number 0."""
    if number == 0:
        _incoming.clear()
    _incoming.append(base64.b64decode(text))
    return watch.Answer({"pieces": len(_incoming)})


def put(name: str, header: str, sizes: str, library: str) -> Any:
    """Bind a name to what came in."""
    data, start, buffers = memoryview(b"".join(_incoming)), 0, []
    _incoming.clear()
    for size in json.loads(sizes):
        buffers.append(data[start : start + size])
        start += size
    try:
        value = codec.decode(json.loads(header), buffers, library)
    except codec.Refused as refused:
        return watch.Answer({"refused": str(refused)})
    watch.shell().user_ns[name] = value
    watch.know(name)
    return watch.Answer({})


def get(name: str, most: int) -> Any:
    """Make ready what a name is bound to."""
    namespace = watch.shell().user_ns
    if name not in namespace:
        return watch.Answer({"missing": sorted(watch.names())[:50]})
    try:
        header, buffers = codec.encode(namespace[name])
    except codec.Refused as refused:
        return watch.Answer({"refused": str(refused)})
    answer = _offer(b"".join(buffers), most)
    return watch.Answer({**answer, "header": header, "sizes": [len(each) for each in buffers]})


def take(key: int, start: int, size: int) -> Any:
    """A piece of what is ready, in base64; the last one ends it."""
    data = _outgoing[key]
    found = base64.b64encode(data[start : start + size]).decode()
    if start + size >= len(data):
        del _outgoing[key]
    return watch.Answer({"piece": found})


def files(most: int) -> Any:
    """The files of the work directory: path, size, time of change."""
    found = []
    for directory, folders, names in os.walk(_work[0]):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            path = os.path.join(directory, name)
            try:
                state = os.lstat(path)
            except OSError:  # it was removed just now
                continue
            if stat.S_ISREG(state.st_mode):
                found.append([os.path.relpath(path, _work[0]), state.st_size, state.st_mtime])
            if len(found) >= most:
                return watch.Answer({"files": found, "more": True})
    return watch.Answer({"files": found, "more": False})


def fetch(path: str, most: int) -> Any:
    """Make a file ready."""
    full = _inside(path)
    if full is None or not os.path.isfile(full):
        return watch.Answer({"refused": "there is no such file in the work directory"})
    if os.path.getsize(full) > most:
        return watch.Answer({"large": os.path.getsize(full)})
    with open(full, "rb") as file:
        return watch.Answer(_offer(file.read(most + 1), most))


def store(path: str) -> Any:
    """Write a file of what came in."""
    full = _inside(path)
    data = b"".join(_incoming)
    _incoming.clear()
    if full is None:
        return watch.Answer({"refused": "it is outside of the work directory"})
    try:
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(data)
    except OSError as error:
        return watch.Answer({"refused": f"{type(error).__name__}: {error.strerror}"})
    return watch.Answer({})


def _offer(data: bytes, most: int) -> dict[str, Any]:
    if len(data) > most:
        return {"large": len(data)}
    key = id(data)
    _outgoing.clear()
    _outgoing[key] = memoryview(data)
    return {"key": key, "total": len(data)}


def _inside(path: str) -> Any:
    full = os.path.realpath(os.path.join(_work[0], path))
    return full if full.startswith(_work[0] + os.sep) else None

"""The one fact that must be known of a GGUF file before it is loaded: how long a context the model was trained on.

llama.cpp allocates whatever context it is asked for and only then uses no more than the model can; for a careless
number that is tens of gigabytes. The ``gguf`` package would tell too, at the price of numpy and a full index.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def trained_context(path: Path) -> int | None:
    """Tokens that the model in `path` was trained to look back on; None if the file does not say.

    Raises:
        ValueError: it is not a GGUF file.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        if magic != b"GGUF":
            raise ValueError(f"{str(path)!r} is not a GGUF file (it starts with {magic!r}); llama.cpp reads only GGUF")
        try:
            return _search(file)
        except (struct.error, KeyError):
            return None  # incomplete or of a later version: the engine says so better


def _search(file: BinaryIO) -> int | None:
    _version, _tensors, entries = _unpack(file, "IQQ")
    for _ in range(entries):
        key = file.read(_unpack(file, "Q")[0])
        [kind] = _unpack(file, "I")
        if key.endswith(b".context_length"):
            return int(_unpack(file, _NUMBERS[kind])[0])
        _skip(file, kind)
    return None


def _skip(file: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        file.seek(_unpack(file, "Q")[0], 1)
    elif kind == _ARRAY:
        element, count = _unpack(file, "IQ")
        if element in _NUMBERS:
            file.seek(count * struct.calcsize(_NUMBERS[element]), 1)
            return
        for _ in range(count):
            _skip(file, element)
    else:
        file.seek(struct.calcsize(_NUMBERS[kind]), 1)


def _unpack(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack("<" + layout, file.read(struct.calcsize("<" + layout)))

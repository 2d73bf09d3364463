"""The context length is found behind every kind of value, and its absence is not an error."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from nbagents.models.gguf import trained_context


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def gguf(*entries: bytes) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + b"".join(entries)


BEFORE = (
    entry("general.architecture", 8, text("llama")),
    entry("tokenizer.tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("bc")),
    entry("tokenizer.scores", 9, struct.pack("<IQ", 6, 3) + bytes(12)),
    entry("nested", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 0, 5) + bytes(5)),
    entry("general.flag", 7, b"\1"),
    entry("general.size", 10, bytes(8)),
)


def test_found_behind_every_kind_of_value(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(gguf(*BEFORE, entry("llama.context_length", 4, struct.pack("<I", 8192))))
    assert trained_context(file) == 8192


@pytest.mark.parametrize("content", [gguf(*BEFORE), gguf(*BEFORE)[:-20], b"GGUF", gguf(entry("x", 99, b""))])
def test_file_that_does_not_say(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    assert trained_context(file) is None


def test_other_file(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"PK\3\4")
    with pytest.raises(ValueError, match=r"is not a GGUF file \(it starts with b'PK"):
        trained_context(file)

"""Texts and their vectors in one SQLite file, searched by usearch. Calls may come from any thread, one at a time.

The file is the truth: SQLite writes it safely, and the index is made from it when it is opened, and again when somebody
else has written to it: another agent's memory, or another notebook's. (Vectors inside SQLite,
by an extension, would be simpler; but many builds of Python take no extensions.)
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from usearch.index import Index

Vector = Sequence[float]


class VectorStore:
    """The texts and vectors in the file at `path`; None keeps them in memory.

    Raises:
        ConfigurationError: usearch is missing.
    """

    def __init__(self, path: Path | None) -> None:
        _usearch()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._database.execute(
            "create table if not exists memories (id integer primary key, text text not null, vector blob not null)"
        )
        self._index: Index | None = None
        self._seen: int | None = None

    def add(self, texts: Sequence[str], vectors: Sequence[Vector]) -> None:
        """Keep each text with its vector.

        Raises:
            ConfigurationError: a vector has another length than those that are kept.
        """
        import numpy

        with self._lock, self._database:
            self._look()
            self._check(vectors)
            matrix = numpy.asarray(vectors, "<f4")
            ids = [self._row(text, vector.tobytes()) for text, vector in zip(texts, matrix, strict=True)]
            if self._index is None:
                self._index = _new_index(matrix.shape[1])
            self._index.add(numpy.asarray(ids), matrix)

    def nearest(self, vector: Vector, k: int) -> list[tuple[int, str, float]]:
        """Id, text and nearness (the cosine) of the `k` nearest, the nearest first.

        Raises:
            ConfigurationError: `vector` has another length than those that are kept.
        """
        import numpy

        with self._lock:
            self._look()
            if self._index is None:
                return []
            self._check([vector])
            found = self._index.search(numpy.asarray(vector, "<f4"), k)
            near = [(int(id), 1.0 - float(far)) for id, far in zip(found.keys, found.distances, strict=True)]
            return [(id, text, score) for id, score in near if (text := self._text(id)) is not None]

    def contents(self) -> list[str]:
        """All texts, oldest first."""
        with self._lock:
            return [text for (text,) in self._database.execute("select text from memories order by id")]

    def clear(self) -> None:
        """Forget everything, the length of the vectors too."""
        with self._lock, self._database:
            self._database.execute("delete from memories")
            self._index = None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _look(self) -> None:
        """Make the index anew, unless nobody else has written since."""
        (written,) = self._database.execute("pragma data_version").fetchone()
        if written != self._seen:
            self._seen, self._index = written, self._loaded()

    def _loaded(self) -> Index | None:
        import numpy

        rows = self._database.execute("select id, vector from memories order by id").fetchall()
        if not rows:
            return None
        vectors = numpy.stack([numpy.frombuffer(vector, "<f4") for _, vector in rows])
        index = _new_index(vectors.shape[1])
        index.add(numpy.asarray([id for id, _ in rows]), vectors)
        return index

    def _row(self, text: str, vector: bytes) -> int:
        done = self._database.execute("insert into memories (text, vector) values (?, ?)", (text, vector))
        assert done.lastrowid is not None, "an insert has a row"
        return done.lastrowid

    def _text(self, id: int) -> str | None:
        """The text; None if it was cleared by somebody else at this moment."""
        found = self._database.execute("select text from memories where id = ?", (id,)).fetchone()
        return str(found[0]) if found else None

    def _check(self, vectors: Sequence[Vector]) -> None:
        wanted = self._index.ndim if self._index is not None else len(vectors[0])
        for vector in vectors:
            if len(vector) != wanted:
                raise ConfigurationError(
                    f"embed made a vector of {len(vector)} numbers, but {wanted} are kept for each text: "
                    "use the embed of before, or clear() this memory and add its texts again"
                )


def _new_index(dimension: int) -> Index:
    return _usearch()(ndim=dimension, metric="cos", dtype="f32")


def _usearch() -> type[Index]:
    try:
        from usearch.index import Index
    except ImportError as error:
        raise ConfigurationError('a VectorMemory needs usearch: pip install "nbagents[vector]"') from error
    return Index

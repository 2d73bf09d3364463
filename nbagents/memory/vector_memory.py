"""A memory that finds what fits the conversation, by meaning.

Texts and vectors are kept in one SQLite file and searched by usearch: no server, nothing is downloaded. The user says
how a text becomes a vector.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, Field

from ..cancellation import CancellationToken
from ..component import Component, ComponentConfig
from ..image import Image
from ..models.messages import SystemMessage
from .context import ChatCompletionContext
from .embedding import Embed, Vectors, found, named
from .memory import Memory, MemoryContent, MemoryQueryResult, UpdateContextResult
from .vector_store import VectorStore

T = TypeVar("T")


class VectorMemoryState(BaseModel):
    """What a memory without a file remembers, as JSON."""

    contents: list[MemoryContent] = Field(default_factory=list)


class VectorMemoryConfig(ComponentConfig):
    """Where it is kept, and ``module:function`` of what makes vectors."""

    embed: str
    path: str | None = None
    k: int = 3
    score_threshold: float | None = None
    name: str = "vector_memory"


class VectorMemory(Memory, Component[VectorMemoryConfig]):
    """Remembers texts, and tells a model the `k` that are nearest to what was said last.

    Args:
        embed: turns texts into vectors.
        path: the file to keep them in, which several may have; None keeps them in memory, as part of the state.
        k: at most so many are told.
        score_threshold: only those at least so near, from 0 (nothing in common) to 1 (the same).
        name: what it is called.

    Raises:
        ConfigurationError: usearch is missing.
        ValueError: `k` is below 1.
    """

    component_config_schema = VectorMemoryConfig

    def __init__(
        self,
        embed: Embed,
        *,
        path: Path | str | None = None,
        k: int = 3,
        score_threshold: float | None = None,
        name: str = "vector_memory",
    ) -> None:
        self.name, self.path = name, Path(path) if path is not None else None
        self._embed, self._k, self._threshold = embed, _at_least_one(k), score_threshold
        self._store = VectorStore(self.path)

    async def update_context(self, model_context: ChatCompletionContext) -> UpdateContextResult:
        """Tell what fits the latest message, before the conversation, in place of what was told there before."""
        asked = next((text for text in map(_text, reversed(await model_context.get_messages())) if text), "")
        found = await self.query(asked) if asked else MemoryQueryResult(results=[])
        lines = [f"{number}. {item.as_text()}" for number, item in enumerate(found.results, 1)]
        await model_context.pin(self, "\n".join(["Remembered, the most fitting first:", *lines]) if lines else "")
        return UpdateContextResult(memories=found)

    async def query(
        self, query: str | MemoryContent, cancellation_token: CancellationToken | None = None, **kwargs: Any
    ) -> MemoryQueryResult:
        """The nearest to `query`, the nearest first; `metadata` has its `id` and its `score`.

        Args:
            query: what to look for.
            cancellation_token: ends the search.
            kwargs: `k` and `score_threshold`, for this search only.

        Raises:
            ValueError: `k` is less than 1.
            ConfigurationError: the vectors of `embed` have another length than those remembered.
        """
        text = query if isinstance(query, str) else query.as_text()
        limit, threshold = _at_least_one(kwargs.get("k", self._k)), kwargs.get("score_threshold", self._threshold)
        (vector,) = await _owned(self._vectors([text]), cancellation_token)
        found = await asyncio.to_thread(self._store.nearest, vector, limit)
        return MemoryQueryResult(
            results=[
                _with_score(MemoryContent.model_validate_json(content), id, score)
                for id, content, score in found
                if threshold is None or score >= threshold
            ]
        )

    async def add(self, content: MemoryContent, cancellation_token: CancellationToken | None = None) -> None:
        """Remember a text or a JSON object.

        Raises:
            ValueError: a picture or bytes, which have no text to be found by.
            ConfigurationError: the vectors of `embed` have another length than those remembered.
        """
        await self._add([content], cancellation_token)

    async def clear(self) -> None:
        """Forget everything."""
        await asyncio.to_thread(self._store.clear)

    async def close(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self._store.close)

    async def save_state(self) -> Mapping[str, Any]:
        """What is remembered, as JSON; nothing where a file keeps it."""
        if self.path is not None:
            return {}
        contents = [MemoryContent.model_validate_json(text) for text in await asyncio.to_thread(self._store.contents)]
        return VectorMemoryState(contents=contents).model_dump(mode="json")

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `save_state` saved; the vectors are made again.

        Raises:
            pydantic.ValidationError: it is not a state of a `VectorMemory`.
        """
        if self.path is None:
            await self._add(VectorMemoryState.model_validate(state).contents, None, anew=True)

    def _to_config(self) -> VectorMemoryConfig:
        return VectorMemoryConfig(
            embed=named(self._embed),
            path=str(self.path) if self.path else None,
            k=self._k,
            score_threshold=self._threshold,
            name=self.name,
        )

    @classmethod
    def _from_config(cls, config: VectorMemoryConfig) -> Self:
        return cls(found(config.embed), **config.model_dump(exclude={"embed"}))

    async def _add(
        self, contents: Sequence[MemoryContent], token: CancellationToken | None, *, anew: bool = False
    ) -> None:
        for content in contents:
            if isinstance(content.content, bytes | Image):
                raise ValueError(
                    f"a {type(content.content).__name__} has no text to be found by: remember a description of it"
                )
        vectors = await _owned(self._vectors([content.as_text() for content in contents]), token) if contents else []
        if anew:  # not before there is something in its place
            await self.clear()
        if contents:
            texts = [content.model_dump_json() for content in contents]
            await asyncio.to_thread(self._store.add, texts, vectors)

    async def _vectors(self, texts: list[str]) -> Vectors:
        in_thread = not inspect.iscoroutinefunction(self._embed)
        made = await asyncio.to_thread(self._embed, texts) if in_thread else self._embed(texts)
        vectors: Vectors = await made if inspect.isawaitable(made) else made
        if len(vectors) != len(texts):
            raise ValueError(
                f"embed was given {len(texts)} texts and returned {len(vectors)} vectors: one each, please"
            )
        return vectors


def _at_least_one(k: int) -> int:
    if k < 1:
        raise ValueError(f"k is {k}: expected at least 1")
    return k


async def _owned(work: Awaitable[T], token: CancellationToken | None) -> T:
    task = asyncio.ensure_future(work)
    if token is not None:
        token.link_future(task)
    return await task


def _text(message: Any) -> str:
    """What somebody said as text; instructions and calls are no question."""
    if isinstance(message, SystemMessage):
        return ""
    if isinstance(message.content, str):
        return message.content
    return " ".join(part for part in message.content if isinstance(part, str))


def _with_score(content: MemoryContent, id: int, score: float) -> MemoryContent:
    return content.model_copy(update={"metadata": {**(content.metadata or {}), "id": id, "score": score}})

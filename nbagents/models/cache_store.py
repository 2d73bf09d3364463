"""`CacheStore`: where answers are kept for the next time. Names are AutoGen's (``autogen_core.CacheStore``)."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class CacheStore(ABC, Generic[T]):
    """Keeps values by their keys; users may implement their own."""

    @abstractmethod
    def get(self, key: str, default: T | None = None) -> T | None:
        """The value under `key`, else `default`."""

    @abstractmethod
    def set(self, key: str, value: T) -> None:
        """Keep `value` under `key`."""


class InMemoryStore(CacheStore[T]):
    """Keeps values as long as it lives."""

    def __init__(self) -> None:
        self._values: dict[str, T] = {}

    def get(self, key: str, default: T | None = None) -> T | None:
        return self._values.get(key, default)

    def set(self, key: str, value: T) -> None:
        self._values[key] = value


class DiskCacheStore(CacheStore[T]):
    """Keeps JSON values in a directory, for all processes of this machine.

    Args:
        cache_instance: a ``diskcache.Cache`` (``pip install "nbagents[cache]"``); the caller closes it. It is given
            text only: what comes out of it is read as JSON and never unpickled into objects by us.
    """

    def __init__(self, cache_instance: Any) -> None:
        self.cache = cache_instance

    def get(self, key: str, default: T | None = None) -> T | None:
        text = self.cache.get(key)
        if not isinstance(text, str):
            return default
        value: T = json.loads(text)
        return value

    def set(self, key: str, value: T) -> None:
        self.cache.set(key, json.dumps(value))

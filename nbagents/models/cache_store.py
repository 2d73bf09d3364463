"""`CacheStore`: where answers are kept for the next time. Names are AutoGen's (``autogen_core.CacheStore``)."""

from __future__ import annotations

import json
import weakref
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from pydantic import BaseModel
from pydantic_core import to_json

from ..component import Component, ComponentBase, ComponentConfig
from ..errors import ConfigurationError

T = TypeVar("T")


class CacheStore(ABC, ComponentBase[BaseModel], Generic[T]):
    """Keeps values by their keys; users may implement their own."""

    component_type = "cache_store"

    over_the_network: ClassVar[bool] = False
    """It may take long to answer: whoever asks it from an event loop does so in a thread."""

    @abstractmethod
    def get(self, key: str, default: T | None = None) -> T | None:
        """The value under `key`, else `default`."""

    @abstractmethod
    def set(self, key: str, value: T) -> None:
        """Keep `value` under `key`."""


class InMemoryStoreConfig(ComponentConfig):
    """Nothing to say."""


class InMemoryStore(CacheStore[T], Component[InMemoryStoreConfig]):
    """Keeps values as long as it lives."""

    component_config_schema = InMemoryStoreConfig

    def __init__(self) -> None:
        self.store: dict[str, T] = {}

    def get(self, key: str, default: T | None = None) -> T | None:
        return self.store.get(key, default)

    def set(self, key: str, value: T) -> None:
        self.store[key] = value

    def _to_config(self) -> InMemoryStoreConfig:
        return InMemoryStoreConfig()

    @classmethod
    def _from_config(cls, config: InMemoryStoreConfig) -> Self:
        return cls()


class DiskCacheStoreConfig(ComponentConfig):
    """Where."""

    directory: str


class DiskCacheStore(CacheStore[T], Component[DiskCacheStoreConfig]):
    """Keeps JSON values in a directory, for all processes of this machine.

    Args:
        cache_instance: a ``diskcache.Cache`` (``pip install "nbagents[cache]"``); the caller closes it. It is given
            text only. One that is loaded from JSON unpickles nothing: whoever wrote that may have written the
            directory, too.
    """

    component_config_schema = DiskCacheStoreConfig

    def __init__(self, cache_instance: Any) -> None:
        self.cache = cache_instance

    def get(self, key: str, default: T | None = None) -> T | None:
        return from_text(self.cache.get(key), default)

    def set(self, key: str, value: T) -> None:
        self.cache.set(key, to_json(value).decode())

    def _to_config(self) -> DiskCacheStoreConfig:
        return DiskCacheStoreConfig(directory=str(self.cache.directory))

    @classmethod
    def _from_config(cls, config: DiskCacheStoreConfig) -> Self:
        try:
            from diskcache import Cache
        except ImportError as error:
            raise ConfigurationError(
                'a DiskCacheStore needs the diskcache package: pip install "nbagents[cache]"'
            ) from error
        cache = Cache(config.directory, disk=_without_pickles())
        store = cls(cache)
        weakref.finalize(store, cache.close)  # nobody else knows that it was opened
        return store


def from_text(kept: Any, default: T | None) -> T | None:
    """The value that a store wrote as JSON, or the text that is no JSON; `default` for anything else."""
    if not isinstance(kept, str | bytes):
        return default
    try:
        value: Any = kept if isinstance(kept, str) else kept.decode()
    except UnicodeDecodeError:
        return default
    with suppress(ValueError):
        value = json.loads(value)
    return cast(T, value)


def is_json(text: str) -> bool:
    """Whether `text` could be read as a value."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _without_pickles() -> type[Any]:
    """diskcache's way to its files, where a pickle is nothing: reading one may run any code."""
    from diskcache import Disk
    from diskcache.core import MODE_PICKLE

    class PlainDisk(Disk):  # type: ignore[misc]  # diskcache ships no types
        def fetch(self, mode: int, filename: str, value: Any, read: bool) -> Any:
            return None if mode == MODE_PICKLE else super().fetch(mode, filename, value, read)

    return PlainDisk

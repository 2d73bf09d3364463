"""`CacheStore`: where answers are kept for the next time. Names are AutoGen's (``autogen_core.CacheStore``)."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel

from ..component import Component, ComponentBase, ComponentConfig
from ..errors import ConfigurationError

T = TypeVar("T")


class CacheStore(ABC, ComponentBase[BaseModel], Generic[T]):
    """Keeps values by their keys; users may implement their own."""

    component_type = "cache_store"

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
        self._values: dict[str, T] = {}

    def get(self, key: str, default: T | None = None) -> T | None:
        return self._values.get(key, default)

    def set(self, key: str, value: T) -> None:
        self._values[key] = value

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
            text only: what comes out of it is read as JSON and never unpickled into objects by us.
    """

    component_config_schema = DiskCacheStoreConfig

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
        return cls(Cache(config.directory))

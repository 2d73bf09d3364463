"""`RedisStore`: answers kept in Redis, for all machines that reach it. Name and JSON shape are AutoGen's.

Values are JSON. A cache that cannot be reached is no reason to fail: the question is then asked anew, and the log says
so.
"""

from __future__ import annotations

import logging
from typing import Any, Self, TypeVar

from pydantic import SecretStr, field_validator
from pydantic_core import to_json

from ..component import Component, ComponentConfig
from ..errors import ConfigurationError
from .cache_store import CacheStore, from_text, is_json

T = TypeVar("T")

MASKED = "**********"

logger = logging.getLogger(__name__)


class RedisStoreConfig(ComponentConfig):
    """Where Redis is. The password is dumped masked, and such a one is read as none."""

    host: str = "localhost"
    port: int = 6379
    db: int = 0
    username: str | None = None
    password: SecretStr | None = None
    ssl: bool = False
    socket_timeout: float | None = None

    @field_validator("password")
    @classmethod
    def _masked_is_none(cls, password: SecretStr | None) -> SecretStr | None:
        return None if password is None or password.get_secret_value() == MASKED else password


class RedisStore(CacheStore[T], Component[RedisStoreConfig]):
    """Keeps JSON values in Redis.

    Args:
        redis_instance: a ``redis.Redis`` (``pip install "nbagents[redis]"``); the caller closes it.
    """

    component_config_schema = RedisStoreConfig
    over_the_network = True

    def __init__(self, redis_instance: Any) -> None:
        self.cache = redis_instance

    def get(self, key: str, default: T | None = None) -> T | None:
        try:
            return from_text(self.cache.get(key), default)
        except _redis().RedisError as error:
            logger.warning("Redis did not answer, so it is taken to have nothing: %s", error)
            return default

    def set(self, key: str, value: T) -> None:
        try:
            # Text stands there as it is, as AutoGen's does, unless it would be read as something else.
            self.cache.set(key, value if isinstance(value, str) and not is_json(value) else to_json(value))
        except _redis().RedisError as error:
            logger.warning("Redis did not answer, so the value is not kept: %s", error)

    def _to_config(self) -> RedisStoreConfig:
        said = self.cache.connection_pool.connection_kwargs
        return RedisStoreConfig(
            host=said.get("host", "localhost"),
            port=said.get("port", 6379),
            db=said.get("db", 0),
            username=said.get("username"),
            password=said.get("password"),
            ssl=self.cache.connection_pool.connection_class is _redis().SSLConnection,
            socket_timeout=said.get("socket_timeout"),
        )

    @classmethod
    def _from_config(cls, config: RedisStoreConfig) -> Self:
        password = config.password.get_secret_value() if config.password else None
        return cls(_redis().Redis(**{**config.model_dump(), "password": password}))


def _redis() -> Any:
    try:
        import redis
    except ImportError as error:
        raise ConfigurationError('a RedisStore needs the redis package: pip install "nbagents[redis]"') from error
    return redis

"""Which server a client on a provider's SDK asks, with whose key, and how that stands in JSON.

The SDKs of OpenAI and Anthropic are made by the same generator, so one class makes the client of either. They are
imported at the first call: that costs a second or two, and a notebook that replays needs none.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from ..component import Component
from ..errors import ConfigurationError
from .client import ChatCompletionClient
from .faults import Server
from .guarded_http import sdk_options
from .key_trust import ADDRESS_VARIABLES, KeySources, checked_address, key_sources
from .keys import checked_key, learn, required_key
from .model_info import ModelInfo
from .openai_config import OpenAIClientConfig, not_default, without_secret_headers
from .retrying import RetryPolicy
from .sdk_connection import SDKConnection

_EACH_CALLS = {"stream", "messages", "function_call", "functions"}


class SDKAccess(ChatCompletionClient, Component[OpenAIClientConfig]):
    """A client's server and key; its arguments are those of `OpenAIChatCompletionClient`.

    Args:
        known_info: what the model's name says that it can do, for where the user does not say it.
        extra: arguments sent with every request, and those of the SDK's client (`sdk_arguments`).

    Raises:
        ValueError: no model is named, or one of `extra` is each call's own.
    """

    component_config_schema = OpenAIClientConfig
    on_io_thread = asks_a_server = True
    package: ClassVar[str]
    """The SDK's."""
    sdk_class: ClassVar[str]
    """The SDK's client."""
    sdk_arguments: ClassVar[tuple[str, ...]] = ("http_client", "default_query")
    """What the SDK's client takes besides, and is handed on to it; it stands in no JSON."""
    own_server: ClassVar[str]
    """What the server is called that the SDK asks where nobody names another."""
    _address_from_json = False
    _closings = 0
    """So often it was closed: what was asked before is not asked again."""

    def __init__(
        self,
        model: str,
        *,
        api_key: str | SecretStr | None,
        base_url: str | None,
        model_info: ModelInfo | None,
        known_info: ModelInfo,
        timeout: float | None,
        max_retries: int,
        add_name_prefixes: bool,
        default_headers: Mapping[str, str] | None,
        extra: dict[str, Any],
    ) -> None:
        if not model:
            raise ValueError(f"model is required for {type(self).__name__}")
        api_key = api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key
        learn(self.provider, api_key or "")
        self.model = model
        self._api_key, self._base_url = api_key, base_url
        self._model_info, self._known_info = model_info or known_info, known_info
        self._timeout, self._headers, self._name_prefixes = timeout, default_headers, add_name_prefixes
        self._retry = RetryPolicy(max_retries)
        if own := _EACH_CALLS & extra.keys():
            raise ValueError(f"Disallowed create args are present: {own}")
        self._sdk_arguments = {name: extra.pop(name) for name in self.sdk_arguments if name in extra}
        if "http_client" in self._sdk_arguments:
            self.on_io_thread = False
        self._extra = extra
        self._connection = SDKConnection(self._sdk_client)

    @property
    def billed_by(self) -> str:
        address = self._address() if self.provider == self.package else None
        return (urlsplit(checked_address(address)).hostname if address else None) or self.provider

    @property
    def model_info(self) -> ModelInfo:
        return self._model_info

    @property
    def _client(self) -> Any:
        """The SDK's client, under the name that AutoGen has for it: tests put their own in its place.

        From then on it is asked on its user's loop: theirs are the sockets, and one of another loop fails.
        """
        self.on_io_thread = False
        return self._connection.one

    @_client.setter
    def _client(self, sdk: Any) -> None:
        if isinstance(key := getattr(sdk, "api_key", None), str):
            learn(self.provider, key)
        self.on_io_thread = False
        self._connection.one = sdk

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_connection"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        learn(self.provider, self._api_key or "")
        self._connection = SDKConnection(self._sdk_client)

    async def close(self) -> None:
        self._closings += 1
        await self._connection.close()

    async def _connected(self) -> Any:
        """The SDK's client."""
        return await self._connection.sdk()

    @property
    def _server(self) -> Server:
        """Who is asked, as errors say it."""
        withheld = not self._api_key and self._sources() == "none"
        return Server(self.provider, self.model, self._address() or self.own_server, withheld)

    def _address(self) -> str | None:
        """The server that is asked; None for the SDK's own."""
        return self._base_url or os.environ.get(ADDRESS_VARIABLES[self.package]) or None

    def _sdk_client(self) -> Any:
        """Make the SDK's client; everything slow is done here: imports, and asking a keyring."""
        try:
            sdk = importlib.import_module(self.package)
        except ImportError as error:
            raise ConfigurationError(
                f'{self.provider}/... models need the {self.package} package: pip install "nbagents[{self.package}]"'
            ) from error
        where = self._where()
        options = sdk_options(sdk, self._server, self._address(), self._timeout)
        made_with = {**where, "default_headers": self._headers, **options, **self._sdk_arguments}
        return getattr(sdk, self.sdk_class)(**made_with)

    def _where(self) -> dict[str, Any]:
        """The arguments of the SDK's client that say which server is asked, and by whom."""
        key = checked_key(self.provider, self._api_key or self._key())
        return {"api_key": key, "base_url": self._address()}

    def _key(self) -> str:
        sources = self._sources()
        # A server of one's own mostly needs none, but the SDK wants one.
        return required_key(self._key_of(), sources, default="" if sources == "all" else "none")

    def _key_of(self) -> str:
        """Whose key is sent."""
        return self.provider

    def _sources(self) -> KeySources:
        return key_sources(self._key_of(), self._address(), from_json=self._address_from_json)

    def _said(self, **own: Any) -> dict[str, Any]:
        """The arguments that are not at their defaults, with those that a client has of its `own`."""
        return not_default(
            {
                "api_key": SecretStr(self._api_key) if self._api_key is not None else None,
                "base_url": self._base_url,
                "model_info": dict(self._model_info) if self._model_info != self._known_info else None,
                "timeout": self._timeout,
                "max_retries": self._retry.retries,
                "add_name_prefixes": self._name_prefixes,
                "default_headers": without_secret_headers(self._headers),
                **own,
                **self._extra,
            }
        )

    @classmethod
    def _from_config(cls, config: OpenAIClientConfig) -> Self:
        client = cls(**config.arguments())
        client._address_from_json = config.names_a_server
        return client

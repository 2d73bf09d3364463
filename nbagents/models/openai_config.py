"""`OpenAIChatCompletionClient` as a component: the fields are AutoGen's, and any further argument of a request.

A key is a secret: it stands in no text and no JSON. A config whose key was masked is read as one without a key, which
is then taken from the environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, SecretStr, field_validator

from ..component import ComponentConfig

ClientArguments = dict[str, Any]
"""What a client is made with. AutoGen has a TypedDict for each client; here each client says what it takes."""


class OpenAIClientConfig(ComponentConfig):
    """Where the model is and how it is asked; what is not said is as the client's defaults have it."""

    model_config = ConfigDict(protected_namespaces=(), extra="allow")

    model: str
    api_key: SecretStr | None = None
    timeout: float | None = None
    max_retries: int | None = None
    model_info: dict[str, Any] | None = None
    model_capabilities: dict[str, Any] | None = None
    """An older form of `model_info`."""
    add_name_prefixes: bool | None = None
    include_name_in_message: bool | None = None
    default_headers: dict[str, str] | None = None
    organization: str | None = None
    base_url: str | None = None

    @field_validator("api_key", "azure_ad_token", check_fields=False)
    @classmethod
    def _masked_is_none(cls, key: SecretStr | None) -> SecretStr | None:
        return None if key is None or not key.get_secret_value().strip("*") else key

    def arguments(self) -> dict[str, Any]:
        """The arguments of the client that this says."""
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self
            if value is not None
        }

    @property
    def names_a_server(self) -> bool:
        """Whether it says whom to ask."""
        return any(getattr(self, name, None) for name in ("base_url", "azure_endpoint", "host"))


DEFAULTS: dict[str, Any] = {
    "timeout": 600.0,
    "max_retries": 2,
    "add_name_prefixes": False,
}


def not_default(given: dict[str, Any]) -> dict[str, Any]:
    """What a client does not do by itself."""
    return {name: value for name, value in given.items() if value != DEFAULTS.get(name)}


def without_secret_headers(headers: Mapping[str, str] | None) -> dict[str, str] | None:
    """The headers that may stand in JSON."""
    if headers is None:
        return None
    return {name: value for name, value in headers.items() if not _SECRET_HEADER.search(name)}


_SECRET_HEADER = re.compile("auth|key|token|secret|cookie|passw", re.I)

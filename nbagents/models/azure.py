"""`AzureOpenAIChatCompletionClient`: OpenAI's models in a resource of one's own on Azure, with AutoGen's signature."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, Self

from pydantic import SecretStr

from ..component import ComponentBase, ComponentModel
from ..errors import ConfigurationError, ModelAuthenticationError
from .key_trust import why_none
from .keys import checked_key, learn, required_key
from .openai import OpenAIChatCompletionClient
from .openai_config import OpenAIClientConfig

API_VERSION = "2024-10-21"
"""The newest version of the data plane's inference API that Azure calls generally available."""

AzureADTokenProvider = Callable[[], str | Awaitable[str]]
"""Gives a token of Microsoft Entra ID for each request, as ``azure.identity.get_bearer_token_provider`` does."""


class AzureOpenAIClientConfig(OpenAIClientConfig):
    """Where the deployment is; a token is a secret, and stands in no JSON."""

    azure_endpoint: str | None = None
    azure_deployment: str | None = None
    api_version: str | None = None
    azure_ad_token: SecretStr | None = None
    azure_ad_token_provider: ComponentModel | None = None


class AzureOpenAIChatCompletionClient(OpenAIChatCompletionClient):
    """Asks a deployment of Azure OpenAI.

    Args:
        model: the model that is deployed; decides what is known of it.
        azure_endpoint: the resource, ``https://NAME.openai.azure.com``; None takes AZURE_OPENAI_ENDPOINT.
        azure_deployment: the deployment's name; None: it is called as the model.
        api_version: of Azure's API; None takes OPENAI_API_VERSION, else the newest that is generally available.
        azure_ad_token: a token of Microsoft Entra ID, in place of a key.
        azure_ad_token_provider: called for such a token before each request.
        options: those of `OpenAIChatCompletionClient`; the key is AZURE_OPENAI_API_KEY's.

    Raises:
        ConfigurationError: no endpoint is named (at the first call).
    """

    component_config_schema = AzureOpenAIClientConfig
    provider, sdk_class = "azure", "AsyncAzureOpenAI"

    def __init__(
        self,
        model: str = "",
        *,
        azure_endpoint: str | None = None,
        azure_deployment: str | None = None,
        api_version: str | None = None,
        azure_ad_token: str | None = None,
        azure_ad_token_provider: AzureADTokenProvider | None = None,
        **options: Any,
    ) -> None:
        super().__init__(model, **options)
        learn(self.provider, azure_ad_token or "")
        self._endpoint, self._deployment, self._api_version = azure_endpoint, azure_deployment, api_version
        self._token, self._token_provider = azure_ad_token, azure_ad_token_provider

    def _address(self) -> str | None:
        return self._base_url or self._endpoint or os.environ.get("AZURE_OPENAI_ENDPOINT") or None

    def _where(self) -> dict[str, Any]:
        address = self._address()
        if address is None:
            raise ConfigurationError(
                f"azure/{self.model}: which resource? set the environment variable AZURE_OPENAI_ENDPOINT, or pass "
                "azure_endpoint='https://NAME.openai.azure.com'"
            )
        where: dict[str, Any] = (
            {"base_url": self._base_url} if self._base_url else
            {"azure_endpoint": address, "azure_deployment": self._deployment or self.model}
        )  # fmt: skip
        version = self._api_version or os.environ.get("OPENAI_API_VERSION") or API_VERSION
        return {**where, "api_version": version, "organization": self._organization, **self._credentials()}

    def _credentials(self) -> dict[str, Any]:
        """The one by which the SDK is to show who asks.

        Raises:
            ModelAuthenticationError: there is none, or none that this address may get.
        """
        if self._api_key:
            return {"api_key": checked_key("azure", self._api_key)}
        if self._token is not None:
            return {"azure_ad_token": checked_key("azure", self._token)}
        if self._sources() == "none":
            raise ModelAuthenticationError(
                f"{self._server.name}: {self._server.address}: {why_none('azure')}", provider="azure", model=self.model
            )
        if self._token_provider is not None:
            return {"azure_ad_token_provider": self._token_provider}
        return {"api_key": checked_key("azure", required_key("azure"))}

    def _to_config(self) -> AzureOpenAIClientConfig:
        provider: Any = self._token_provider
        if provider is not None and not isinstance(provider, ComponentBase):
            raise TypeError(
                "azure_ad_token_provider is a function, which no JSON can hold: make it a component, or give it to the "
                "client after loading"
            )
        return AzureOpenAIClientConfig(
            model=self.model,
            azure_endpoint=self._endpoint,
            azure_deployment=self._deployment,
            api_version=self._api_version,
            azure_ad_token_provider=provider.dump_component() if provider is not None else None,
            **self._said(),
        )

    @classmethod
    def _from_config(cls, config: OpenAIClientConfig) -> Self:
        client = super()._from_config(config)
        if (provider := getattr(config, "azure_ad_token_provider", None)) is not None:
            loaded: Any = ComponentBase.load_component(provider)
            client._token_provider = loaded
        return client

"""`OllamaChatCompletionClient`: the models of an Ollama server, asked in OpenAI's protocol, which it speaks as well.

One protocol instead of two: faults, tools, streams and structured output are then those of every other server. What
only Ollama's own protocol can say (``num_ctx`` and the like) is said on the server, in a Modelfile.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from .key_trust import as_written
from .keys import required_key
from .model_info import ModelInfo
from .openai import OpenAIChatCompletionClient
from .openai_config import OpenAIClientConfig

HOST = "127.0.0.1:11434"
_NAMED_OTHERWISE = {"num_predict": "max_tokens"}
_THE_SAME = frozenset({"temperature", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty"})
_AS_OLLAMA = {ours: theirs for theirs, ours in _NAMED_OTHERWISE.items()}
_OPTIONS = _THE_SAME | _AS_OLLAMA.keys()
"""What stands in JSON as Ollama's options, in the protocol's words."""


class OllamaClientConfig(OpenAIClientConfig):
    """Where the server is."""

    host: str | None = None
    options: dict[str, Any] | None = None
    headers: dict[str, str] | None = None


class OllamaChatCompletionClient(OpenAIChatCompletionClient):
    """Asks a model of an Ollama server.

    Args:
        model: as ``ollama list`` names it.
        host: the server, ``http://HOST:PORT``; None takes OLLAMA_HOST, else the port 11434 of this machine.
        options: Ollama's names for temperature, top_p, seed, stop and num_predict.
        headers: sent with every request.
        model_info: what the model can do; else what its name says.
        more: what `OpenAIChatCompletionClient` takes.

    Raises:
        ConfigurationError: an option that can only be set on the server; or the server's address is none (when asked).
    """

    component_config_schema = OllamaClientConfig
    provider = "ollama"

    def __init__(
        self,
        model: str = "",
        *,
        host: str | None = None,
        options: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        model_info: ModelInfo | None = None,
        **more: Any,
    ) -> None:
        more.pop("follow_redirects", None)  # AutoGen's, for Ollama's own client; ours follows on the same server
        more.setdefault("default_headers", headers)
        super().__init__(model, model_info=model_info, **{**_as_openai(options or {}), **more})
        self._host = host

    @property
    def billed_by(self) -> str:
        host = urlsplit(self._address()).hostname or ""
        here = host in ("localhost", "::1") or host.startswith("127.")
        return "local" if here and not self.model.endswith("-cloud") else self.provider

    def _address(self) -> str:
        return self._base_url or _url(self._host or os.environ.get("OLLAMA_HOST") or HOST)

    def _key(self) -> str:
        return required_key(self.provider, self._sources(), default="none")

    def _to_config(self) -> OllamaClientConfig:
        said = self._said()
        options = {_AS_OLLAMA.get(name, name): said.pop(name) for name in [*said] if name in _OPTIONS}
        return OllamaClientConfig(model=self.model, host=self._host, options=options or None, **said)


def _url(host: str) -> str:
    """The address of the protocol on `host`, which may lack scheme and port, or be what a server listens on.

    Raises:
        ConfigurationError: it is no address.
    """
    host = host.strip()
    try:
        parts = urlsplit(host if "://" in host else f"http://{host}")
        port = parts.port or (443 if parts.scheme == "https" else 11434)
    except ValueError:
        said = as_written(host)
        raise ConfigurationError(f"ollama: {said!r} is no server: set host or OLLAMA_HOST to HOST:PORT") from None
    name = parts.hostname or "127.0.0.1"
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)
    name = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{name}:{port}{parts.path.rstrip('/').removesuffix('/v1')}/v1"


def _as_openai(options: Mapping[str, Any]) -> dict[str, Any]:
    said = {_NAMED_OTHERWISE.get(name, name): value for name, value in options.items() if value is not None}
    unknown = sorted(set(said) - _THE_SAME - set(_NAMED_OTHERWISE.values()))
    if unknown:
        raise ConfigurationError(
            f"ollama: the options {', '.join(unknown)} can only be set on the server: write them into a Modelfile "
            "(PARAMETER NAME VALUE), and `ollama create` a model from it"
        )
    return said

"""`HttpTool`: a service that is reached over HTTP, as a tool. Name and arguments are those of AutoGen's.

The model fills the arguments of a fixed address: what it writes is quoted and cannot lead to another path or host, and
redirects are not followed. A status that is no success is an error.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Literal, Self
from urllib.parse import quote

from pydantic import BaseModel, Field

from ..cancellation import CancellationToken
from ..component import Component
from ..errors import ConfigurationError, ToolError
from ..models.json_schema import schema_to_pydantic_model
from .schema import ParametersSchema, ToolSchema, without_refs
from .tool import BaseTool

_PLACE = re.compile(r"{([^{}]*)}")
_IN_QUERY = ("GET", "DELETE")
LONGEST_ERROR = 500
"""So much of the body of a failed answer is told."""

Method = Literal["GET", "POST", "PUT", "DELETE", "PATCH"]


class HttpToolConfig(BaseModel):
    """An `HttpTool` as JSON; the shape is AutoGen's."""

    name: str
    description: str | None = None
    scheme: Literal["http", "https"] = "http"
    host: str
    port: int
    path: str = "/"
    method: Method = "POST"
    headers: dict[str, Any] | None = None
    json_schema: dict[str, Any] = Field(default_factory=dict)
    return_type: Literal["text", "json"] = "text"
    timeout: float = 5.0
    requires_approval: bool | None = None
    """Ours, and said only where it is true."""


class HttpTool(BaseTool[BaseModel, Any], Component[HttpToolConfig]):
    """One address of a service as a tool.

    Args:
        name: the name that the model calls.
        host: the host.
        port: the port.
        json_schema: the arguments, as the JSON Schema of an object.
        headers: sent with every call.
        description: what the tool is for.
        path: the path; ``{argument}`` in it is filled with that argument.
        scheme: "http" or "https".
        method: the other arguments go into the query of GET and DELETE, and into a JSON body of the rest.
        return_type: "text" gives the answer as it is, "json" reads it.
        timeout: seconds to wait.

    Raises:
        ValueError: the schema cannot be read, or the path names an argument that it does not require.
    """

    component_config_schema = HttpToolConfig

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        json_schema: dict[str, Any],
        headers: dict[str, Any] | None = None,
        description: str = "HTTP tool",
        path: str = "/",
        scheme: Literal["http", "https"] = "http",
        method: Method = "POST",
        return_type: Literal["text", "json"] = "text",
        timeout: float = 5.0,
    ) -> None:
        self.server_params = HttpToolConfig(
            name=name, description=description, host=host, port=port, json_schema=json_schema, headers=headers,
            path=path, scheme=scheme, method=method, return_type=return_type, timeout=timeout,
        )  # fmt: skip
        self._places = _PLACE.findall(path)
        for place in self._places:
            if place not in json_schema.get("required", ()):
                raise ValueError(f"the path {path!r} names {place!r}: the schema must have it, as required")
        super().__init__(schema_to_pydantic_model(json_schema, f"{name}args"), Any, name, description)

    @property
    def schema(self) -> ToolSchema:
        """The arguments, as the given schema says."""
        given = without_refs(self.server_params.json_schema)
        parameters = ParametersSchema(
            type="object",
            properties=given.get("properties", {}),
            required=given.get("required", []),
            additionalProperties=bool(given.get("additionalProperties", False)),
        )
        if "$defs" in given:
            parameters["$defs"] = given["$defs"]
        return ToolSchema(name=self.name, description=self.description, parameters=parameters, strict=False)

    async def run(self, args: BaseModel, cancellation_token: CancellationToken) -> Any:
        """Call the service.

        Raises:
            ToolError: it cannot be reached, did not answer in time, or its status is no success.
            ConfigurationError: the httpx2 package is missing.
        """
        said = args.model_dump(mode="json", exclude_unset=True, by_alias=True)
        defaults = args.model_dump(mode="json", exclude_none=True, by_alias=True)
        given = {**defaults, **said}  # what was left out and has no default is not sent, not even as null
        calling = asyncio.ensure_future(self._answer(given))
        cancellation_token.link_future(calling)
        return await calling

    async def _answer(self, given: dict[str, Any]) -> Any:
        try:
            import httpx2
        except ImportError as error:
            raise ConfigurationError('an HttpTool needs the httpx2 package: pip install "nbagents[http]"') from error
        said, url = self.server_params, self._url(given)
        rest = {name: value for name, value in given.items() if name not in self._places}
        sent: Mapping[str, Any] = {"params": rest} if said.method in _IN_QUERY else {"json": rest}
        try:
            async with httpx2.AsyncClient(timeout=said.timeout, headers=said.headers) as client:
                answer = await client.request(said.method, url, **sent)
        except httpx2.HTTPError as error:
            why = str(error) or type(error).__name__
            raise ToolError(f"{said.method} {url} did not work within {said.timeout:g} s: {why}") from error
        if not answer.is_success:
            raise ToolError(f"{said.method} {url} answered {answer.status_code}: {answer.text[:LONGEST_ERROR]}")
        return answer.json() if said.return_type == "json" else answer.text

    def _url(self, given: Mapping[str, Any]) -> str:
        said = self.server_params

        def filled(place: re.Match[str]) -> str:
            # "." and ".." would lead to another path, quoted or not.
            value = quote(str(given[place[1]]), safe="")
            if value in (".", ".."):
                raise ToolError(f"{place[1]!r} is {value!r}, which is no part of a path")
            return value

        path = _PLACE.sub(filled, said.path)
        return f"{said.scheme}://{said.host}:{said.port}/{path.removeprefix('/')}"

    def _to_config(self) -> HttpToolConfig:
        return self.server_params.model_copy(update={"requires_approval": self.requires_approval or None})

    @classmethod
    def _from_config(cls, config: HttpToolConfig) -> Self:
        said = config.model_dump(exclude={"requires_approval"})
        tool = cls(**{**said, "description": config.description or "HTTP tool"})
        tool.requires_approval = bool(config.requires_approval)
        return tool

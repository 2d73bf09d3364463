"""The pool of an Azure Container Apps code interpreter, over its REST API: run code, and files in and out.

Follows the published reference (azure-rest-api-specs, data plane ``DynamicSessions``, 2025-10-02-preview). A session is
an identifier: the first request that names it makes it. The token goes to the pool's own address and nowhere else:
redirects are not followed, nor links to other hosts, and what is told of an error never holds it.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urljoin, urlsplit

from ..errors import ConfigurationError, SessionPoolError
from .output_text import LIMIT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

API_VERSION = "2025-10-02-preview"
SCOPE = "https://dynamicsessions.io/.default"
RENEW_BEFORE = 300.0
"""Seconds before its end at which a token is not used any more."""
SLACK = 15.0
"""Seconds that an answer may take longer than the code in it: a new session has to be made."""
MOST_PAGES = 1000
"""Of a listing of files; a service may link one page to the next without an end."""
LARGEST_FILE = 256 * 2**20
LONGEST_ERROR = 500
_ADVICE = {
    401: "the token was not accepted: sign in again (az login), or look at the credential",
    403: "the identity needs the role 'Azure ContainerApps Session Executor' on the pool; a new one takes minutes",
    404: "look at pool_management_endpoint: az containerapp sessionpool show --query properties.poolManagementEndpoint",
    413: "a file may have 128 MB",
    429: "the pool has no session left, or was asked too often: wait, or raise its maximum",
}


class AccessToken(Protocol):
    """A token as azure-core gives it."""

    @property
    def token(self) -> str:
        """What is sent."""

    @property
    def expires_on(self) -> int:
        """When it ends, as seconds since 1970."""


class TokenProvider(Protocol):
    """Who gives tokens: any credential of azure-identity, its ``aio`` ones too."""

    def get_token(self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **kwargs: Any) -> Any:
        """An `AccessToken` for `scopes`, or what can be awaited for one."""


class SessionPool:
    """One session pool.

    Args:
        endpoint: its management endpoint, https (http only on this machine).
        credential: who gives tokens; `DefaultAzureCredential` of azure-identity unless given.

    Raises:
        ValueError: `endpoint` is no such address.
    """

    def __init__(self, endpoint: str, credential: TokenProvider | None) -> None:
        parts = urlsplit(endpoint)
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)) or parts.username:
            raise ValueError(f"pool_management_endpoint must be an https address without a user, not {endpoint!r}")
        self._endpoint = endpoint.rstrip("/") + "/"
        self._credential = credential
        self._token: AccessToken | None = None

    async def execute(self, session: str, code: str, timeout: float) -> dict[str, Any]:
        """Run `code` in `session` and wait for its end: the published ``SessionCodeExecutionResource``.

        Raises:
            TimeoutError: there was no answer in time.
            SessionPoolError: the pool cannot be reached, or refused.
        """
        body = {
            "codeInputType": "Inline",
            "executionType": "Synchronous",
            "code": code,
            "timeoutInSeconds": int(timeout),
            "outputStreamsMaxLength": LIMIT,
        }
        found: dict[str, Any] = await self._json("POST", "executions", session, timeout, json=body)
        return found

    async def files(self, session: str, timeout: float) -> list[str]:
        """The files of `session`, below its data directory.

        Raises:
            TimeoutError: there was no answer in time.
            SessionPoolError: the pool cannot be reached, refused, or named more pages than there can be.
        """
        url, names = "files", list[str]()
        for _ in range(MOST_PAGES):
            page = await self._json("GET", url, session, timeout, params={"recursive": "true"})
            entries = [each for each in page["value"] if str(each.get("type", "File")).lower() == "file"]
            names += ["/".join(filter(None, (each.get("directory"), each["name"]))) for each in entries]
            url = page.get("nextLink") or ""
            if not url:
                return names
        raise SessionPoolError(
            f"the session pool named over {MOST_PAGES} pages of files, the last {url!r}: not followed"
        )

    async def upload(self, session: str, path: str, content: bytes, timeout: float) -> None:
        """Put a file into the data directory of `session`."""
        directory, _, name = path.rpartition("/")
        file = {"file": (name, content, "application/octet-stream")}
        await self._json("POST", "files", session, timeout, params=_in(directory), files=file)

    async def download(self, session: str, path: str, timeout: float) -> bytes:
        """A file of the data directory of `session`.

        Raises:
            SessionPoolError: it is not there, or larger than `LARGEST_FILE`.
        """
        directory, _, name = path.rpartition("/")
        content = bytearray()
        where = f"files/{quote(name, safe='')}/content"
        async with self._answer("GET", where, session, timeout, params=_in(directory)) as answer:
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > LARGEST_FILE:
                    raise SessionPoolError(f"{path!r} is larger than {LARGEST_FILE >> 20} MB, and was not fetched")
        return bytes(content)

    async def delete(self, session: str, timeout: float) -> None:
        """End `session`, with the code that runs in it."""
        async with self._answer("DELETE", "session", session, timeout):
            pass

    async def _json(self, method: str, path: str, session: str, timeout: float, **sent: Any) -> Any:
        async with self._answer(method, path, session, timeout, **sent) as answer:
            text = await answer.aread()
            try:
                return answer.json()
            except ValueError as error:
                raise SessionPoolError(f"the session pool answered what is no JSON: {text[:100]!r}") from error

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        session: str,
        timeout: float,
        *,
        params: Mapping[str, str] | None = None,
        **sent: Any,
    ) -> AsyncIterator[httpx2.Response]:
        """One request; its answer is a success.

        Raises:
            TimeoutError: it did not come in time.
            SessionPoolError: it is none, or there was none.
        """
        client_library, url = _http(), self._below(path)
        query = {"api-version": API_VERSION, "identifier": session, **(params or {})}
        token = await self._bearer()
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with (
                client_library.AsyncClient(timeout=timeout + SLACK, headers=headers) as client,
                client.stream(method, url.copy_merge_params(query), **sent) as answer,
            ):
                if not answer.is_success:
                    await answer.aread()
                    raise SessionPoolError(_refusal(answer).replace(token, "[redacted token]"))
                yield answer
        except client_library.TimeoutException as error:
            raise TimeoutError(f"the session pool did not answer within {timeout + SLACK:g} s") from error
        except client_library.HTTPError as error:
            why = (str(error) or type(error).__name__).replace(token, "[redacted token]")
            raise SessionPoolError(f"the session pool at {self._endpoint} cannot be reached: {why}") from error

    def _below(self, path: str) -> httpx2.URL:
        """`path` as an address of this pool; a link to another place is not followed, as the token would go there."""
        read = _http().URL
        url: httpx2.URL = read(urljoin(self._endpoint, path))
        if not str(url).startswith(str(read(self._endpoint))):
            raise SessionPoolError(f"the session pool sent a link to another place, {str(url)[:200]!r}: not followed")
        return url

    async def _bearer(self) -> str:
        if self._token is None or self._token.expires_on - RENEW_BEFORE < time.time():
            if self._credential is None:
                self._credential = _default_credential()
            try:
                self._token = await _token_of(self._credential)
            except Exception as error:  # any kind of credential may be given, each with errors of its own
                said = str(error).strip().partition("\n")[0]
                raise SessionPoolError(f"no token for the session pool: {type(error).__name__}: {said}") from error
        return self._token.token


async def _token_of(credential: TokenProvider) -> AccessToken:
    # Those of azure.identity block: they start `az`, or ask a server.
    if inspect.iscoroutinefunction(credential.get_token):
        found: AccessToken = await credential.get_token(SCOPE)
        return found
    given: AccessToken = await asyncio.to_thread(credential.get_token, SCOPE)
    return given


def _default_credential() -> TokenProvider:
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise ConfigurationError(
            'signing in to Azure needs the azure-identity package: pip install "nbagents[azure]", or give a credential'
        ) from error
    credential: TokenProvider = DefaultAzureCredential()
    return credential


def _http() -> Any:
    try:
        import httpx2
    except ImportError as error:
        raise ConfigurationError('Azure sessions need the httpx2 package: pip install "nbagents[azure]"') from error
    return httpx2


def _in(directory: str) -> dict[str, str]:
    return {"path": directory} if directory else {}


def _refusal(answer: httpx2.Response) -> str:
    """What the pool says of a request that it refuses, in the published form of its errors or as it is."""
    try:
        error = answer.json()["error"]
        said = f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        said = answer.text
    advice = f" ({_ADVICE[answer.status_code]})" if answer.status_code in _ADVICE else ""
    return f"the session pool answered {answer.status_code}: {said[:LONGEST_ERROR]}{advice}"

"""Where the Docker Engine is, and whether it answers.

It is looked for as Docker's own command line does: ``DOCKER_HOST``, then ``DOCKER_CONTEXT``, then the current
``docker context``, then the default socket (or a rootless engine's). The SDK is Docker's own (``docker``), imported
when a container is wanted.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SandboxUnavailable

DEFAULT_SOCKET = Path("/var/run/docker.sock")
API_TIMEOUT = 20.0
"""Seconds for one request to the engine. Creating a container takes 0.05 s; a busy disk may make it seconds."""
ANSWER_SECONDS = 3.0
"""Seconds for the one request that takes an engine a millisecond; one that takes longer hangs."""
HOW_TO_GET_ONE = "start Docker, or name another engine with DOCKER_HOST or `docker context use`"


@dataclass(frozen=True)
class EngineAddress:
    """Where an engine is looked for, and what said so."""

    url: str
    source: str
    tls: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class EngineReport:
    """What `probe` found; `why_not` is empty when the engine answers."""

    url: str
    source: str
    version: str = ""
    rootless: bool = False
    runtimes: tuple[str, ...] = ()
    why_not: str = ""

    @property
    def available(self) -> bool:
        return not self.why_not


def engine_address(environ: Mapping[str, str] | None = None) -> EngineAddress:
    """The engine that this process would use.

    Raises:
        SandboxUnavailable: the SDK is not installed, the context that is named does not exist, or what is configured
            cannot be read.
    """
    docker = sdk()
    try:
        return _configured(docker, os.environ if environ is None else environ)
    except SandboxUnavailable:
        raise
    except Exception as error:  # of a damaged context the SDK raises just that
        raise SandboxUnavailable(
            f"where the Docker Engine is cannot be told from DOCKER_HOST, DOCKER_CERT_PATH and the docker contexts: "
            f"{_plain(error)}"
        ) from error


def _configured(docker: Any, environ: Mapping[str, str]) -> EngineAddress:
    if environ.get("DOCKER_HOST"):
        params = docker.utils.kwargs_from_env(dict(environ))
        return EngineAddress(params["base_url"], "DOCKER_HOST", params.get("tls"))
    name = environ.get("DOCKER_CONTEXT") or docker.context.config.get_current_context_name()
    if name != "default":
        context = docker.context.ContextAPI.get_context(name)
        if context is None or not context.Host:
            raise SandboxUnavailable(f"the docker context {name!r} does not exist: see `docker context ls`")
        return EngineAddress(context.Host, f"docker context {name}", context.TLSConfig)
    rootless = Path(environ.get("XDG_RUNTIME_DIR") or "/nonexistent") / "docker.sock"
    path = rootless if rootless.exists() and not DEFAULT_SOCKET.exists() else DEFAULT_SOCKET
    return EngineAddress(f"unix://{path}", "default socket")


def connect(address: EngineAddress | None = None, *, timeout: float = API_TIMEOUT) -> Any:
    """A client of the engine (`docker.DockerClient`), which has answered once.

    Raises:
        SandboxUnavailable: there is none, or it hangs.
    """
    docker = sdk()
    address = address or engine_address()
    if address.url.startswith(("ssh://", "npipe://")):
        raise SandboxUnavailable(
            f"the Docker Engine at {address.url!r} cannot be used: attached streams need a unix, tcp or TLS socket; "
            "forward it (ssh -L /tmp/docker.sock:/var/run/docker.sock HOST) and set DOCKER_HOST=unix:///tmp/docker.sock"
        )
    try:
        version = ping(address, min(timeout, ANSWER_SECONDS))
        return docker.DockerClient(base_url=address.url, tls=address.tls or False, version=version, timeout=timeout)
    except (docker.errors.DockerException, OSError, ValueError) as error:
        raise SandboxUnavailable(
            f"no Docker Engine answers at {address.url} ({address.source}): {_plain(error)}; {HOW_TO_GET_ONE}"
        ) from error


def ping(address: EngineAddress, timeout: float) -> str:
    """Ask an engine whether it is there; returns its API's version, or "auto" where it does not tell.

    The SDK's own question for the version has the engine start other programs, and takes ten times as long.

    Raises:
        OSError, docker.errors.DockerException: there is none, or it did not answer within `timeout` seconds.
    """
    docker = sdk()
    _knock(address, timeout)
    oldest = docker.constants.MINIMUM_DOCKER_API_VERSION
    client = docker.APIClient(base_url=address.url, tls=address.tls or False, version=oldest, timeout=timeout)
    with contextlib.closing(client) as api:
        try:
            answer = api.get(f"{api.base_url}/_ping", timeout=timeout)
        except OSError as error:  # all of requests' errors are
            if "timed out" in _plain(error).lower():
                raise TimeoutError(f"it did not answer within {timeout:g} s") from None
            raise
        answer.raise_for_status()
        return str(answer.headers.get("Api-Version") or "auto")


def _knock(address: EngineAddress, timeout: float) -> None:
    """Raise OSError where no engine listens: the SDK would leave a socket open, and wrap the reason five times."""
    if address.url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as attempt:
            attempt.settimeout(timeout)
            try:
                attempt.connect(address.url.removeprefix("unix://"))
            except BlockingIOError:  # nobody takes those that came before us
                raise TimeoutError("it takes no more connections") from None


def probe(timeout: float = 2.0) -> EngineReport:
    """Ask the engine who it is; answers within `timeout` seconds whatever the engine does."""
    found: list[EngineReport] = []
    asking = threading.Thread(target=lambda: found.append(_ask(timeout)), name="nbagents-engine-probe", daemon=True)
    asking.start()
    asking.join(timeout)
    if found:
        return found[0]
    address = engine_address()
    return EngineReport(address.url, address.source, why_not=f"it did not answer within {timeout:g} s")


def _ask(timeout: float) -> EngineReport:
    try:
        address = engine_address()
        client = connect(address, timeout=timeout / 2)
        try:
            info = client.info()
        finally:
            client.close()
    except SandboxUnavailable as error:
        return EngineReport("", "", why_not=str(error))
    except OSError as error:  # the SDK's connection errors are requests', which are OSErrors
        return EngineReport(address.url, address.source, why_not=_plain(error))
    return EngineReport(
        address.url,
        address.source,
        version=str(info.get("ServerVersion", "")),
        rootless="name=rootless" in (info.get("SecurityOptions") or ()),
        runtimes=tuple(sorted(info.get("Runtimes") or ())),
    )


def sdk() -> Any:
    """Docker's SDK for Python, imported now."""
    try:
        import docker
        import docker.context
    except ModuleNotFoundError as error:
        raise SandboxUnavailable('containers need the docker package: pip install "nbagents[docker]"') from error
    return docker


def refusal(error: BaseException) -> str:
    """What the engine said when it refused, without the request's address around it."""
    return str(getattr(error, "explanation", None) or _plain(error)).strip()


def _plain(error: BaseException) -> str:
    """The innermost reason: the SDK wraps "Permission denied" five times."""
    while earlier := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = earlier
    return str(error) or type(error).__name__

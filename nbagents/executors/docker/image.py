"""The image that sandboxed code runs in: shipped as a Dockerfile, built on the user's own engine, once.

Its tag is derived from the Dockerfile, so a new version of nbagents never runs in an old image: it says that one must
be built. An image of the user's own works as it is when it has ipykernel; otherwise `build(source=...)` makes a derived
image that has it, and that one is used wherever the user's is named.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from importlib import resources
from typing import Any

from ...errors import SandboxImageMissing, SandboxUnavailable
from .engine import connect, refusal, sdk

REPOSITORY = "nbagents-sandbox"
BASE_IMAGE = "python:3.12-slim"
IMAGE_LABEL = "nbagents.image"
BUILD_TIMEOUT = 900.0
"""Seconds without a word from a build: a large wheel on a slow line."""


def image_name(source: str | None = None) -> str:
    """The tag of the shipped image, or of what `build(source=...)` makes of an image of the user's."""
    if source is None:
        return f"{REPOSITORY}:{_digest(dockerfile())}"
    return f"{REPOSITORY}-derived:{_digest(dockerfile(source), source)}"


def dockerfile(source: str | None = None) -> str:
    """The Dockerfile that is shipped."""
    name = "Dockerfile" if source is None else "Dockerfile.derived"
    return (resources.files(__package__) / "image" / name).read_text(encoding="utf-8")


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def ensure(image: str | None = None, *, client: Any | None = None) -> str:
    """The name to start a container from, of an image that is on the engine.

    Args:
        image: an image of the user's; None is the shipped one.
        client: a `docker.DockerClient` to ask with.

    Raises:
        SandboxImageMissing: it is not there; the line has the command that makes or fetches it.
        SandboxUnavailable: no engine answers.
    """
    client = client or connect()
    if image is None:
        if _find(client, image_name()) is None:
            raise SandboxImageMissing(image_name(), "run `nbagents sandbox build` once in a terminal")
        return image_name()
    original = _find(client, image)
    if original is None:
        raise SandboxImageMissing(image, f"fetch it with `docker pull {image}`, or build it")
    derived = _find(client, image_name(image))
    if derived is not None and derived.labels.get("nbagents.base") == original.id:
        return image_name(image)
    return image


def build(
    *,
    source: str | None = None,
    base: str = BASE_IMAGE,
    network: str | None = None,
    say: Callable[[str], object] = lambda line: None,
    client: Any | None = None,
) -> str:
    """Build the shipped image, or one with a kernel from an image of the user's; returns its name.

    Args:
        source: an image of the user's that has Python and pip but no ipykernel.
        base: what the shipped image is built on; nothing is pulled that is there already.
        network: the network of the build, as `docker build --network`; None is the engine's default.
        say: told each line of the build.

    Raises:
        SandboxUnavailable: no engine answers, or the build failed; has the build's last lines.
    """
    docker = sdk()
    client = client or connect(timeout=BUILD_TIMEOUT)
    start = source or base
    original = _find(client, start)
    name = image_name(source)
    labels = {IMAGE_LABEL: "derived" if source else "sandbox", "nbagents.version": _version()}
    if original is not None:
        labels["nbagents.base"] = original.id
    elif source is not None:
        raise SandboxImageMissing(source, f"fetch it with `docker pull {source}`, or build it")
    said: list[str] = []
    try:
        for event in client.api.build(
            fileobj=io.BytesIO(dockerfile(source).encode()),
            tag=name,
            buildargs={"BASE": start},
            network_mode=network,
            labels=labels,
            rm=True,
            forcerm=True,
            decode=True,
        ):
            if "error" in event:
                raise SandboxUnavailable(_failed(name, str(event["error"]), said))
            if line := str(event.get("stream", event.get("status", ""))).rstrip():
                said.append(line)
                say(line)
    except (docker.errors.DockerException, OSError) as error:
        raise SandboxUnavailable(_failed(name, refusal(error), said)) from error
    return name


def remove_old(client: Any, *, present_too: bool = False) -> list[str]:
    """Remove the images that other versions of nbagents built, or all that any has built; returns their names.

    Raises:
        SandboxUnavailable: the engine refused; an image that a container uses is kept, and the line says so.
    """
    docker = sdk()
    removed = []
    try:
        for image in client.images.list(filters={"label": IMAGE_LABEL}):
            for name in image.tags:
                is_derived = name.startswith(f"{REPOSITORY}-derived:")
                if present_too or not (is_derived or name == image_name()):
                    client.images.remove(name)
                    removed.append(name)
    except (docker.errors.DockerException, OSError) as error:
        raise SandboxUnavailable(f"an image could not be removed: {refusal(error)}") from error
    return removed


def _failed(name: str, why: str, said: list[str]) -> str:
    return f"building {name} failed: {why}\n" + "\n".join(said[-15:])


def _find(client: Any, name: str) -> Any | None:
    docker = sdk()
    try:
        return client.images.get(name)
    except docker.errors.ImageNotFound:
        return None
    except (docker.errors.DockerException, OSError) as error:
        raise SandboxUnavailable(f"the Docker Engine did not say whether it has {name!r}: {refusal(error)}") from error


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("nbagents")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "checkout"

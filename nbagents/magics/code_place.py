"""Where code runs in a run: what was asked for, what is there, and the one line that says it.

Code never goes to the live kernel because a sandbox is missing. Where nobody says where code runs, it runs in Docker
if an engine and the image are there, and else it is shown and not run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SandboxUnavailable
from ..executors.docker.container_spec import ContainerOptions
from ..executors.docker.engine import DEFAULT_SOCKET, EngineReport, connect, probe, refusal, sdk
from ..executors.docker.image import ensure
from .settings import AUTO
from .specs import AgentSpec

PROBE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class CodePlace:
    """Where code runs.

    Attributes:
        target: "none", "live" or "docker".
        said: the line that a run shows; "" where the cells say it already.
        images: the digest of each image that code may run in, by name.
    """

    target: str
    said: str = ""
    images: Mapping[str, str] = field(default_factory=dict)


def code_places(wanted: Mapping[str, tuple[str, ContainerOptions]]) -> dict[str, CodePlace]:
    """Where the code of each agent runs. Blocks for as long as the engine needs to answer, at most seconds.

    Args:
        wanted: by agent, the target that its cell, the run or the settings name, and what its container may do.

    Raises:
        SandboxUnavailable: an agent's cell says docker, and no engine answers; says how to get one.
        SandboxImageMissing: ... and the image is not there; says how to get it.
    """
    engine: EngineReport | None = None
    if any(target == "docker" or (target == AUTO and _may_have_engine()) for target, _ in wanted.values()):
        engine = probe(PROBE_SECONDS)
    return {name: _place(engine, target, options) for name, (target, options) in wanted.items()}


def most_trusted(places: Iterable[CodePlace]) -> str:
    """Where the code of a whole team runs, in a word: "live" if any of it does, else "docker" if any, else "none"."""
    targets = {place.target for place in places}
    return next((target for target in ("live", "docker") if target in targets), "none")


def places_described(places: Mapping[str, CodePlace], specs: Sequence[AgentSpec]) -> dict[str, Any]:
    """What a run shows and its journal keeps: where code runs, what is looser there than usual, and the images."""
    loosened = [
        f"{spec.name}: {sentence}"
        for spec in specs
        if places[spec.name].target == "docker"
        for sentence in spec.options.loosened
    ]
    lines = dict.fromkeys(places[spec.name].said for spec in specs)
    said = [_said_of(line, [spec.name for spec in specs], places) for line in lines if line]
    images = {name: digest for place in places.values() for name, digest in place.images.items()}
    described = {"places": [*said, *loosened], "loosened": loosened, "images": images}
    return {name: value for name, value in described.items() if value}


def _said_of(line: str, agents: Sequence[str], places: Mapping[str, CodePlace]) -> str:
    """A line on where code runs, with the names of those whom it is about when it is not about all."""
    names = [name for name in agents if places[name].said == line]
    return line if len(names) == len(agents) else f"{', '.join(names)} · {line}"


def _place(engine: EngineReport | None, target: str, options: ContainerOptions) -> CodePlace:
    if target not in ("docker", AUTO):
        return CodePlace(target)
    try:
        return _in_docker(engine, options)
    except SandboxUnavailable as error:
        if target == "docker":
            raise
        return CodePlace("none", f"code: none ({error})")


def _in_docker(engine: EngineReport | None, options: ContainerOptions) -> CodePlace:
    if engine is None:
        raise SandboxUnavailable("no Docker Engine: see `nbagents doctor`")
    if not engine.available:
        raise SandboxUnavailable(f"{engine.why_not}; see `nbagents doctor`")
    client = connect(timeout=PROBE_SECONDS)
    try:
        name = ensure(options.image, client=client)
        digest = str(client.images.get(name).id)
    except (sdk().errors.DockerException, OSError) as error:
        raise SandboxUnavailable(f"the Docker Engine went away: {refusal(error)}") from error
    finally:
        client.close()
    return CodePlace("docker", f"code: docker {engine.version}, image {name} ({digest[:19]})", {name: digest})


def _may_have_engine() -> bool:
    """False where nothing hints at an engine: then Docker's SDK need not even be imported."""
    rootless = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent") / "docker.sock"
    contexts = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    named = os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT")
    return bool(named) or any(path.exists() for path in (DEFAULT_SOCKET, rootless, contexts))

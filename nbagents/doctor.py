"""What nbagents finds on this machine, and how to get what it does not: `nbagents doctor` and ``%agents doctor``.

A report, not a test: it starts nothing, opens no connection but the one to the Docker Engine, and names keys without
reading them out. It answers within two seconds, also when the engine hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from .errors import ConfigurationError, SandboxUnavailable
from .kernel.supported import why_unsupported
from .models import weights
from .models.keys import VARIABLES, find_key
from .models.weights_catalog import catalogue

T = TypeVar("T")

ENGINE_SECONDS = 0.8
"""So long the engine may take for each of two questions; one that works takes hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that may be there.

    Attributes:
        name: what it is called in ``--check``.
        ok: it is there and can be used.
        found: what was found, or what is missing.
        advice: how to get it; "" when nothing is to be done.
        facts: the same for programs.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        advice = f" → {self.advice}" if self.advice else ""
        return f"{'ok' if self.ok else 'missing':<8} {self.name:<12} {self.found}{advice}"

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def examined() -> list[Check]:
    """Everything that is looked at, in the order in which it is needed."""
    return [_ipykernel(), _jupyterlab(), _keys(), _local_models(), _kernels(), *_docker()]


CHECK_NAMES = ("ipykernel", "jupyterlab", "keys", "local-models", "kernels", "docker", "image", "sandboxes")


def _ipykernel() -> Check:
    found = _version("ipykernel")
    if not found:
        return Check("ipykernel", False, "not installed", 'pip install "ipykernel>=7.4"')
    if why := why_unsupported(found):
        return Check("ipykernel", False, f"{found}: {why}", 'pip install "ipykernel>=7.4"', {"version": found})
    return Check("ipykernel", True, found, facts={"version": found})


def _jupyterlab() -> Check:
    """JupyterLab itself is often in another environment than the kernel: the extension is looked for on its own."""
    from jupyter_core.paths import jupyter_path

    lab = _version("jupyterlab")
    folders = [Path(folder) / "nbagents" for folder in jupyter_path("labextensions")]
    extension = next((str(folder) for folder in folders if (folder / "package.json").is_file()), "")
    facts = {"version": lab, "extension": extension}
    told = f"JupyterLab {lab}" if lab else "no JupyterLab in this environment"
    if extension:
        return Check("jupyterlab", True, f"{told}, with the extension", facts=facts)
    advice = "pip install nbagents where JupyterLab is installed; without it cells are inserted as one, below the run"
    return Check("jupyterlab", False, f"{told}, without the extension", advice, facts)


def _keys() -> Check:
    try:
        found = {provider: key.source for provider in VARIABLES if (key := find_key(provider)) is not None}
    except ConfigurationError as error:
        return Check("keys", False, str(error), "save the file as UTF-8, or remove it", {"providers": {}})
    if found:
        told = ", ".join(f"{provider} ({source})" for provider, source in found.items())
        return Check("keys", True, told, facts={"providers": found})
    advice = "%agents key PROVIDER asks for one and keeps it in the keyring; or use a local model"
    return Check("keys", False, "no model provider's key is set", advice, {"providers": {}})


def _local_models() -> Check:
    here = [name for name in catalogue() if weights.status(name).ready]
    engine = importlib.util.find_spec("xllamacpp") is not None
    facts = {"weights": here, "engine": engine, "directory": str(weights.directory())}
    advice = [] if engine else ['pip install "nbagents[local]"']
    advice += [] if here else [f"nbagents model get {weights.DEFAULT}"]
    told = [", ".join(here) or "no weights", *([] if engine else ["no engine to run them"])]
    return Check("local-models", not advice, "; ".join(told), ", then ".join(advice), facts)


def _kernels() -> Check:
    from jupyter_client.kernelspec import KernelSpecManager

    found = sorted(KernelSpecManager().find_kernel_specs())
    advice = "" if found else "python -m ipykernel install --user"
    return Check("kernels", bool(found), ", ".join(found) or "none", advice, {"kernelspecs": found})


def _docker() -> list[Check]:
    from .executors.docker.engine import probe

    engine = probe(ENGINE_SECONDS)
    facts = {name: value for name, value in asdict(engine).items() if value}
    if not engine.available:
        missing = Check("docker", False, engine.why_not, facts=facts)
        unknown = "cannot be known without an engine"
        return [missing, Check("image", False, unknown), Check("sandboxes", False, unknown)]
    rootless = ", rootless" if engine.rootless else ""
    found = Check("docker", True, f"{engine.version} at {engine.url} ({engine.source}){rootless}", facts=facts)
    return [found, *(_within(ENGINE_SECONDS, _on_engine) or _SILENT)]


_SILENT = [Check(name, False, "the engine did not answer") for name in ("image", "sandboxes")]


def _on_engine() -> list[Check]:
    """The image, and the containers that are there now: those of runs, and those that kernels keep ready."""
    from .executors.docker.container_spec import LABEL
    from .executors.docker.engine import connect, sdk
    from .executors.docker.image import image_name

    name = image_name()
    with contextlib.closing(connect(timeout=ENGINE_SECONDS)) as client:
        try:
            image = client.images.get(name)
            megabytes = round(image.attrs["Size"] / 1e6)
            facts = {"name": name, "digest": image.id, "bytes": image.attrs["Size"]}
            checks = [Check("image", True, f"{name} · {image.id[:19]} · {megabytes} MB", facts=facts)]
        except sdk().errors.ImageNotFound:
            checks = [Check("image", False, f"{name} is not built", "nbagents sandbox build", {"name": name})]
        running = len(client.api.containers(filters={"label": LABEL}))
    told = "1 container" if running == 1 else f"{running} containers"
    if (ready := _ready_here()) is not None:
        told += f", of which this kernel keeps {ready} ready"
    return [*checks, Check("sandboxes", checks[0].ok, told, facts={"running": running, "ready": ready})]


def _ready_here() -> int | None:
    """How many containers this process keeps ready; None where it never had any."""
    docker_kernel = sys.modules.get("nbagents.executors.docker_kernel")
    if docker_kernel is None:
        return None
    from .io_thread import io_loop

    return int(asyncio.run_coroutine_threadsafe(docker_kernel.warm_count(), io_loop()).result(ENGINE_SECONDS))


def _within(seconds: float, call: Callable[[], T]) -> T | None:
    """What `call` returns; None when it takes longer, or when the engine went away meanwhile."""
    found: list[T] = []

    def ask() -> None:
        try:
            found.append(call())
        except (OSError, SandboxUnavailable):  # the SDK's connection errors are requests', which are OSErrors
            return

    asking = threading.Thread(target=ask, name="nbagents-doctor", daemon=True)
    asking.start()
    asking.join(seconds)
    return found[0] if found else None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""

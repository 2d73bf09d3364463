"""The image that is shipped, an image of the user's, and the commands around them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from nbagents import cli
from nbagents.errors import SandboxImageMissing, SandboxUnavailable
from nbagents.executors.docker import ContainerOptions, engine, image, start_kernel
from tests.docker.conftest import Engine
from tests.docker.execution import execute

USERS = "nbagents-test-users-image:1"


@pytest.fixture
def client() -> Iterator[Any]:
    with contextlib.closing(docker.from_env()) as found:
        yield found


@pytest.fixture
def users_image(client: Any) -> Iterator[str]:
    """An image with Python and pip, an entry point of its own, and no ipykernel."""
    text = f'FROM {image.BASE_IMAGE}\nENV CITY=Oslo\nENTRYPOINT ["python3", "--version"]\n'
    client.images.build(fileobj=io.BytesIO(text.encode()), tag=USERS, rm=True)
    yield USERS
    for name in (image.image_name(USERS), USERS):
        with contextlib.suppress(docker.errors.ImageNotFound):
            client.images.remove(name, force=True)


def test_the_shipped_image_is_there_and_says_what_it_is(client: Any) -> None:
    found = client.images.get(image.ensure(client=client))

    assert found.labels["nbagents.image"] == "sandbox"
    assert found.attrs["Config"]["User"] == "1000:1000"
    assert f"{image.REPOSITORY}:" in image.image_name()


def test_a_changed_dockerfile_asks_for_a_build(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "dockerfile", lambda source=None: "FROM scratch")

    with pytest.raises(SandboxImageMissing, match="run `nbagents sandbox build` once"):
        image.ensure(client=client)


async def test_an_image_without_a_kernel_says_how_to_add_one_and_then_works(users_image: str) -> None:
    options = ContainerOptions(image=users_image)
    with pytest.raises(SandboxUnavailable, match=f"no ipykernel.*nbagents sandbox build --from {users_image}"):
        await start_kernel(options)

    assert cli.main(["sandbox", "build", "--from", users_image, "--network", "host"]) == 0
    kernel = await start_kernel(options)
    done = await execute(kernel, "import os; os.environ['CITY'], os.getuid()")
    await kernel.close()

    assert done.value == "('Oslo', 1000)"
    assert options.loosened == [f"image {users_image} instead of the sandbox's own"]


async def test_an_image_without_python_is_said_in_the_engines_words(client: Any) -> None:
    client.images.build(fileobj=io.BytesIO(b"FROM scratch\nENV A=b\n"), tag="nbagents-test-empty:1", rm=True)
    try:
        with pytest.raises(SandboxUnavailable, match="python3"):
            await start_kernel(ContainerOptions(image="nbagents-test-empty:1"))
    finally:
        client.images.remove("nbagents-test-empty:1", force=True)  # the container may be going still


def test_a_build_whose_pip_fails_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    text = image.dockerfile().replace("ipykernel>=7.4,<8", "/nowhere/ipykernel.whl")
    monkeypatch.setattr(image, "dockerfile", lambda source=None: text)
    with pytest.raises(SandboxUnavailable, match="nowhere") as failed:
        image.build(network="host")
    assert "matplotlib" not in str(failed.value).splitlines()[-1]


def test_a_build_that_fails_shows_its_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"FROM {image.BASE_IMAGE}\nRUN python3 -c 'print(\"before\"); raise SystemExit(3)'\n"
    monkeypatch.setattr(image, "dockerfile", lambda source=None: text)

    with pytest.raises(SandboxUnavailable, match=r"(?s)failed: .*non-zero code: 3.*before"):
        image.build()


def test_status_and_clean(capsys: pytest.CaptureFixture[str], engine: Engine) -> None:
    assert cli.main(["sandbox", "status"]) == 0
    said = capsys.readouterr().out
    assert f"at {engine.host} (DOCKER_HOST)" in said
    assert image.image_name() in said
    assert cli.main(["sandbox", "clean"]) == 0


def test_status_without_an_engine(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    assert cli.main(["sandbox", "status"]) == 1
    assert "no Docker engine answers" in capsys.readouterr().out.replace("Engine", "engine")


def test_the_probe_tells_what_there_is() -> None:
    report = engine.probe()

    assert report.available
    assert report.version
    assert "runc" in report.runtimes

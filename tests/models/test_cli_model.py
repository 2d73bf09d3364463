"""`nbagents model ...`: what it prints, what it returns, and that Ctrl-C can be followed by the same command."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbagents.cli import main
from nbagents.models import weights, weights_catalog
from nbagents.models.weights_catalog import Weights
from tests.models.weights_sources import Hub, make_weights, serving

CONTENT = random.Random(8).randbytes(50_000)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    entry = make_weights(CONTENT, tmp_path / "wheels")
    monkeypatch.setattr(weights_catalog, "catalogue", lambda: {"tiny": entry})
    monkeypatch.setattr(weights, "DEFAULT", "tiny")
    monkeypatch.setenv("NBAGENTS_MODELS_DIR", str(tmp_path / "models"))
    return entry


@pytest.fixture
def hub(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(CONTENT) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def test_get_says_licence_source_size_and_place_first(
    tiny: Weights, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.before_body = lambda: shown.append(capsys.readouterr().out)
    shown: list[str] = []
    assert main(["model", "get", "tiny"]) == 0
    [before_the_first_byte] = shown
    for text in ("Apache-2.0", tiny.licence_url, tiny.url, tiny.sha256, "0 MB", str(weights.path_of(tiny))):
        assert text in before_the_first_byte
    after = capsys.readouterr()
    assert "SHA-256 checked" in after.out
    assert "from the hub" in after.err


def test_get_without_a_name_takes_the_recommended_model_and_is_idle_the_second_time(
    tiny: Weights, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "get"]) == 0
    asked = len(hub.seen)
    assert main(["model", "get"]) == 0
    assert "already here" in capsys.readouterr().out
    assert len(hub.seen) == asked


def test_get_that_fails_is_one_line_and_status_1(tiny: Weights, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.status = 404
    assert main(["model", "get", "tiny", "--source", "hub"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: could not fetch 'tiny': ")


def test_list_path_and_remove(tiny: Weights, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "list"]) == 0
    assert "not fetched" in capsys.readouterr().out
    assert main(["model", "path", "tiny"]) == 1
    assert "nbagents model get tiny" in capsys.readouterr().err

    main(["model", "get", "tiny"])
    capsys.readouterr()
    assert main(["model", "path", "tiny"]) == 0
    assert capsys.readouterr().out.strip() == str(weights.path_of(tiny))
    main(["model", "list"])
    assert " here " in capsys.readouterr().out

    assert main(["model", "remove", "tiny"]) == 0
    assert "removed tiny" in capsys.readouterr().out
    assert main(["model", "remove", "tiny"]) == 0
    assert "was not here" in capsys.readouterr().out


def test_list_shows_how_much_of_a_model_is_there(tiny: Weights, capsys: pytest.CaptureFixture[str]) -> None:
    part = weights.path_of(tiny).with_suffix(".gguf.part")
    part.parent.mkdir()
    part.write_bytes(CONTENT[:20_000])
    main(["model", "list"])
    assert "40% fetched" in capsys.readouterr().out


def test_unknown_model_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "get", "smollm"]) == 1
    assert "smollm2-135m" in capsys.readouterr().err


def test_wrong_command_line_is_refused_with_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["model"])
    assert "usage: nbagents model" in capsys.readouterr().err


def test_ctrl_c_keeps_what_came_and_says_how_to_go_on(tmp_path: Path) -> None:
    """A real process, a real SIGINT: while the hub has stalled after 5 MB."""
    entry = weights_catalog.named("smollm2-135m")
    with serving(bytes(entry.size)) as hub:
        hub.stall_after = 5_000_000
        env = os.environ | {"HF_ENDPOINT": hub.url, "NBAGENTS_MODELS_DIR": str(tmp_path)}
        with subprocess.Popen(
            [sys.executable, "-m", "nbagents", "model", "get", entry.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=env,
            text=True,
            preexec_fn=heeding_sigint,
        ) as process:
            try:
                assert process.stderr is not None
                assert "from the hub" in process.stderr.readline()
                wait_for_bytes(tmp_path / f"{entry.name}.gguf.part")
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=20)
            finally:
                process.kill()
    assert process.returncode == 130
    assert f"are kept: run `nbagents model get {entry.name}` to go on" in errors
    assert "Traceback" not in errors
    assert (tmp_path / f"{entry.name}.gguf.part").exists()


def heeding_sigint() -> None:
    """As in a terminal: tests started in a shell's background (`make test &`) ignore SIGINT, and so would the child."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_bytes(part: Path) -> None:
    """Until the first bytes are in the file: the progress line is printed before it is opened."""
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size):
        assert time.monotonic() < deadline, f"nothing came into {part}"
        time.sleep(0.01)

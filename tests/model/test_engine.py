"""The real engine with a real model: answers, refuses, cancels, and never outlives its parent."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from nbagents.errors import ModelEngineError, ModelNotFound
from nbagents.models import engine as engine_module
from nbagents.models import weights
from nbagents.models.engine import Engine, shared, start

MODEL = "smollm2-135m"
LONG_STORY = {"messages": [{"role": "user", "content": "Tell a very long story."}], "max_tokens": 2000, "stream": True}


@pytest.fixture(scope="session")
def model() -> Path:
    try:
        return weights.find(MODEL)
    except ModelNotFound as error:
        pytest.fail(f"these tests run a real model: {error}")


@pytest.fixture
async def engine(model: Path) -> Engine:
    """One engine for all tests of this file that do not end it."""
    return await shared(model, context_length=512, slots=2)


@pytest.fixture(scope="module", autouse=True)
def _no_engine_is_left() -> Iterator[None]:
    yield
    engine_module._end_all()


@contextmanager
def watching(pid: int) -> Iterator[Any]:
    """A function that waits for the end of process `pid` and says whether it came."""
    handle = os.pidfd_open(pid)

    def ended(seconds: float = 20) -> bool:
        readable, _, _ = select.select([handle], [], [], seconds)
        return bool(readable)

    try:
        yield ended
    finally:
        os.close(handle)


def client(engine: Engine, key: str | None = None) -> httpx2.AsyncClient:
    key = engine.api_key if key is None else key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.AsyncClient(base_url=engine.base_url, headers=headers, timeout=60, trust_env=False)


async def ask(engine: Engine, content: str, **options: Any) -> httpx2.Response:
    body = {"messages": [{"role": "user", "content": content}], "max_tokens": 8, **options}
    async with client(engine) as http:
        return await http.post("/chat/completions", json=body)


def events(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ") and line != "data: [DONE]"]


# --- answers --------------------------------------------------------------------------------------------------------


async def test_streams_an_answer_with_its_usage(engine: Engine) -> None:
    body = {
        "messages": [{"role": "user", "content": "Say hello to the reader."}],
        "max_tokens": 24,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    async with client(engine) as http, http.stream("POST", "/chat/completions", json=body) as response:
        chunks = events([line async for line in response.aiter_lines()])
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert len(text) > 4
    assert len(chunks) > 4
    assert choices[-1]["finish_reason"] in ("stop", "length")
    usage = chunks[-1]["usage"]
    assert usage["prompt_tokens"] > 5
    assert 0 < usage["completion_tokens"] <= 24
    assert {chunk["model"] for chunk in chunks} == {MODEL} == {engine.model}


async def test_agents_that_take_turns_do_not_pay_for_their_history_again(model: Path) -> None:
    """Three conversations on one slot: each finds its own prefix in the cache when its turn comes again."""
    histories = [f"Rule of agent {n}: be kind to number {n}. " * 20 for n in range(3)]
    engine = await shared(model, context_length=512, slots=1)
    for history in histories:
        (await ask(engine, history)).raise_for_status()
    for history in histories:
        usage = (await ask(engine, history + "Go on.")).json()["usage"]
        assert usage["prompt_tokens_details"]["cached_tokens"] > usage["prompt_tokens"] * 0.8


@pytest.mark.parametrize("key", ["", "wrong"])
async def test_requests_without_the_key_are_refused(engine: Engine, key: str) -> None:
    async with client(engine, key=key) as http:
        for path in ("/models", "/../props", "/../slots"):
            assert (await http.get(path)).status_code == 401
        for path in ("/chat/completions", "/completions", "/../completion", "/../tokenize"):
            assert (await http.post(path, json={"messages": []})).status_code == 401


async def test_each_request_may_use_the_whole_context_and_no_more(engine: Engine) -> None:
    assert engine.context_length == 512
    fits = await asyncio.gather(*(ask(engine, "hello " * 400) for _ in range(2)))
    assert [response.status_code for response in fits] == [200, 200]
    refused = await ask(engine, "hello " * 600)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert (error["type"], error["n_ctx"]) == ("exceed_context_size_error", 512)


async def test_context_is_what_the_model_was_trained_on_at_most(model: Path) -> None:
    engine = await start(model, context_length=10_000_000, slots=1)
    try:
        assert engine.context_length == 8192
    finally:
        await engine.stop()


async def test_leaving_a_stream_frees_its_slot(model: Path) -> None:
    engine = await shared(model, context_length=4096, slots=1)
    async with client(engine) as http:
        async with http.stream("POST", "/chat/completions", json=LONG_STORY) as response:
            await anext(response.aiter_lines())
        # The only slot would be busy for a minute; an answer within the time limit shows that it is not.
        async with asyncio.timeout(10):
            assert (await ask(engine, "hi")).status_code == 200


# --- one engine for all ---------------------------------------------------------------------------------------------


async def test_tasks_and_event_loops_share_one_engine(model: Path, engine: Engine) -> None:
    found: list[Engine] = await asyncio.gather(*(shared(model, context_length=256) for _ in range(3)))
    elsewhere = threading.Thread(target=lambda: found.append(asyncio.run(shared(model, context_length=256))))
    elsewhere.start()
    await asyncio.to_thread(elsewhere.join)
    assert len(found) == 4
    assert len({id(one) for one in found}) == 1
    assert found[0].pid != engine.pid


async def test_first_calls_from_two_event_loops_start_one_engine(model: Path) -> None:
    found: list[Engine] = []
    calls = [lambda: found.append(asyncio.run(shared(model, context_length=300))) for _ in range(2)]
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert found[0] is found[1]


async def test_cancelled_caller_does_not_cancel_the_others(model: Path) -> None:
    first = asyncio.create_task(shared(model, context_length=320))
    second = asyncio.create_task(shared(model, context_length=320))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).alive
    assert first.cancelled()


async def test_dead_engine_is_noticed_and_replaced(model: Path) -> None:
    first = await shared(model, context_length=384)
    with watching(first.pid) as ended:
        os.kill(first.pid, signal.SIGKILL)
        assert await asyncio.to_thread(ended)
    assert not first.alive
    second = await shared(model, context_length=384)
    assert second.alive
    assert second.pid != first.pid


# --- its end --------------------------------------------------------------------------------------------------------


async def test_stop_ends_the_process(model: Path) -> None:
    engine = await start(model, context_length=512)
    with watching(engine.pid) as ended:
        await engine.stop()
        assert ended(0)
    assert not engine.alive
    engine.kill()  # again does no harm


async def test_stop_breaks_off_a_request_under_way(model: Path) -> None:
    engine = await start(model, context_length=4096)
    async with client(engine) as http, http.stream("POST", "/chat/completions", json=LONG_STORY) as response:
        lines = response.aiter_lines()
        await anext(lines)
        await engine.stop()
        with pytest.raises(httpx2.RemoteProtocolError):
            async for _ in lines:
                pass


@pytest.mark.parametrize("call", [start, shared])
async def test_cancelling_the_start_leaves_no_process(model: Path, call: Any) -> None:
    before = set(engine_module._processes)
    starting = asyncio.create_task(call(model, context_length=640))
    await asyncio.sleep(0)
    [process] = set(engine_module._processes) - before
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert process.poll() == -signal.SIGKILL
    assert set(engine_module._processes) == before


PARENT = """
import asyncio, sys
from pathlib import Path
from nbagents.models.engine import shared
engine = asyncio.run(shared(Path(sys.argv[1]), context_length=256))
print(engine.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["killed", "exits"])
def test_engine_does_not_outlive_its_parent(model: Path, how: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(model)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert parent.stdin is not None
        assert parent.stdout is not None
        with watching(int(parent.stdout.readline())) as ended:
            assert not ended(0)
            if how == "killed":
                parent.kill()
            parent.stdin.close()
            assert parent.wait(20) == (-signal.SIGKILL if how == "killed" else 0)
            assert ended(10)
    finally:
        parent.kill()
        parent.wait()
        assert parent.stdout is not None
        parent.stdout.close()


LOADING_PARENT = """
import asyncio, os, signal, sys
from pathlib import Path
from nbagents.models import engine
async def main():
    starting = asyncio.create_task(engine.start(Path(sys.argv[1])))
    await asyncio.sleep(0)
    print(next(iter(engine._processes)).pid, flush=True)
    await starting
    await starting.result().stop()
asyncio.run(main())
"""


def test_engine_that_still_loads_does_not_outlive_its_parent(model: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", LOADING_PARENT, str(model)], stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        with watching(int(parent.stdout.readline())) as ended:
            parent.kill()
            assert ended(10)
    finally:
        parent.kill()
        parent.communicate()


async def test_interrupting_the_kernel_does_not_reach_the_engine(engine: Engine) -> None:
    assert os.getpgid(engine.pid) != os.getpgid(0)
    os.kill(engine.pid, signal.SIGINT)
    assert (await ask(engine, "hi")).status_code == 200


async def test_forked_child_leaves_the_engine_alone(engine: Engine) -> None:
    code = "import os, atexit; pid = os.fork(); (pid or (atexit._run_exitfuncs(), os._exit(0))); os.waitpid(pid, 0)"
    script = PARENT.replace("sys.stdin.read()", f"{code}\nprint(engine.alive, flush=True)")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-c", script, str(weights.find(MODEL)), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert output.split()[1:] == [b"True"]


# --- secrets --------------------------------------------------------------------------------------------------------


def shown_by_the_system(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_keys_are_neither_in_the_environment_nor_on_the_command_line(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-users-own")
    engine = await start(model, context_length=256)
    seen = shown_by_the_system(engine.pid)
    await engine.stop()
    assert b"OMP_WAIT_POLICY=passive" in seen
    assert b"sk-the-users-own" not in seen
    assert engine.api_key.encode() not in seen
    assert engine.api_key not in repr(engine)


async def test_log_holds_no_prompt_and_only_the_user_reads_it(model: Path) -> None:
    engine = await start(model, context_length=256)
    try:
        await ask(engine, "the secret word is xylophone")
        await ask(engine, "xylophone " * 300)
    finally:
        await engine.stop()
    assert "exceeds the available context size" in engine.log.read_text()
    assert "xylophone" not in engine.log.read_text()
    assert engine.log.stat().st_mode & 0o077 == 0


# --- what can go wrong at the start ---------------------------------------------------------------------------------


async def test_file_that_is_no_gguf(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_text("<html>")
    with pytest.raises(ModelEngineError, match=r"is not a GGUF file \(it starts with b'<htm'\)"):
        await start(file)


async def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelEngineError, match="cannot be read"):
        await start(tmp_path / "none.gguf")


async def test_incomplete_file_shows_the_engines_last_lines(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "half.gguf"
    with model.open("rb") as whole:
        file.write_bytes(whole.read(20_000_000))
    with pytest.raises(ModelEngineError, match=r"could not load .*its last lines: .*failed to load model") as caught:
        await shared(file)
    assert (caught.value.provider, caught.value.model) == ("local", "half")
    with pytest.raises(ModelEngineError):  # a failed start is tried again, not remembered
        await shared(file)


LITTLE_MEMORY = """
import asyncio, resource, sys
from pathlib import Path
from nbagents.models.engine import start
resource.setrlimit(resource.RLIMIT_AS, (700_000_000, 700_000_000))
asyncio.run(start(Path(sys.argv[1]), context_length=8192, slots=8))
"""


def test_too_little_memory_says_what_to_make_smaller(model: Path) -> None:
    """In a process whose children may use 700 MB; the contexts alone would take 1500."""
    command = [sys.executable, "-c", LITTLE_MEMORY, str(model)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "not enough memory; take a smaller model, a smaller context_length or fewer slots" in ended.stderr


async def test_missing_engine_names_the_extra(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelEngineError, match=r'pip install "nbagents\[local\]"'):
        await start(model)


async def test_missing_system_library_names_its_package(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libgomp.so.1").write_bytes(b"")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    with pytest.raises(ModelEngineError, match="apt-get install libgomp1"):
        await start(model)


async def test_senseless_setting_is_named(model: Path) -> None:
    with pytest.raises(ValueError, match="slots is 0"):
        await start(model, slots=0)

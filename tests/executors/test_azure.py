"""Code in sessions of Azure Container Apps, against a pool on this machine that follows the published reference."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult
from nbagents.errors import ConfigurationError, FunctionsNotLoaded, SessionPoolError
from nbagents.executors import AzureContainerCodeExecutor, with_requirements
from nbagents.executors.azure_results import session_result
from tests.executors.session_pool import VERSION, Pool, session_pool

PICTURE = base64.b64encode(b"\x89PNG\r\n").decode()
WAIT_FOR_EVER = "'wait for ever'\nimport time\nwhile True: time.sleep(60)"


@dataclass
class Token:
    token: str
    expires_on: int


class Credential:
    """As those of azure-identity: it gives tokens for a scope, and each ends."""

    def __init__(self, token: str, lifetime: float = 3600) -> None:
        self.token, self.lifetime = token, lifetime
        self.asked: list[str] = []

    def get_token(self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **more: Any) -> Token:
        self.asked += scopes
        return Token(self.token, int(time.time() + self.lifetime))


@pytest.fixture
def pool() -> Iterator[Pool]:
    with session_pool() as found:
        yield found


def executor_on(pool: Pool, **options: Any) -> AzureContainerCodeExecutor:
    return AzureContainerCodeExecutor(pool.endpoint, Credential(pool.token), **options)


async def run(executor: AzureContainerCodeExecutor, *codes: str) -> CodeResult:
    blocks = [CodeBlock(code=code, language="python") for code in codes]
    return await executor.execute_code_blocks(blocks, CancellationToken())


async def test_code_runs_and_variables_last(pool: Pool) -> None:
    async with executor_on(pool) as executor:
        assert (await run(executor, "x = 6")).output == ""
        result = await run(executor, "import sys\nprint('out')\nprint('err', file=sys.stderr)\nx * 7")

        assert (result.exit_code, result.output) == (0, "err\nout\n42")
        assert [each["output_type"] for each in result.outputs] == ["stream", "stream", "execute_result"]
        assert result.outputs[2]["data"] == {"text/plain": "42"}
        assert len(pool.sessions) == 1


async def test_what_is_sent(pool: Pool) -> None:
    credential = Credential(pool.token)
    executor = AzureContainerCodeExecutor(pool.endpoint.rstrip("/"), credential, timeout=30, session_id="mine & yours")
    await run(executor, "1 + 1")

    method, path, query, body = pool.requests[-1]
    assert (method, path) == ("POST", "executions")
    assert query == {"api-version": VERSION, "identifier": "mine & yours"}
    assert json.loads(body)["timeoutInSeconds"] == 30 and json.loads(body)["code"] == "1 + 1"
    assert credential.asked == ["https://dynamicsessions.io/.default"], "a token is kept until it ends"


async def test_code_that_fails_is_a_result_and_the_last(pool: Pool) -> None:
    async with executor_on(pool) as executor:
        result = await run(executor, "print('one')", "1 / 0", "print('three')")

        assert result.exit_code == 1 and result.output.startswith("one\nTraceback")
        assert "ZeroDivisionError" in result.output and "three" not in result.output


async def test_only_python(pool: Pool) -> None:
    async with executor_on(pool) as executor:
        blocks = [CodeBlock(code="print(1)", language="Py"), CodeBlock(code="ls", language="sh")]
        result = await executor.execute_code_blocks(blocks, CancellationToken())

        assert (result.exit_code, result.output) == (1, "1\n\nunknown language sh")
        nothing = await executor.execute_code_blocks([], CancellationToken())
        assert (nothing.exit_code, nothing.output) == (0, "")


async def test_a_picture_is_an_output(pool: Pool) -> None:
    code = f"{{'type': 'image', 'format': 'png', 'base64_data': {PICTURE!r}}}"
    async with executor_on(pool) as executor:
        result = await run(executor, code)
    async with executor_on(pool, suppress_result_output=True) as executor:
        without = await run(executor, code)

    assert result.output == "[figure]"
    assert result.outputs[0]["data"] == {"image/png": PICTURE}
    assert (without.output, without.outputs) == ("", [])


@pytest.mark.parametrize("value", [
    {"type": "image", "format": "svg+xml", "base64_data": PICTURE},
    {"type": "image", "format": "png", "base64_data": "<script>"},
    {"type": "image", "format": "png", "base64_data": None},
    {"type": "image", "format": ["png"]},
    [1, {"a": None}], True, 1.5, "text",
])  # fmt: skip
def test_what_is_no_picture_is_text(value: Any) -> None:
    result = session_result({"status": "Succeeded", "result": {"executionResult": value}}, with_value=True)

    assert list(result.outputs[0]["data"]) == ["text/plain"]
    assert result.output == (value if isinstance(value, str) else json.dumps(value))


@pytest.mark.parametrize(("answer", "said"), [
    ({"status": "Canceled"}, "the session says 'Canceled'"),
    ({}, "the session says None"),
    ({"status": "Failed", "error": {"error": {"code": "Busy", "message": "Too much."}}}, "Busy: Too much."),
    ({"status": "Failed", "error": "odd", "result": None}, "the session says 'Failed'"),
])  # fmt: skip
def test_a_failure_is_told(answer: dict[str, Any], said: str) -> None:
    result = session_result(answer, with_value=True)

    assert (result.exit_code, result.output) == (1, said)


async def test_a_block_that_the_service_ends(pool: Pool) -> None:
    async with executor_on(pool, timeout=1) as executor:
        result = await run(executor, WAIT_FOR_EVER)

        assert result.exit_code == 1 and "ExecutionTimeout" in result.output


async def test_a_service_that_does_not_answer(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    async with executor_on(pool, timeout=1) as executor:
        await run(executor, "1")
        monkeypatch.setattr("nbagents.executors.azure_sessions.SLACK", -0.7)
        result = await run(executor, WAIT_FOR_EVER)

        assert (result.exit_code, result.output) == (124, "\n Timeout")


@pytest.mark.parametrize("by", ["token", "task"])
async def test_cancelling_ends_the_session_and_the_next_block_begins_anew(pool: Pool, by: str) -> None:
    async with executor_on(pool) as executor:
        await run(executor, "x = 1")
        token = CancellationToken()
        running = asyncio.ensure_future(
            executor.execute_code_blocks([CodeBlock(code=WAIT_FOR_EVER, language="python")], token)
        )
        await asyncio.to_thread(pool.running.wait, 10)
        (token if by == "token" else running).cancel()

        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 2)
        assert not pool.sessions
        assert "NameError" in (await run(executor, "x")).output


async def test_a_session_of_the_users_is_left_alone(pool: Pool) -> None:
    async with executor_on(pool, session_id="theirs") as executor:
        token = CancellationToken()
        running = asyncio.ensure_future(
            executor.execute_code_blocks([CodeBlock(code=WAIT_FOR_EVER, language="python")], token)
        )
        await asyncio.to_thread(pool.running.wait, 10)
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 2)

    assert list(pool.sessions) == ["theirs"]
    assert all(method != "DELETE" for method, *_ in pool.requests)


async def test_cancelled_before_the_start(pool: Pool) -> None:
    token = CancellationToken()
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await executor_on(pool).execute_code_blocks([CodeBlock(code="1", language="python")], token)

    assert pool.requests == []


async def test_restart_forgets_and_stop_deletes(pool: Pool) -> None:
    executor = executor_on(pool)
    await executor.stop()
    assert pool.requests == [], "no session is deleted that was never made"
    await run(executor, "x = 1")
    await executor.restart()
    assert "NameError" in (await run(executor, "x")).output
    assert len(pool.sessions) == 1
    await executor.stop()
    assert not pool.sessions


async def test_a_session_that_cannot_be_deleted_is_logged(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    executor = executor_on(pool)
    await run(executor, "1")
    pool.answers.append((503, {}, b"later"))
    with caplog.at_level(logging.WARNING, "nbagents.executors"):
        await executor.stop()

    assert "could not be deleted: the session pool answered 503: later" in caplog.text


async def test_files(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data ü.csv").write_bytes(b"a,b\r\n\x00\xff")
    token = CancellationToken()
    async with executor_on(pool, work_dir=tmp_path) as executor:
        await executor.upload_files(["in/data ü.csv"], token)
        await run(
            executor, "import os; os.makedirs('sub/deep')\nopen('sub/deep/o.txt', 'w').write('x')\nopen('z', 'w')"
        )

        assert sorted(await executor.get_file_list(token)) == ["data ü.csv", "sub/deep/o.txt", "z"]
        fetched = await executor.download_files(["data ü.csv", "/mnt/data/sub/deep/o.txt"], token)

        assert fetched == [str(tmp_path / "data ü.csv"), str(tmp_path / "sub/deep/o.txt")]
        assert (tmp_path / "data ü.csv").read_bytes() == b"a,b\r\n\x00\xff"
        with pytest.raises(FileNotFoundError, match=r"none\.txt is not in the session's /mnt/data: data ü"):
            await executor.download_files(["none.txt"], token)
        with pytest.raises(FileNotFoundError, match=r"none\.txt does not exist"):
            await executor.upload_files(["none.txt"], token)


async def test_a_service_that_names_files_elsewhere_writes_nothing_there(pool: Pool, tmp_path: Path) -> None:
    executor = executor_on(pool, work_dir=tmp_path / "work")
    page = json.dumps({"value": [{"name": "x", "directory": "..", "type": "File"}]}).encode()
    pool.answers += [(200, {"Content-Type": "application/json"}, page), (200, {}, b"evil")]

    with pytest.raises(Exception, match="Filename is not in the workspace"):
        await executor.download_files(["../x"], CancellationToken())
    assert not (tmp_path / "x").exists()


async def test_the_token_goes_nowhere_else(pool: Pool) -> None:
    """Neither by a redirect nor by the link to a next page."""
    with session_pool() as other:
        executor = executor_on(pool)
        pool.answers.append((307, {"Location": f"{other.endpoint}executions"}, b""))
        with pytest.raises(SessionPoolError, match="answered 307"):
            await run(executor, "1")
        for link in (f"{other.endpoint}files", "//evil.example/", f"{pool.endpoint}../x"):
            pool.answers.append((200, {}, json.dumps({"value": [], "nextLink": link}).encode()))
            with pytest.raises(SessionPoolError, match="not followed"):
                await executor.get_file_list(CancellationToken())
        assert other.requests == []


async def test_a_service_that_links_pages_without_end_is_left(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbagents.executors.azure_sessions.MOST_PAGES", 3)
    page = json.dumps({"value": [], "nextLink": f"{pool.endpoint}files?again=1"}).encode()
    pool.answers += [(200, {}, page)] * 3
    with pytest.raises(SessionPoolError, match="over 3 pages of files"):
        await executor_on(pool).get_file_list(CancellationToken())


async def test_the_token_is_in_no_error(pool: Pool) -> None:
    executor = AzureContainerCodeExecutor(pool.endpoint, Credential("planted-wrong-token-0123456789"))
    with pytest.raises(SessionPoolError) as refused:
        await run(executor, "1")
    assert "401: Unauthorized: no entry for Bearer [redacted token]" in str(refused.value)
    assert "planted-wrong" not in repr(refused.value) + repr(vars(executor)["_pool"])


@pytest.mark.parametrize(("status", "body", "said"), [
    (403, b'{"error": {"code": "Forbidden", "message": "no"}}', "Azure ContainerApps Session Executor"),
    (404, b"<html>", "sessionpool show"),
    (429, b"{}", "no session left"),
    (500, b"x" * 5000, "answered 500: xxx"),
    (200, b"no json", "no JSON"),
])  # fmt: skip
async def test_what_the_service_refuses(pool: Pool, status: int, body: bytes, said: str) -> None:
    pool.answers.append((status, {}, body))

    with pytest.raises(SessionPoolError, match=said) as refused:
        await run(executor_on(pool), "1")
    assert len(str(refused.value)) < 800


async def test_a_service_that_is_not_there() -> None:
    with session_pool() as pool:
        executor = executor_on(pool)
    with pytest.raises(ConnectionError, match=r"cannot be reached"):
        await run(executor, "1")


async def test_tokens_are_renewed_and_may_be_awaited(pool: Pool) -> None:
    short = Credential(pool.token, lifetime=299)
    await run(AzureContainerCodeExecutor(pool.endpoint, short), "1", "2")
    assert len(short.asked) == 3, "one to begin, one for each block"

    class Asynchronous(Credential):
        async def get_token(self, *scopes: str, **more: Any) -> Token:  # type: ignore[override]  # as azure.identity.aio
            return super().get_token(*scopes)

    assert (await run(AzureContainerCodeExecutor(pool.endpoint, Asynchronous(pool.token)), "1 + 1")).output == "2"


async def test_a_credential_that_fails(pool: Pool) -> None:
    class Broken(Credential):
        def get_token(self, *scopes: str, **more: Any) -> Token:
            raise RuntimeError("Please run az login\nand more")

    with pytest.raises(SessionPoolError, match=r"no token for the session pool: RuntimeError: Please run az login$"):
        await run(AzureContainerCodeExecutor(pool.endpoint, Broken("")), "1")


async def test_azure_identity_is_used_unless_a_credential_is_given(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    azure_identity = pytest.importorskip("azure.identity")
    monkeypatch.setattr(azure_identity, "DefaultAzureCredential", lambda: Credential(pool.token))
    assert (await run(AzureContainerCodeExecutor(pool.endpoint), "1 + 1")).output == "2"

    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(ConfigurationError, match=r"nbagents\[azure\]"):
        await run(AzureContainerCodeExecutor(pool.endpoint), "1")


@with_requirements(python_packages=["Pip>=1"], global_imports=["math"])
def area(radius: float) -> float:
    """The area of a circle."""
    return math.pi * radius**2  # type: ignore[name-defined]  # noqa: F821  # imported in the session


@with_requirements(python_packages=["no_such.package"])
def lost() -> None: ...


async def test_functions(pool: Pool) -> None:
    async with executor_on(pool, functions=[area], functions_module="circles") as executor:
        assert (await run(executor, "round(area(1))")).output == "3"
        assert (await run(executor, "import circles; round(circles.area(2))")).output == "13"
        assert executor.format_functions_for_prompt().endswith('"""The area of a circle."""\n    ...')
        assert "pip" in await executor.get_available_packages(CancellationToken())


async def test_functions_whose_packages_are_not_there(pool: Pool) -> None:
    async with executor_on(pool, functions=[lost]) as executor:
        with pytest.raises(FunctionsNotLoaded, match=r"Packages unavailable in environment: no_such\.package"):
            await run(executor, "1")


@pytest.mark.parametrize(
    "endpoint", ["http://pool.example/x", "ftp://127.0.0.1/", "https://u:p@pool.example/", "x", ""]
)
def test_an_address_that_the_token_must_not_go_to(endpoint: str) -> None:
    with pytest.raises(ValueError, match="https address"):
        AzureContainerCodeExecutor(endpoint, Credential(""))


def test_a_timeout_of_nothing() -> None:
    with pytest.raises(ValueError, match="Timeout must be"):
        AzureContainerCodeExecutor("https://pool.example/", Credential(""), timeout=0)

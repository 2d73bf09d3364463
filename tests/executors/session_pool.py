"""A session pool on this machine that follows the published reference of Azure's, DynamicSessions 2025-10-02-preview.

Each session is a Python process with a directory for ``/mnt/data``, so code really runs, and its variables last. What
the reference requires of a request is checked: token, version, identifier, the fields of bodies.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

VERSION = "2025-10-02-preview"
POOL = "/subscriptions/s/resourceGroups/g/sessionPools/p/"

# Runs in the process of a session: reads one program a line, and says what came of it.
SESSION = r"""
import ast, contextlib, io, json, sys, traceback
names = {"__name__": "__main__"}
sys.path.insert(0, "")
answers = sys.stdout
for line in sys.stdin:
    out, err, value, status = io.StringIO(), io.StringIO(), "", "Succeeded"
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            tree = ast.parse(json.loads(line))
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "<cell>", "exec"), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
        except BaseException:
            status, value = "Failed", ""
            traceback.print_exc()
    print(json.dumps([status, out.getvalue(), err.getvalue(), value], default=repr), file=answers, flush=True)
"""


class Session:
    """One session: a process, and its directory."""

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.data = Path(self.directory.name)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SESSION], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self.data
        )

    def run(self, code: str, timeout: float, longest: int) -> tuple[str, dict[str, Any], dict[str, Any] | None]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(code.replace("/mnt/data", str(self.data))) + "\n")
        self.process.stdin.flush()
        late = threading.Timer(timeout, self.process.kill)
        late.start()
        line = self.process.stdout.readline()
        late.cancel()
        if not line:
            return "Failed", {}, {"error": {"code": "ExecutionTimeout", "message": "The execution was ended."}}
        status, out, err, value = json.loads(line)
        return status, {"stdout": out[:longest], "stderr": err[:longest], "executionResult": value,
                        "executionTimeInMilliseconds": 4}, None  # fmt: skip

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.directory.cleanup()


class Pool(ThreadingHTTPServer):
    """The server. `token` is the one it takes, `requests` what it was asked, `answers` what to answer instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.token = "planted-token-0123456789"
        self.sessions: dict[str, Session] = {}
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.running, self.gone = threading.Event(), threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{POOL}"


class Request(BaseHTTPRequestHandler):
    server: Pool

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def do_GET(self) -> None:
        self.respond()

    def do_POST(self) -> None:
        self.respond()

    def do_DELETE(self) -> None:
        self.respond()

    def respond(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = url.path.removeprefix(POOL)
        self.server.requests.append((self.command, path, query, body))
        if self.server.answers:
            status, headers, said = self.server.answers.pop(0)
            return self.send(status, said, **headers)
        problem = self.problem(url.path, query)
        if problem:
            return self.send_json(problem[0], {"error": {"code": problem[1], "message": problem[2]}})
        session = self.server.sessions.get(query["identifier"])
        if self.command == "DELETE" and path == "session":
            return self.delete(query["identifier"])
        if session is None:
            session = self.server.sessions[query["identifier"]] = Session()
        if (self.command, path) == ("POST", "executions"):
            return self.execute(session, query["identifier"], json.loads(body))
        return self.files(session, path, query, body)

    def problem(self, path: str, query: dict[str, str]) -> tuple[int, str, str] | None:
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            return 401, "Unauthorized", f"no entry for {self.headers.get('Authorization')}"
        if not path.startswith(POOL):
            return 404, "NotFound", "there is no such pool"
        if query.get("api-version") != VERSION:
            return 400, "UnsupportedApiVersion", f"not {query.get('api-version')}"
        if not query.get("identifier"):
            return 400, "SessionIdentifierMissing", "the query has no identifier"
        return None

    def execute(self, session: Session, identifier: str, request: dict[str, Any]) -> None:
        known = {"codeInputType": str, "executionType": str, "code": str, "timeoutInSeconds": int,
                 "outputStreamsMaxLength": int}  # fmt: skip
        assert {name: type(value) for name, value in request.items()} == known
        assert (request["codeInputType"], request["executionType"]) == ("Inline", "Synchronous")
        if "wait for ever" in request["code"]:
            self.server.running.set()
        status, result, error = session.run(
            request["code"], request["timeoutInSeconds"], request["outputStreamsMaxLength"]
        )
        said = {
            "id": "e1",
            "identifier": identifier,
            "executionType": "Synchronous",
            "status": status,
            "result": result,
        }
        self.send_json(200, said | ({"error": error} if error else {}))

    def delete(self, identifier: str) -> None:
        session = self.server.sessions.pop(identifier, None)
        if session is not None:
            session.end()
        self.server.gone.set()
        self.send(204, b"")

    def files(self, session: Session, path: str, query: dict[str, str], body: bytes) -> None:
        directory = session.data / query.get("path", "")
        if (self.command, path) == ("GET", "files"):
            return self.list(session, query)
        if (self.command, path) == ("POST", "files"):
            form = message_from_bytes(f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode() + body)
            part = next(each for each in form.walk() if each.get_param("name", header="content-disposition") == "file")
            directory.mkdir(parents=True, exist_ok=True)
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            named = re.search(rb'filename="([^"]*)"', body)
            assert named is not None
            name = named[1].decode()  # as browsers send it; the parser for mail takes it for ASCII
            (directory / name).write_bytes(content)
            return self.send_json(200, {"name": name, "type": "File", "sizeInBytes": len(content)})
        wanted = re.fullmatch(r"files/([^/]+)/content", path)
        assert wanted and self.command == "GET", (self.command, path)
        return self.send(200, (directory / unquote(wanted[1])).read_bytes())

    def list(self, session: Session, query: dict[str, str]) -> None:
        """Two to a page, directories among them."""
        assert query.get("recursive") == "true"
        found = sorted(session.data.rglob("*"))
        at = int(query.get("skip", 0))
        entries = [
            {"name": path.name, "directory": str(path.parent.relative_to(session.data)).removeprefix("."),
             "type": "directory" if path.is_dir() else "File", "sizeInBytes": path.stat().st_size}
            for path in found[at : at + 2]
        ]  # fmt: skip
        more = f"{self.server.endpoint}files?skip={at + 2}" if at + 2 < len(found) else None
        self.send_json(200, {"value": entries, "nextLink": more})

    def send_json(self, status: int, said: dict[str, Any]) -> None:
        self.send(status, json.dumps(said).encode(), **{"Content-Type": "application/json"})

    def send(self, status: int, said: bytes, **headers: str) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
        except BrokenPipeError:
            self.close_connection = True  # who asked does not wait any more


@contextmanager
def session_pool() -> Iterator[Pool]:
    """A pool for the time of one test."""
    pool = Pool()
    serving = threading.Thread(target=pool.serve_forever, args=[0.02], daemon=True)
    serving.start()
    try:
        yield pool
    finally:
        for session in pool.sessions.values():
            session.end()
        pool.shutdown()
        pool.server_close()
        serving.join()

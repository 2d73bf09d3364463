"""The process in which a local model runs: llama.cpp's own server, on loopback, for one parent.

Started by ``engine_process.py`` as a plain script: it imports nothing of nbagents, so it starts fast and no module
of the user's can stand in its way. The protocol is three lines long: one line of JSON comes in on stdin (settings,
with the API key, so that no process list or environment shows it); one line of JSON goes out on stdout (where the
server listens, or what went wrong); the end of stdin means that the parent is gone, and ends this process too.

A process of its own, because a crash of the engine must not take the notebook's kernel along, and because
``OMP_WAIT_POLICY`` must be set before libgomp is loaded: spinning threads collapse when another process is busy.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import urllib.request
from typing import IO, Any

LOG_LIMIT = 1 << 20
"""Bytes after which the log (stderr) starts over."""
PROMPT_CACHE_MIB = 512
"""Memory for prompts that have lost their slot, so that agents who take turns need not be read anew each time."""


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # interrupting a cell is for the kernel; we end when stdin does
    report = _take_stdout()
    settings = json.loads(sys.stdin.readline())
    orphaned = _watch_stdin()
    try:
        answer, _server = _serve(settings)  # the server lives as long as its Python object
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print(json.dumps({"error": str(error), "kind": type(error).__name__}), file=report, flush=True)
        os._exit(1)
    print(json.dumps(answer), file=report, flush=True)
    report.close()
    while not orphaned.wait(2) and os.getppid() == settings["parent"]:
        _bound_log()
    os._exit(0)  # without waiting for requests that nobody will read


def _take_stdout() -> IO[str]:
    """Keep stdout for our one line; what the engine prints there goes to the log."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return report


def _watch_stdin() -> threading.Event:
    """An event that is set when stdin ends; where the system can, the end of stdin ends this process by itself."""
    orphaned = threading.Event()

    def wait() -> None:
        while sys.stdin.buffer.read(1 << 16):
            continue
        orphaned.set()

    threading.Thread(target=wait, daemon=True).start()
    if sys.platform == "linux":
        # No Python thread runs while llama.cpp loads a model, which takes seconds; a signal needs none.
        import fcntl

        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)  # SIGIO: ends a process by default
    return orphaned


def _serve(settings: dict[str, Any]) -> tuple[dict[str, Any], object]:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["path"]
    params.model_alias = {settings["model"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [settings["api_key"]]
    params.cors_origins = "null"  # no web page has business here
    params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    # Without a unified cache each slot owns its share of n_ctx: one request can use context_length, always.
    params.kv_unified = False
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["context_length"] * settings["slots"]
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    params.verbosity = 2  # warnings and errors; no text of any prompt
    server = xllamacpp.Server(params)
    url = server.listening_address
    return {"url": url, "context_length": _context_length(url, settings["api_key"])}, server


def _context_length(url: str, api_key: str) -> int:
    """What one request may use: as asked, or less where the model was trained on less. Also proves that it answers."""
    request = urllib.request.Request(f"{url}/v1/models", headers={"Authorization": f"Bearer {api_key}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as response:
        return int(json.load(response)["data"][0]["meta"]["n_ctx"])


def _bound_log() -> None:
    if os.fstat(2).st_size > LOG_LIMIT:
        os.ftruncate(2, 0)  # opened for appending: the next line starts at the beginning


if __name__ == "__main__":
    main()

"""A JupyterLab of its own for the browser tests.

The server and its kernels see nothing of the machine: a fresh home, fresh Jupyter directories, and an environment that
is built from an allow-list, so that no key of the person who runs the tests can reach a notebook.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
import psutil

START_SECONDS = 60
STOP_SECONDS = 15
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")

SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Every cell is in the page, wherever it is scrolled to.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


class LabServer:
    """A running JupyterLab, on loopback, with a token.

    `root` holds the notebooks. `env` is added to the environment of the server, and so of its kernels.
    """

    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        self.directory = directory
        self.root = directory / "notebooks"
        self.log = directory / "server.log"
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = self._start(env)
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise

    def _start(self, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        self.root.mkdir(parents=True)
        write_settings(self.directory / "settings")
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        command += ["--LabApp.expose_app_in_browser=True"]
        command += [f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}"]
        command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.url.rpartition(':')[2]}"]
        command += ["--ServerApp.port_retries=0", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=isolated_environment(self.directory, env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended with status {self.process.returncode}:\n{self.log_tail()}")
            try:
                self.request("GET", "/api/status")
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    message = f"JupyterLab did not answer within {START_SECONDS} s ({error}):\n{self.log_tail()}"
                    raise RuntimeError(message) from error
            time.sleep(0.1)

    def request(self, method: str, path: str) -> Any:
        """A call to the server's REST API; returns what it answered, or None."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            body = response.read()
        return json.loads(body) if body else None

    def close_sessions(self) -> None:
        """Ends every kernel."""
        for session in self.request("GET", "/api/sessions"):
            self.request("DELETE", f"/api/sessions/{session['id']}")

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def stop(self) -> None:
        """Ends the server and whatever it left running."""
        if self.process.poll() is not None:
            return
        started = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for child in started:
            if child.is_running():  # psutil compares the start time too: not another process with a reused id
                child.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_settings(directory: Path) -> None:
    for plugin, values in SETTINGS.items():
        file = directory / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


def isolated_environment(directory: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """The server's whole environment: an allow-list, directories of its own, and `extra`."""
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    own = {
        "HOME": directory / "home",
        "IPYTHONDIR": directory / "ipython",
        "JUPYTER_CONFIG_DIR": directory / "config",
        "JUPYTER_DATA_DIR": directory / "data",
        "JUPYTER_RUNTIME_DIR": directory / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": directory / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": directory / "workspaces",
    }
    (directory / "home").mkdir(parents=True, exist_ok=True)
    env.update({name: str(path) for name, path in own.items()})
    # The weights are large and hold no secret: the tests' kernels use the ones that the set-up fetched.
    models = Path(platformdirs.user_cache_dir("nbagents")) / "models"
    env["NBAGENTS_MODELS_DIR"] = os.environ.get("NBAGENTS_MODELS_DIR", str(models))
    env["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    return {**env, **extra}

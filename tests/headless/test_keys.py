"""``%agents key`` in a real kernel: the person types the key, and it goes nowhere but into the keyring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.headless.kernels import Headless, kernel_manager

pytestmark = pytest.mark.asyncio(loop_scope="module")

TYPED = "typed-key-1234567890"
KEYRING = """
import json, pathlib
from keyring.backend import KeyringBackend

class OnDisk(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        file = pathlib.Path(__file__).with_suffix(".json")
        return json.loads(file.read_text()).get(username) if file.exists() else None

    def set_password(self, service, username, password):
        pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({username: password}))
"""


async def conversation(client: Any, source: str, typed: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run a cell and type `typed` whenever it asks; the questions, and all that the kernel sent to the page."""
    asked: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []

    async def answer(message: dict[str, Any]) -> None:
        asked.append(message["content"])
        client.input(typed)

    reply = await client.execute_interactive(
        source, allow_stdin=True, timeout=30, output_hook=lambda message: shown.append(message["content"]),
        stdin_hook=answer,
    )  # fmt: skip
    assert reply["content"]["status"] == "ok", reply["content"]
    return asked, shown


async def test_a_key_that_is_typed_in(python: str, tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "disk_keyring.py").write_text(KEYRING)
    path = f"{tmp_path}:{environment.get('PYTHONPATH', '')}"
    own = {**environment, "PYTHONPATH": path, "PYTHON_KEYRING_BACKEND": "disk_keyring.OnDisk"}
    own.pop("OPENAI_API_KEY", None)
    manager = kernel_manager(python, tmp_path)
    await manager.start_kernel(env=own, cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=30)
        asked, shown = await conversation(client, "%load_ext nbagents\n%agents key openai", TYPED)
        assert [question["password"] for question in asked] == [True]
        _, checked = await conversation(client, "%agents check", "")
        _, echoed = await conversation(client, f"print('{TYPED[:5]}' + '{TYPED[5:]}')", "")
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
    assert json.loads((tmp_path / "disk_keyring.json").read_text()) == {"openai": TYPED}
    assert TYPED not in json.dumps([shown, checked], default=str)
    assert "keyring" in json.dumps(checked, default=str)
    assert TYPED in json.dumps(echoed, default=str), "what the user prints is the user's"


async def test_where_nobody_can_type_the_cell_says_what_to_do(headless: Headless) -> None:
    said = (await headless.run("%agents key openai")).one_line_error("ConfigurationError")
    assert "OPENAI_API_KEY" in said

"""`AzureContainerCodeExecutor`: Python in an Azure Container Apps dynamic session, a kernel behind a REST API.

AutoGen's name for it is ``ACADynamicSessionsCodeExecutor``. Variables last from block to block, files are in
``/mnt/data``, and a session that was made here is deleted here: it costs money while it lasts. There is no call that
interrupts code, so a block that is cancelled takes its session with it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Coroutine, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from string import Template
from typing import Any, ClassVar, TypeVar

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..errors import FunctionsNotLoaded, SessionPoolError
from .azure_results import session_result
from .azure_sessions import SessionPool, TokenProvider
from .block_order import run_in_order, together
from .code_executor import CodeExecutor
from .command_line.code_file import LANGUAGES
from .command_line.functions import to_stub
from .command_line.functions_module import FunctionsModule
from .command_line.workspace import Workspace
from .own_process import OwnDirectory

__all__ = ["AzureContainerCodeExecutor", "TokenProvider"]

log = logging.getLogger("nbagents.executors")

T = TypeVar("T")
DATA = "/mnt/data"
TIME_TO_DELETE = 1.0
"""Seconds that the end of a run may wait for a session to be deleted; the pool ends idle ones itself."""
_PACKAGES = "import importlib.metadata as _m, json as _j; print(_j.dumps([d.name for d in _m.distributions()]))"


class AzureContainerCodeExecutor(CodeExecutor):
    """Runs Python in a session of an Azure Container Apps pool.

    Args:
        pool_management_endpoint: the pool's address, as ``az containerapp sessionpool show`` tells it.
        credential: who gives tokens; `DefaultAzureCredential` of azure-identity unless given.
        timeout: seconds that a block may take; Azure allows 220.
        work_dir: where files are uploaded from and downloaded to; a temporary directory unless given.
        functions: defined in the session before the first block.
        functions_module: the module of that name has them as well.
        suppress_result_output: leave out the value of a block's last expression.
        session_id: a session of yours, which is then never deleted; a new one unless given.

    Raises:
        ValueError: the address is none of https, or `timeout` is less than a second.
    """

    SUPPORTED_LANGUAGES: ClassVar[list[str]] = ["python"]
    FUNCTION_PROMPT_TEMPLATE: ClassVar[str] = "These functions are defined, call them without importing:\n\n$functions"
    target = "azure"

    def __init__(
        self,
        pool_management_endpoint: str,
        credential: TokenProvider | None = None,
        timeout: int = 60,
        work_dir: Path | str | None = None,
        functions: Sequence[Any] = (),
        functions_module: str = "functions",
        suppress_result_output: bool = False,
        session_id: str | None = None,
    ) -> None:
        if timeout < 1:
            raise ValueError(f"Timeout must be greater than or equal to 1, not {timeout!r}.")
        self._pool = SessionPool(pool_management_endpoint, credential)
        self._timeout = timeout
        self._given_dir = None if work_dir is None else Path(work_dir)
        if self._given_dir is not None:
            self._given_dir.mkdir(parents=True, exist_ok=True)
        self._temporary: OwnDirectory | None = None
        self._functions = FunctionsModule(functions_module, tuple(functions))
        self._suppress_result = suppress_result_output
        self._session, self._ours = session_id or str(uuid.uuid4()), session_id is None
        self._begun = self._touched = False
        self._packages = set[str]()
        self._beginning = asyncio.Lock()

    @property
    def timeout(self) -> int:
        """Seconds that a block may take."""
        return self._timeout

    @property
    def work_dir(self) -> Path:
        """Where files are uploaded from and downloaded to, on this machine."""
        if self._given_dir is not None:
            return self._given_dir
        if self._temporary is None:
            self._temporary = OwnDirectory()
        return self._temporary.path

    @property
    def functions_module(self) -> str:
        """The module that has the functions."""
        return self._functions.name

    def format_functions_for_prompt(self, prompt_template: str = FUNCTION_PROMPT_TEMPLATE) -> str:
        """What a model is told of the functions; `prompt_template` has ``$functions``."""
        stubs = "\n\n".join(map(to_stub, self._functions.functions))
        return Template(prompt_template).substitute(functions=stubs)

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Run the blocks in order, up to the first that fails. One that takes too long has exit code 124.

        Raises:
            SessionPoolError: the pool cannot be reached, or refused.
            FunctionsNotLoaded: the functions cannot be used there.
            asyncio.CancelledError: the token was cancelled.
        """
        async with self._beginning:
            if not self._begun:
                await self._begin(cancellation_token)
                self._begun = True
        return together(await run_in_order(code_blocks, partial(self._run, token=cancellation_token)))

    async def get_available_packages(self, cancellation_token: CancellationToken) -> set[str]:
        """The names of the packages that the session has.

        Raises:
            SessionPoolError: the pool cannot be reached, or refused.
        """
        if not self._packages:
            said = await self._run(CodeBlock(code=_PACKAGES, language="python"), cancellation_token)
            if said.exit_code != 0:
                raise FunctionsNotLoaded(f"Failed to get list of available packages: {said.output.strip()}")
            self._packages = {_normal(name) for name in json.loads(said.output) if name}
        return self._packages

    async def get_file_list(self, cancellation_token: CancellationToken) -> list[str]:
        """The files in ``/mnt/data``, by their path in it."""
        return await self._asked(self._pool.files(self._session, self._timeout), cancellation_token)

    async def upload_files(self, files: Sequence[Path | str], cancellation_token: CancellationToken) -> None:
        """Put files of `work_dir` into ``/mnt/data``, each under its own name.

        Raises:
            FileNotFoundError: one of them is not there.
        """
        for file in files:
            path = self.work_dir / file
            if not path.is_file():
                raise FileNotFoundError(f"{file} does not exist in {self.work_dir}")
            content = await asyncio.to_thread(path.read_bytes)
            sending = self._pool.upload(self._session, path.name, content, self._timeout)
            await self._asked(sending, cancellation_token)

    async def download_files(self, files: Sequence[Path | str], cancellation_token: CancellationToken) -> list[str]:
        """Fetch files of ``/mnt/data`` into `work_dir`.

        Returns:
            Where they are now.

        Raises:
            FileNotFoundError: the session has no such file.
            BlockRefused: its name leads out of `work_dir`.
        """
        there, fetched = await self.get_file_list(cancellation_token), []
        for file in files:
            name = PurePosixPath(file).as_posix().removeprefix(f"{DATA}/")
            if name not in there:
                known = ", ".join(there[:20]) or "it is empty"
                raise FileNotFoundError(f"{name} is not in the session's {DATA}: {known}")
            content = await self._asked(self._pool.download(self._session, name, self._timeout), cancellation_token)
            fetched.append(str(self.work_dir / Workspace(self.work_dir).save(name, content)))
        return fetched

    async def restart(self) -> None:
        """Begin a new session: variables and files of the old one are gone."""
        await self._leave()
        self._session, self._ours = str(uuid.uuid4()), True
        self._begun, self._packages = False, set()

    async def stop(self) -> None:
        """Delete the session, unless it is yours, and the temporary directory."""
        await self._leave()
        if self._temporary is not None:
            self._temporary.remove()
            self._temporary = None

    async def _begin(self, token: CancellationToken) -> None:
        await self._set_up(f"import os as _os; _os.chdir({DATA!r})", token)
        if not self._functions:
            return
        if self._functions.packages:
            there = await self.get_available_packages(token)
            missing = [name for name in self._functions.packages if _normal(name) not in there]
            if missing:
                raise FunctionsNotLoaded(f"Packages unavailable in environment: {', '.join(missing)}")
        source, name = self._functions.source, f"{self._functions.name}.py"
        await self._asked(self._pool.upload(self._session, name, source.encode(), self._timeout), token)
        await self._set_up(source, token)

    async def _set_up(self, code: str, token: CancellationToken) -> None:
        done = await self._run(CodeBlock(code=code, language="python"), token)
        if done.exit_code != 0:
            raise FunctionsNotLoaded(f"Functions failed to load: {done.output.strip()}")

    async def _run(self, block: CodeBlock, token: CancellationToken) -> CodeResult:
        language = block.language.lower()
        if LANGUAGES.get(language) != "python":
            return CodeResult(exit_code=1, output=f"\nunknown language {language}")
        try:
            done = await self._asked(self._pool.execute(self._session, block.code, self._timeout), token)
        except TimeoutError:
            return CodeResult(exit_code=124, output="\n Timeout")
        except asyncio.CancelledError:
            await self._leave()
            raise
        return session_result(done, with_value=not self._suppress_result)

    async def _asked(self, asking: Coroutine[Any, Any, T], token: CancellationToken) -> T:
        """The answer of the pool; the token ends the waiting for it."""
        if token.is_cancelled():
            asking.close()
            raise asyncio.CancelledError("cancelled before the session pool was asked")
        self._touched = True
        answer = asyncio.ensure_future(asking)
        token.link_future(answer)
        return await answer

    async def _leave(self) -> None:
        """Delete a session of ours, and with it what runs there; what comes next begins anew."""
        if not (self._ours and self._touched):
            return
        self._touched = self._begun = False
        try:
            await asyncio.wait_for(self._pool.delete(self._session, TIME_TO_DELETE), TIME_TO_DELETE)
        except (SessionPoolError, TimeoutError) as error:
            # Not the caller's problem: the pool ends idle sessions itself, only later.
            log.warning("the Azure session %s could not be deleted: %s", self._session, error)


def _normal(requirement: str) -> str:
    """The name in a requirement, as package indexes compare it."""
    name = re.split(r"[\s\[<>=!~;@(]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()

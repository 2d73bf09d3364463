"""Data across: named values into a kernel and out of it, and the files of its work directory, by value.

Nothing crosses but what is named; frames as Arrow IPC, arrays as bytes, plain values as JSON, in pieces over the
kernel's own channel, so that it needs no network and no shared directory. What comes back is read, never evaluated.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ..errors import TransferError
from .in_kernel import call, codec, install_desk
from .kernel_session import KernelSession

PIECE = 6 * 2**20
"""Bytes in one message; base64 makes a third more of it."""

MOST_FILES = 10_000

SECONDS = 120
"""How long one piece may take."""


@dataclass(frozen=True, slots=True)
class SandboxFile:
    """A file of the work directory: its path in there, its size in bytes, and when it changed (seconds since 1970)."""

    path: str
    size: int
    changed: float


class KernelDesk:
    """What goes in and comes out of one session; on the I/O thread.

    Args:
        session: whose kernel.
        limit: bytes that one value or file may have.
    """

    def __init__(self, session: KernelSession, limit: int) -> None:
        self.session, self.limit = session, limit
        self._turn = asyncio.Lock()  # what comes in pieces must not be mixed

    async def put(self, name: str, header: codec.Header, buffers: list[bytes], library: str) -> None:
        """Bind `name` in the kernel.

        Raises:
            TransferError: it is too large, or the kernel cannot take it.
        """
        sizes = [len(each) for each in buffers]
        async with self._turn:
            await self._send(name, b"".join(buffers))
            told = await self._call("put", name, json.dumps(header), json.dumps(sizes), library)
        if "refused" in told:
            raise TransferError(f"{name!r} could not be put into the kernel: {told['refused']}")

    async def get(self, name: str) -> tuple[codec.Header, list[memoryview]]:
        """What `name` is bound to, for `codec.decode`.

        Raises:
            TransferError: there is no such name, it cannot cross, or it is too large.
        """
        async with self._turn:
            told = await self._call("get", name, self.limit)
            if "missing" in told:
                names = ", ".join(map(str, told["missing"])) if isinstance(told["missing"], list) else ""
                raise TransferError(f"there is no {name!r} in the kernel; there are: {names[:500] or 'none'}")
            data = memoryview(await self._receive(name, told))
        header, sizes = told.get("header"), told.get("sizes")
        if not isinstance(header, dict) or not isinstance(sizes, list) or len(sizes) > 10 or not _are_counts(sizes):
            raise TransferError(f"{name!r} did not come whole from the kernel")
        buffers, start = [], 0
        for size in sizes:
            buffers.append(data[start : start + size])
            start += size
        return header, buffers

    async def files(self) -> list[SandboxFile]:
        """The files of the work directory, of which the first ten thousand are listed; hidden directories are not."""
        told = await self._call("files", MOST_FILES)
        listed = told.get("files")
        found = []
        for each in listed if isinstance(listed, list) else []:
            match each:
                case [str(path), int(size), int() | float() as changed]:
                    found.append(SandboxFile(path.encode("utf-8", "replace").decode(), size, float(changed)))
        return found

    async def fetch(self, path: str) -> bytes:
        """The content of a file."""
        async with self._turn:
            told = await self._call("fetch", checked_path(path), self.limit)
            return bytes(await self._receive(path, told))

    async def store(self, path: str, data: bytes) -> None:
        """Write a file."""
        path = checked_path(path)
        async with self._turn:
            await self._send(path, data)
            told = await self._call("store", path)
        if "refused" in told:
            raise TransferError(f"{path!r} could not be written in the kernel: {told['refused']}")

    async def _send(self, what: str, data: bytes) -> None:
        if len(data) > self.limit:
            raise self._too_large(what, len(data))
        for number, start in enumerate(range(0, max(1, len(data)), PIECE)):
            text = base64.b64encode(data[start : start + PIECE]).decode("ascii")
            await self._call("piece", number, text)

    async def _receive(self, what: str, told: dict[str, Any]) -> bytearray:
        if "refused" in told:
            raise TransferError(f"{what!r}: {str(told['refused'])[:1000]}")
        if "large" in told:
            raise self._too_large(what, told["large"])
        key, total = told.get("key"), told.get("total")
        if not isinstance(key, int) or not isinstance(total, int) or not 0 <= total <= self.limit:
            raise TransferError(f"{what!r} did not come whole from the kernel")
        data = bytearray()
        while len(data) < total or not total:
            answer = await self._call("take", key, len(data), PIECE)
            try:
                piece = base64.b64decode(str(answer.get("piece", "")), validate=True)
            except (binascii.Error, ValueError):
                piece = b""
            data += piece[: total - len(data)]
            if not total:
                break
            if not piece:
                raise TransferError(f"{what!r} did not come whole from the kernel")
        return data

    async def _call(self, function: str, *arguments: object) -> dict[str, Any]:
        await self.session.install("desk", install_desk(), SECONDS)
        answer = await self.session.evaluate(call("desk", function, *arguments), SECONDS)
        return answer if isinstance(answer, dict) else {}

    def _too_large(self, what: str, size: Any) -> TransferError:
        megabytes = f"{size / 1e6:,.0f} MB" if isinstance(size, int) else "too much"
        return TransferError(
            f"{what!r} is {megabytes}, and {self.limit / 1e6:,.0f} MB may cross: "
            "select what is needed first, or give the executor a larger data_limit"
        )


def _are_counts(sizes: list[Any]) -> bool:
    return all(isinstance(size, int) and size >= 0 for size in sizes)


def encoded(name: str, value: Any) -> tuple[codec.Header, list[bytes]]:
    """A value for `KernelDesk.put`.

    Raises:
        TransferError: the name is none, or the value cannot cross.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise TransferError(f"{name!r} cannot be the name of a variable")
    try:
        return codec.encode(value)
    except codec.Refused as refused:
        raise TransferError(f"{name!r}: {refused}") from None


def decoded(name: str, header: codec.Header, buffers: list[memoryview], library: str) -> Any:
    """The value that came from `KernelDesk.get`.

    Raises:
        TransferError: it is damaged, or what it needs is not installed.
    """
    try:
        return codec.decode(header, buffers, library)
    except codec.Refused as refused:
        raise TransferError(f"{name!r}: {refused}") from None


def library_of(values: Mapping[str, Any]) -> str:
    """The library whose frames these are; pandas if there is none, or more than one."""
    libraries = {type(value).__module__.partition(".")[0] for value in values.values()} & {
        "pandas",
        "polars",
        "pyarrow",
    }
    return libraries.pop() if len(libraries) == 1 else "pandas"


def checked_path(path: str) -> str:
    """A path in the work directory.

    Raises:
        TransferError: it is absolute, or leads out.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith(("/", "~")) or ".." in parts or "\0" in path:
        raise TransferError(f"{path!r}: expected a path in the sandbox's work directory, as in 'out/report.csv'")
    return str(PurePosixPath(path))

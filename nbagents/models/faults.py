"""What went wrong between us and a model's server, as one typed error: from an HTTP status and the server's own words.

Servers that speak the same protocol do not fail alike: a context that is too small is a code with OpenAI, a type with
llama.cpp and a sentence with vLLM and Anthropic. What each was seen to send is gathered here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import (
    ModelAuthenticationError,
    ModelContentFilterError,
    ModelContextOverflowError,
    ModelError,
    ModelNotFound,
    ModelRateLimitError,
    ModelResponseError,
    ModelServerError,
)
from .characters import mended
from .key_trust import bare_address, why_none
from .keys import without_keys

LONGEST_SAID = 500
"""Characters of a server's answer that an error quotes; a proxy may send a whole page."""

_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|context (?:length|window|size)[^.]*exceed"
    r"|exceeds? the (?:available )?context|prompt is too long|input is too long|too many (?:input )?tokens",
    re.I,
)
_FILTERED = re.compile(
    r"content_filter|content_policy|content management policy|ResponsibleAIPolicy|content filtering policy"
    r"|flagged (?:by|as|for)|moderation",
    re.I,
)
_NO_SUCH_MODEL = re.compile(
    r"model_not_found|DeploymentNotFound|not a valid model|no such model"
    r"|(?:model|deployment)\b[^.]*(?:not found|does not exist)",
    re.I,
)
# Not "billing": a limit per minute points to that page as well.
_USED_UP = re.compile(
    r"insufficient_quota|exceeded your current quota|spend.?limit|credit balance|(?:out of|insufficient) credits", re.I
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# What a stream that began with 200 calls its error: the status that it would have had.
_STATUS_OF_TYPE: Mapping[str, int] = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "timeout_error": 504, "request_too_large": 413, "rate_limit_error": 429,
    "rate_limit_exceeded": 429, "tokens": 429, "requests": 429, "insufficient_quota": 429, "api_error": 500,
    "server_error": 500, "internal_server_error": 500, "service_unavailable": 503, "overloaded_error": 529,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Server:
    """Who failed: the provider and the model as the user knows them, and where it is."""

    provider: str
    model: str
    address: str
    withheld: bool = False
    """It was sent no key, because of where its address comes from."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", bare_address(self.address))  # it is said in errors

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"

    def error(self, kind: type[ModelError], text: str, **more: Any) -> ModelError:
        """An error of `kind` that names the model."""
        return kind(f"{self.name}: {text}", provider=self.provider, model=self.model, **more)


def fault(server: Server, status: int | None, body: Any, headers: Mapping[str, str], said: str) -> ModelError:
    """The error for a server's answer that is none.

    Args:
        server: who failed.
        status: of HTTP; None, or below 400, where the error came in the middle of a stream.
        body: the error as the server sent it, read from JSON; anything else is not looked at.
        headers: of the answer, in which it may say when to come back.
        said: what there is to quote when the body has no message.
    """
    words = _words_of(body)
    said = quoted(without_keys(words.pop("message", "") or said))
    if status is None or status < 400:
        status = next((_STATUS_OF_TYPE[word] for word in words.values() if word in _STATUS_OF_TYPE), None)
    marks = " ".join([*words.values(), said])
    error = _by_words(server, status, marks, said) or _by_status(server, status, marks, said)
    error.retry_after = retry_after(headers) if error.transient else None
    return error


def _by_words(server: Server, status: int | None, marks: str, said: str) -> ModelError | None:
    """What is known by its words, whatever the status."""
    if status in (400, 413, 422, 500, None) and (_TOO_LONG.search(marks) or status == 413):
        return server.error(
            ModelContextOverflowError, f"the conversation is longer than the model's context ({said}): shorten it"
        )
    if status in (400, 403, None) and _FILTERED.search(marks):
        return server.error(ModelContentFilterError, f"the content filter of {server.address} refused: {said}")
    if status in (400, 404, None) and (status == 404 or _NO_SUCH_MODEL.search(marks)):
        return server.error(ModelNotFound, f"{server.address} knows no such model or address ({said}): check the name")
    return None


def _by_status(server: Server, status: int | None, marks: str, said: str) -> ModelError:
    if status in (401, 403):  # not quoted: servers repeat the key that they refuse
        if server.withheld:
            return server.error(
                ModelAuthenticationError, f"{server.address} wants a key, and {why_none(server.provider)}"
            )
        advice = f"check the key that is set for {server.provider} (%agents check shows where it comes from)"
        return server.error(ModelAuthenticationError, f"the key was refused by {server.address}: {advice}")
    if status == 402 or (status == 429 and _USED_UP.search(marks)):
        return server.error(ModelRateLimitError, f"the account at {server.address} is used up: {said}")
    if status == 429:
        return server.error(
            ModelRateLimitError,
            f"{server.address} limits how much it is asked ({said}): wait, or name another model to fall back on",
            transient=True,
        )
    if status in (503, 529):
        return server.error(ModelServerError, f"{server.address} has too much to do: {said}", transient=True)
    if status in (408, 409) or (status is not None and status >= 500):
        # 501 and 505 say that it will never work.
        return server.error(
            ModelServerError, f"{server.address} failed ({status}): {said}", transient=status not in (501, 505)
        )
    if status is None:
        return server.error(ModelResponseError, f"{server.address} reported an error in its answer: {said}",
                            transient=True)  # fmt: skip
    return server.error(ModelResponseError, f"{server.address} answered with an error: {said}")


def _words_of(body: Any) -> dict[str, str]:
    """Code, type and message of an error, wherever the server put them."""
    body = body[0] if isinstance(body, list) and body else body  # as Gemini's OpenAI protocol has it
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(inner, Mapping):
        return {"message": inner} if isinstance(inner, str) else {}
    words = {name: str(inner[name]) for name in ("code", "type", "message") if inner.get(name)}
    # Of a page in the place of a code, to look for all that is known would take minutes.
    return {name: said if name == "message" else said[:LONGEST_SAID] for name, said in words.items()}


def quoted(said: str) -> str:
    """What can be quoted in one line, and obeyed by no terminal."""
    said = " ".join(_CONTROL.sub(" ", mended(said)).split())
    return said if len(said) <= LONGEST_SAID else f"{said[:LONGEST_SAID]}…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds after which the server wants to be asked again (RFC 9110, 10.2.3: a number or a date); None if unsaid."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            return max(0.0, float(text) * unit)
        except ValueError:
            continue
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None

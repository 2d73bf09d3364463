"""Turns the errors of the `openai` SDK into ours: one typed error that names provider, model and cause."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ModelAuthenticationError, ModelConnectionError, ModelError, ModelResponseError, NBAgentsError

LONGEST_SAID = 500


@contextmanager
def translated_errors(provider: str, model: str, base_url: str | None) -> Iterator[None]:
    """Raise the SDK's errors of the block as `ModelError`s."""
    try:
        yield
    except NBAgentsError:
        raise
    except Exception as error:
        translated = _translate(error, provider, model, base_url)
        if translated is None:
            raise
        raise translated from error


def _translate(error: Exception, provider: str, model: str, base_url: str | None) -> ModelError | None:
    """Our error for one of the SDK's; None for what is not about the model, which is left as it is."""
    import openai

    server, said = base_url or os.environ.get("OPENAI_BASE_URL") or "OpenAI", _said(error)
    # The first class that fits decides, so the special ones stand before the general ones.
    table: list[tuple[tuple[type[Exception], ...], type[ModelError], str]] = [
        (
            (openai.AuthenticationError, openai.PermissionDeniedError),
            ModelAuthenticationError,
            f"the key was refused by {server}: check the key that is set for {provider}",
        ),
        (
            (openai.APITimeoutError,),
            ModelConnectionError,
            f"{server} did not answer in time: try again or raise the timeout",
        ),
        (
            (openai.APIConnectionError,),
            ModelConnectionError,
            f"cannot reach {server} ({error}): is the server running, and base_url right?",
        ),
        (
            (openai.NotFoundError,),
            ModelResponseError,
            f"{server} knows no such model or address ({said}): check the name",
        ),
        ((openai.APIStatusError,), ModelResponseError, f"{server} answered with an error: {said}"),
        ((openai.APIError,), ModelResponseError, f"{server} reported an error in its answer: {said}"),
        # A chunk that is not JSON comes out of the SDK as a bare JSONDecodeError.
        ((ValueError,), ModelResponseError, f"{server} sent something that is not an answer ({error}): run it again"),
    ]
    for classes, kind, text in table:
        if isinstance(error, classes):
            return kind(f"{provider}/{model}: {text}", provider=provider, model=model)
    return None


def _said(error: Exception) -> str:
    """The server's own sentence, if it sent one, in one line; a proxy may send a whole page."""
    body = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, dict) else None
    said = " ".join(str(message or error).split())
    return said if len(said) <= LONGEST_SAID else f"{said[:LONGEST_SAID]}…"

"""Turns what the SDKs of OpenAI and Anthropic raise into ours: one typed error that names provider, model and cause.

Both SDKs are made by the same generator, so their errors have the same names; both stand on httpx2, whose errors the
one lets through where the other does not.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from ..errors import ModelConnectionError, ModelError, ModelResponseError, ModelTimeoutError, NBAgentsError
from .faults import Server, fault


@contextmanager
def translated_errors(sdk: str, server: Server) -> Iterator[None]:
    """Raise the errors of the block as `ModelError`s.

    Args:
        sdk: the package's name; looked at only when something failed.
        server: who was asked.
    """
    try:
        yield
    except NBAgentsError:
        raise
    except Exception as error:
        translated = _translated(error, importlib.import_module(sdk), server)
        if translated is None:
            raise
        raise translated from error


def _translated(error: Exception, sdk: ModuleType, server: Server) -> ModelError | None:
    """Our error for one of the SDK's; None for what is not about the model, which is left as it is."""
    import httpx2

    if isinstance(error, sdk.APIStatusError):
        return fault(server, error.status_code, error.body, error.response.headers, str(error))
    if isinstance(error, sdk.APITimeoutError | httpx2.TimeoutException):
        return server.error(
            ModelTimeoutError,
            f"{server.address} did not answer in time: try again or raise the timeout",
            transient=True,
        )
    if isinstance(error, sdk.APIConnectionError | httpx2.TransportError):
        text = f"cannot reach {server.address} ({_cause(error)}): is the server running, and base_url right?"
        return server.error(ModelConnectionError, text, transient=True)
    if isinstance(error, sdk.APIError):
        return fault(server, None, error.body, {}, str(error))
    if isinstance(error, ValueError):
        # A chunk that is not JSON comes out of the SDK as such, and one of another shape out of our reading of it.
        text = f"{server.address} sent something that is not an answer ({error}): run it again"
        return server.error(ModelResponseError, text, transient=True)
    return None


def _cause(error: BaseException) -> str:
    """The innermost error that says something: the SDK's own says "Connection error."."""
    words, inner = str(error), error.__cause__ or error.__context__
    while inner is not None:
        words, inner = str(inner) or words, inner.__cause__ or inner.__context__
    return " ".join(words.split())

"""Turns what the SDKs of OpenAI and Anthropic raise into ours: one typed error that names provider, model and cause.

Both SDKs are made by the same generator, so their errors have the same names; both stand on httpx2, whose errors the
one lets through where the other does not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from ..errors import ModelConnectionError, ModelError, ModelResponseError, ModelTimeoutError, NBAgentsError
from .faults import Server, fault, quoted
from .keys import without_keys


@contextmanager
def translated_errors(sdk: str, server: Server) -> Iterator[None]:
    """Raise the errors of the block as `ModelError`s.

    Args:
        sdk: the package's name; looked at only when something failed.
        server: who was asked.
    """
    before = sys.exc_info()[1]  # who asks while they handle an error: it is no cause of ours
    try:
        yield
    except NBAgentsError:
        raise
    except Exception as error:
        chain = list(_chain(error, before))
        translated = _translated(chain, importlib.import_module(sdk), server)
        if translated is None:
            raise
        raise translated from (None if _names_a_key(chain) or _of_header(chain) else error)


def _translated(chain: Sequence[BaseException], sdk: ModuleType, server: Server) -> ModelError | None:
    """Our error for one of the SDK's; None for what is not about the model, which is left as it is."""
    import httpx2

    error = chain[0]
    if _of_header(chain):
        text = "a header holds a character that none may: look at default_headers and extra_headers"
        return server.error(ModelError, text)
    for earlier in chain:
        if isinstance(earlier, ModelError):  # of our own guard, wrapped by the SDK
            return earlier
        if isinstance(earlier, httpx2.DecodingError | RecursionError):
            text = f"{server.address} sent something that is not an answer ({earlier}): run it again"
            return server.error(ModelResponseError, text, transient=True)
    if isinstance(error, sdk.APIStatusError):
        return fault(server, error.status_code, error.body, error.response.headers, str(error))
    if isinstance(error, sdk.APITimeoutError | httpx2.TimeoutException):
        return server.error(
            ModelTimeoutError,
            f"{server.address} did not answer in time: try again or raise the timeout",
            transient=True,
        )
    if isinstance(error, sdk.APIConnectionError | httpx2.TransportError):
        text = f"cannot reach {server.address} ({_cause(chain)}): is the server running, and base_url right?"
        return server.error(ModelConnectionError, text, transient=True)
    if isinstance(error, sdk.APIError):
        return fault(server, None, error.body, {}, str(error))
    if isinstance(error, ValueError):
        # A chunk that is not JSON comes out of the SDK as such, and one of another shape out of our reading of it.
        text = f"{server.address} sent something that is not an answer ({quoted(str(error))}): run it again"
        return server.error(ModelResponseError, text, transient=True)
    return None


def _cause(chain: Sequence[BaseException]) -> str:
    """The innermost error that says something: the SDK's own says "Connection error."."""
    words = [str(one) for one in chain if str(one)]
    return without_keys(" ".join(words[-1].split())) if words else type(chain[0]).__name__


def _names_a_key(chain: Sequence[BaseException]) -> bool:
    """Whether a traceback would show a key: servers repeat the one that they refuse."""
    return any(without_keys(str(one)) != str(one) for one in chain)


def _of_header(chain: Sequence[BaseException]) -> bool:
    """Whether a header cannot be sent: then it is quoted, which may be all that is secret. Texts are mended before."""
    return any(isinstance(one, UnicodeEncodeError) or str(one).startswith("Illegal header") for one in chain)


def _chain(error: BaseException, before: BaseException | None) -> Iterator[BaseException]:
    """The error, and what led to it, up to what was there `before`."""
    one: BaseException | None = error
    while one is not None and one is not before:
        yield one
        one = one.__cause__ or one.__context__

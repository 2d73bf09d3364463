"""What the tests of faults share: a server of each protocol that fails as it is told, and a client that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import stamina

from nbagents.models import ChatCompletionClient
from nbagents.models.notices import CallPiece, FailedAttempt, Notice, RetryNotice, listening
from tests.models.asking import client_of
from tests.models.fault_server import AnthropicDialect, FaultServer, OpenAIDialect, fault_server


class Told:
    """What clients told of their calls."""

    def __init__(self) -> None:
        self.all: list[Notice] = []

    @property
    def retries(self) -> list[RetryNotice]:
        return [notice for notice in self.all if isinstance(notice, RetryNotice)]

    @property
    def failed(self) -> list[FailedAttempt]:
        return [notice for notice in self.all if isinstance(notice, FailedAttempt)]

    @property
    def pieces(self) -> list[CallPiece]:
        return [notice for notice in self.all if isinstance(notice, CallPiece)]


@pytest.fixture(params=[OpenAIDialect(), AnthropicDialect()], ids=["openai", "anthropic"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[FaultServer]:
    async with fault_server(request.param) as server:
        yield server


@pytest.fixture
async def client(server: FaultServer) -> AsyncIterator[ChatCompletionClient]:
    client = client_of(server.dialect, server.url)
    yield client
    await client.close()


@pytest.fixture
def without_waiting() -> Iterator[None]:
    """Retries follow at once; more than a client is told to do are done no more than that."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture
def told() -> Iterator[Told]:
    seen = Told()
    with listening(seen.all.append):
        yield seen

"""What Tab offers."""

from __future__ import annotations

import pytest

from nbagents.magics.completion import suggestions
from nbagents.magics.session import Session
from nbagents.magics.specs import AgentSpec, TeamSpec


@pytest.fixture
def session() -> Session:
    session = Session()
    session.agents["analyst"] = AgentSpec("analyst", "x")
    session.runs["churn"] = None  # type: ignore[assignment]  # only its name counts
    session.teams["churn_team"] = TeamSpec("churn_team", ("analyst",))
    return session


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("%team ", "create"),
        ("%%team ru", "run"),
        ("%%team run ", "churn_team"),
        ("x = %team run ", "churn_team"),
        ("%%team run churn_team ", "--use"),
        ("%%team run churn_team --use ", "df"),
        ("%%team run churn_team --approve ", "always"),
        ("%team resu", "resume"),
        ("%team resume ", "churn"),
        ("%team resume churn ", "--budget"),
        ("%team create t ", "analyst"),
        ("%team create t analyst ", "you"),
        ("%%agent x ", "--model"),
        ("%%agent x --code ", "live"),
        ("%agents ", "analyst"),
    ],
)
def test_suggestions(session: Session, line: str, word: str) -> None:
    assert word in suggestions(line, session, lambda: ["df", "_hidden"])


@pytest.mark.parametrize("line", ["%%agent ", "print(", "%timeit ", "%%team run churn_team --detach", "team "])
def test_nothing_to_suggest(session: Session, line: str) -> None:
    assert [word for word in suggestions(line, session, list) if word in ("analyst", "churn_team")] == []

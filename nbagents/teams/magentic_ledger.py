"""The orchestrator's progress ledger: five judgements of a model on where the work stands, as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ..models.client import ModelInfo

ATTEMPTS = 10
_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.S | re.I)


class Verdict(BaseModel):
    """Yes or no, and why."""

    reason: str
    answer: bool


class Words(BaseModel):
    """A text, and why."""

    reason: str
    answer: str


class Ledger(BaseModel):
    """Where the work stands and who goes on with what."""

    is_request_satisfied: Verdict
    is_in_loop: Verdict
    is_progress_being_made: Verdict
    next_speaker: Words
    instruction_or_question: Words


def output_format(info: ModelInfo) -> bool | type[BaseModel] | None:
    """How the model is asked for JSON: by schema if it can, else by JSON mode, else by words only."""
    if info.get("structured_output"):
        return Ledger
    return True if info.get("json_output") else None


def parsed(answer: Any, names: Sequence[str]) -> Ledger | None:
    """The ledger in an answer; None when it is none, or sends the work to nobody."""
    if not isinstance(answer, str):
        return None
    fenced = _FENCED.search(answer)
    text = fenced[1] if fenced else answer[answer.find("{") : answer.rfind("}") + 1]
    try:
        found = json.loads(text)
        if len(names) == 1 and isinstance(found, dict):  # there is nothing to choose, whatever the model says
            found["next_speaker"] = {"reason": "nobody else takes part", "answer": names[0]}
        ledger = Ledger.model_validate(found)
    except (ValueError, ValidationError):
        return None
    if ledger.is_request_satisfied.answer or ledger.next_speaker.answer in names:
        return ledger
    return None

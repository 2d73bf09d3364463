"""Whether code that failed is written again: the model that wrote it decides, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from pydantic import BaseModel, ValidationError

from ..cancellation import CancellationToken
from ..code import CodeResult
from ..models.client import ChatCompletionClient
from ..models.messages import CreateResult, LLMMessage, UserMessage
from .model_turn import AgentModel, words_of

QUESTION = (
    "Can it be corrected, and how? Answer with `reason` (what is wrong and what to "
    "change) and `retry` (true to write it again, false when that would not help)."
)


class RetryDecision(BaseModel):
    """What the model decides about code that failed."""

    reason: str
    retry: bool


async def retry_decision(
    agent: str,
    client: ChatCompletionClient,
    context: Sequence[LLMMessage],
    result: CodeResult,
    token: CancellationToken,
) -> RetryDecision:
    """Ask the model whether to try again. A decision that cannot be read is a no.

    Raises:
        ModelError: the model did not answer.
    """
    question = UserMessage(content=f"The code failed:\n{result.output}\n\n{QUESTION}", source=agent)
    decision = ""
    async with aclosing(
        AgentModel(agent, client).ask([*context, question], token, json_output=RetryDecision)
    ) as asking:
        async for item in asking:
            if isinstance(item, CreateResult):
                decision = words_of(item, client)
    try:
        return RetryDecision.model_validate_json(decision)
    except ValidationError:
        return RetryDecision(reason=f"the decision could not be read: {decision[:200]!r}", retry=False)


def check_retries(client: ChatCompletionClient | None) -> None:
    """Refuse retries without a model that can decide on them.

    Raises:
        ValueError: there is no model, or it has no structured output.
    """
    if client is None or not client.model_info:
        raise ValueError("model_client.model_info must be provided when max_retries_on_error > 0")
    if not client.model_info.get("structured_output"):
        raise ValueError("Specified model_client doesn't support structured output mode.")

"""What a run spent: tokens, per agent and per model."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..models.messages import RequestUsage


@dataclass(slots=True)
class Usage:
    """Tokens and calls of one run."""

    calls: int = 0
    total: RequestUsage = field(default_factory=RequestUsage)
    by_agent: dict[str, RequestUsage] = field(default_factory=dict)
    by_model: dict[str, RequestUsage] = field(default_factory=dict)

    def add(self, agent: str, model: str, usage: RequestUsage) -> None:
        """Count one model call."""
        self.calls += 1
        self.total += usage
        self.by_agent[agent] = self.by_agent.get(agent, RequestUsage()) + usage
        self.by_model[model] = self.by_model.get(model, RequestUsage()) + usage

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.total.prompt_tokens + self.total.completion_tokens

    def __str__(self) -> str:
        return f"{self.tokens:,} tokens in {self.calls} model call{'' if self.calls == 1 else 's'}"

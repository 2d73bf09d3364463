"""What the model of an agent that writes code is told of the place where it runs, below the agent's instructions."""

from __future__ import annotations

from ..executors.docker.container_spec import ContainerOptions

LIVE_CODE_RULES = (
    "To compute something, write one ```python block. It runs in the user's notebook, where the variables you are told "
    "of exist already: use them, do not create or load them again. The block must print what you need to know; its "
    "output comes back to you. Never invent an output."
)


DOCKER_CODE_RULES = (
    "To compute something, write one ```python block. It runs in a sandbox of your own{network}; your variables stay "
    "from block to block. The variables that you are told of exist there already, as copies: use them, do not create "
    "or load them again. Give every result that matters a name. The block must print what you need to know; its output "
    "comes back to you. Never invent an output."
)


def code_rules(target: str, options: ContainerOptions) -> str:
    """The rules for code that runs in `target`, "live" or "docker"; there in a container with `options`."""
    if target == "live":
        return LIVE_CODE_RULES
    return DOCKER_CODE_RULES.format(network=", without a network" if options.network == "none" else "")

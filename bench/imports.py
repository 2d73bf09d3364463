"""What importing costs, in CPU time of a fresh process, beside AutoGen's packages: the median of several.

    python bench/imports.py

The peer's Python is $NBAGENTS_BENCH_PEER or bench/.venvs/autogen/bin/python (bench/run makes it). Python's own start is
not counted. A name after the colon is looked up too, since our packages import lazily. The exit code is 1 when
`import nbagents` misses its target or an SDK is loaded.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEER = os.environ.get("NBAGENTS_BENCH_PEER", str(HERE / ".venvs" / "autogen" / "bin" / "python"))
TIMES = 9
# ours, AutoGen's, and the most that ours may cost
PAIRS = [
    ("nbagents", "autogen_agentchat", 150.0),
    ("nbagents.models:UserMessage", "autogen_core.models:UserMessage", None),
    ("nbagents.teams:RoundRobinGroupChat", "autogen_agentchat.teams:RoundRobinGroupChat", None),
    ("nbagents.models:OpenAIChatCompletionClient", "autogen_ext.models.openai:OpenAIChatCompletionClient", None),
    ("nbagents.models:AnthropicChatCompletionClient", "autogen_ext.models.openai:OpenAIChatCompletionClient", None),
]

PROBE = """
import importlib, json, sys, time
place, _, name = sys.argv[1].partition(":")
before = time.process_time()
module = importlib.import_module(place)
if name:
    getattr(module, name)
spent = time.process_time() - before
sdks = [one for one in ("openai", "anthropic", "httpx", "httpx2") if one in sys.modules]
print(json.dumps([spent * 1000, len(sys.modules), sdks]))
"""


def cost(python: str, module: str) -> tuple[float, int, list[str]]:
    """CPU milliseconds, modules loaded, and the SDKs among them."""
    said = [json.loads(subprocess.run([python, "-c", PROBE, module], capture_output=True, text=True, check=True).stdout)
            for _ in range(TIMES)]  # fmt: skip
    return statistics.median(row[0] for row in said), said[0][1], said[0][2]


def main() -> int:
    print(f"| CPU ms, median of {TIMES} | ours | modules | AutoGen 0.7.5 | modules | ratio |")
    print("|---|---|---|---|---|---|")
    missed = False
    for ours, theirs, target in PAIRS:
        spent, modules, sdks = cost(sys.executable, ours)
        other, their_modules, _ = cost(PEER, theirs)
        ratio = spent / other
        print(f"| `{ours}` / `{theirs}` | {spent:.0f} | {modules} | {other:.0f} | {their_modules} | {ratio:.2f} |")
        if sdks:
            print(f"{ours} loads {', '.join(sdks)}", file=sys.stderr)
        missed = missed or bool(sdks) or (target is not None and spent > target)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

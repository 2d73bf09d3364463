"""Secrets of the environment reach neither the notebook, nor a journal, nor an output, nor a model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.headless.conftest import KEY, SECRETS
from tests.headless.kernels import Headless
from tests.headless.secrets_search import leaks

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = list(SECRETS)
LEAKING = {
    "print of everything": "import os\nprint(os.environ)\nprint(dict(os.environ))",
    "value of everything": "import os\ndict(os.environ)",
    "raise": "import os\nraise ValueError('refused: ' + os.environ['OPENAI_API_KEY'])",
    "raise from": "import os\ntry:\n    {}[os.environ['DB_PASSWORD']]\n"
    "except KeyError as e:\n    raise RuntimeError(os.environ['MY_SERVICE_TOKEN']) from e",
    "group": "import os\nraise ExceptionGroup('both', [ValueError(os.environ['DB_PASSWORD']), KeyError('x')])",
    "table": "import os, pandas as pd\ntable = pd.DataFrame(sorted(os.environ.items()), columns=['name', 'value'])\n"
    "print(table.to_string())\nprint(table)\ntable",
    "table of columns": "import os, pandas as pd\n"
    "pd.DataFrame([[1] * len(os.environ)], columns=[*os.environ.values()])",
    "html": "import os, html\nfrom IPython.display import HTML, display\n"
    "display(HTML(''.join(f'<p>{html.escape(value)}</p>' for value in os.environ.values())))",
    "json": "import os, json\nfrom IPython.display import JSON, display\n"
    "print(json.dumps(dict(os.environ)))\ndisplay(JSON(dict(os.environ)))",
    "stderr": "import os, sys, logging\nprint(os.environ['DB_PASSWORD'], file=sys.stderr)\n"
    "logging.error(os.environ['OPENAI_API_KEY'])",
    "character by character": "import os\nfor c in os.environ['DB_PASSWORD']: print(c, end='', flush=True)",
    "shell": "!env",
    "url": "import os\nprint(os.environ['DATABASE_URL'])",
}


@pytest.mark.parametrize("case", LEAKING)
async def test_code_that_shows_secrets(headless: Headless, llmock: Any, case: str) -> None:
    llmock.reply(f"```python\n{LEAKING[case]}\n```").reply("Done looking.").reply("Done looking.").reply("DONE")
    cell = await headless.runs("%%team run pair --as leaking --approve always\nLook around.")
    assert "redacted" in json.dumps(cell.outputs), "the block showed what it was to show"
    assert leaks(cell.outputs, SECRETS) == []
    assert leaks([request.body for request in llmock.requests], SECRETS) == []
    assert leaks(await headless.value("leaking.journal.entries"), SECRETS) == []


@pytest.mark.parametrize("status", [400, 401, 404, 503])
async def test_a_server_that_quotes_the_key(headless: Headless, llmock: Any, status: int) -> None:
    llmock.fail(status, message=f"Incorrect API key provided:\n{KEY}.", times=None)
    cell = await headless.run("%%team run writer --as quoted\nhi")
    cell.one_line_error("RunFailed")
    assert leaks(cell.outputs, SECRETS) == []
    # Whoever catches the error may print all of it, with what led to it.
    printed = await headless.runs(
        "import traceback\ntry:\n    await quoted\nexcept Exception:\n    traceback.print_exc()"
    )
    assert "RunFailed" in printed.text and "openai" in printed.text
    assert leaks(printed.outputs, SECRETS) == []
    assert leaks((await headless.run("await quoted")).outputs, SECRETS) == []


async def test_a_model_that_says_the_key(headless: Headless, llmock: Any) -> None:
    llmock.reply(f"```python\nprint('{KEY}')\n```").reply(f"The key is {KEY}.").reply("DONE")
    cell = await headless.runs("%%team run pair --as said --approve always\nSay it.")
    assert "redacted" in cell.displays[0]["text/plain"]
    assert leaks(cell.outputs, SECRETS) == []
    assert leaks([request.body for request in llmock.requests], SECRETS) == []
    assert "redacted" in await headless.value("said.answer")
    assert leaks(await headless.value("[message.dump() for message in said.messages]"), SECRETS) == []


async def test_shared_data_is_described_without_them(headless: Headless, llmock: Any) -> None:
    await headless.runs(
        "import os, pandas as pd\npivot = pd.DataFrame([[1] * len(os.environ)], columns=[*os.environ.values()])"
    )
    llmock.reply("Seen.")
    cell = await headless.runs("%%team run writer --use pivot --as sharing\nLook.")
    assert "redacted" in json.dumps(llmock.last_request.body)
    assert leaks([llmock.last_request.body, cell.outputs], SECRETS) == []


async def test_nothing_of_them_is_left_behind(headless: Headless, llmock: Any) -> None:
    notebook = json.loads(await headless.saved())
    assert len(notebook["cells"]) > len(LEAKING)
    assert leaks(notebook, SECRETS) == []
    journals = list(headless.directory.rglob("*.jsonl"))
    assert len(journals) > len(LEAKING)
    for journal in journals:
        assert leaks([json.loads(line) for line in journal.read_text().splitlines()], SECRETS) == [], journal
        assert journal.stat().st_mode & 0o077 == 0

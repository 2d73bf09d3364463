"""What a hostile kernel publishes: only checked outputs get through, and they are what nbformat says."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from nbagents.executors.block_outputs import BlockOutputs
from nbagents.executors.error_text import error_words
from nbagents.executors.safe_outputs import as_it_is, cleaned, safe_data, take
from tests.executors.conftest import Run


def taken(*messages: tuple[str, Any]) -> list[dict[str, Any]]:
    outputs = BlockOutputs()
    for kind, content in messages:
        take({"msg_type": kind, "content": content}, outputs, cleaned)
    found = outputs.outputs()
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(output) for output in found])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    json.dumps(found).encode()
    return found


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>a",
        "<img src=x onerror=alert(1)>a",
        "<b onclick=alert(1)>a</b>",
        "<a href='javascript:alert(1)'>a</a>",
        "<iframe src='https://x.example'></iframe>a",
        "<style>@import 'https://x.example'</style>a",
        "<svg onload=alert(1)><text>a</text></svg>a",
        "<form action='https://x.example'><input></form>a",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>a",
        "<div style='background:url(https://x.example)'>a</div>",
    ],
)
def test_html_does_nothing(html: str) -> None:
    shown = safe_data({"text/html": html}, cleaned)["text/html"]

    assert "a" in shown
    for bad in ("alert", "x.example", "<script", "<img", "<svg", "style", "onerror"):
        assert bad not in shown


def test_a_table_stays_a_table() -> None:
    table = "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"

    assert safe_data({"text/html": table}, cleaned) == {"text/html": table}


@pytest.mark.parametrize(
    "mime",
    [
        "application/javascript",
        "application/vnd.jupyter.widget-view+json",
        "application/vdom.v1+json",
        "image/svg+xml",
        "application/vnd.plotly.v1+json",
        "text/x-evil",
    ],
)
def test_what_acts_is_dropped_and_named(mime: str) -> None:
    alone = safe_data({mime: "alert(1)"}, cleaned)
    beside = safe_data({mime: "alert(1)", "text/plain": "words"}, cleaned)

    assert alone == {"text/plain": f"[{mime}: not shown]"}
    assert beside == {"text/plain": f"words\n[{mime}: not shown]"}


def test_html_of_script_alone_is_named() -> None:
    assert safe_data({"text/html": "<script>x</script>"}, cleaned) == {"text/plain": "[text/html: not shown]"}


def test_html_of_the_users_own_kernel_stays() -> None:
    assert safe_data({"text/html": "<img src=x>a"}, as_it_is) == {"text/html": "<img src=x>a"}


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"data": None},
        {"data": {"text/plain": 5, "image/png": "not base64!", "application/json": float("nan")}},
        {"data": {"text/plain": ["a", 1]}, "metadata": "x", "transient": 7},
        {"data": {"image/png": "AAAA"}, "metadata": {"image/png": {"width": "9", "height": -1, "onload": "x"}}},
        {"name": 5, "text": 6},
        {"name": "evil", "text": "\ud800 half a pair"},
        {"ename": 5, "evalue": None, "traceback": "no list"},
        {"ename": "E" * 10**5, "evalue": "v" * 10**6, "traceback": [1, None, "x"] * 10_000},
    ],
)
@pytest.mark.parametrize(
    "kind", ["stream", "display_data", "execute_result", "update_display_data", "error", "clear_output", "comm_open"]
)
def test_malformed_messages_harm_nobody(kind: str, content: Any) -> None:
    assert len(json.dumps(taken((kind, content)))) < 12_000_000


def test_comms_are_dropped() -> None:
    assert taken(("comm_open", {"target_name": "jupyter.widget", "data": {}})) == []


def test_pictures_keep_their_size_and_nothing_else() -> None:
    (output,) = taken(
        ("display_data", {"data": {"image/png": "AAAA"}, "metadata": {"image/png": {"width": 5}, "other": {"a": 1}}})
    )

    assert output["metadata"] == {"image/png": {"width": 5}}


def test_streams_that_alternate_stay_few() -> None:
    found = taken(*[("stream", {"name": ("stdout", "stderr")[at % 2], "text": "x"}) for at in range(10_000)])

    assert len(found) < 2_010 and sum(len(output["text"]) for output in found) == 10_000


def test_a_foreign_traceback_is_told_by_its_last_lines() -> None:
    lines = ["\x1b[31mError in f() : no such thing", "Traceback:", "1. f()"]

    assert error_words("ERROR", "no such thing", lines) == "Error in f() : no such thing\nTraceback:\n1. f()"


async def test_hostile_displays_of_a_real_kernel(run: Run) -> None:
    result = await run(
        "from IPython.display import HTML, Javascript, SVG\n"
        "display(HTML('<b>fine</b><script>evil()</script>'))\n"
        "display(Javascript('evil()'))\n"
        "import ipywidgets\n"
        "display(ipywidgets.IntSlider())\n"
        "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><script>evil()</script></svg>')"
    )

    assert result.exit_code == 0, result.output
    assert "evil" not in json.dumps(result.outputs)
    assert {mime for output in result.outputs for mime in output["data"]} == {"text/html", "text/plain"}


async def test_messages_that_a_block_forges_itself(run: Run) -> None:
    code = """
from IPython import get_ipython
kernel = get_ipython().kernel
for kind, content in [
    ("stream", {"name": 1, "text": None}), ("display_data", {}), ("error", {}),
    ("status", {"execution_state": ["idle"]}), ("comm_msg", {"comm_id": "x"}), ("nonsense", {"a": 1}),
]:
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())
kernel.iopub_socket.send_multipart([b"<IDS|MSG>", b"forged", b"{}", b"{}", b"{}", b"{}"])
print("still here")
"""
    result = await run(code)

    assert "still here" in result.output
    assert (await run("1 + 1")).output == "2\n"

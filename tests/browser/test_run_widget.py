"""The run widget by itself: keyboard, focus, scrolling, lost messages, a busy kernel, and what axe says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.browser.notebook_page import NotebookPage

THEMES = ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]

CODE = "I will count.\\n\\n```python\\nn = 6 * 7  # the answer\\nprint(n)\\n```"
WRONG = "First try:\\n\\n```python\\nn = undefined_name\\n```"
RICH = "It is **42**: [see](https://example.org). `n`\\n\\n| a | b |\\n|---|--:|\\n| 1 | 2 |"
LONG = "\\n\\n".join(f"Paragraph {number} of a long text." for number in range(60))

RUN = """
from nbagents.agents import AssistantAgent, CodeWritingAgent, UserProxyAgent
from nbagents.conditions import StopMessageTermination, TextMentionTermination
from nbagents.kernel import Cell, LiveKernelExecutor
from nbagents.models import ReplayChatCompletionClient
from nbagents.runtime import Approvals, Gate, Run
from nbagents.teams import RoundRobinGroupChat
from nbagents.widgets.run_view import RunView

analyst = CodeWritingAgent("analyst", LiveKernelExecutor(), max_retries_on_error=2, model_client_stream=True,
    model_client=ReplayChatCompletionClient({answers}))
end = TextMentionTermination("APPROVED", sources=["analyst"]) | StopMessageTermination()
team = RoundRobinGroupChat([analyst, UserProxyAgent("you")], termination_condition=end, max_turns=6)
lock = {{"team": {{"name": "duo", "stop": "APPROVED", "max_turns": 6}}, "shared": {{"df": "DataFrame with 3 rows"}},
    "settings": {{"approve": "{approve}", "code": "live"}}}}
run = Run("churn", team, Gate(approvals=Approvals("{approve}")), lock=lock, stop_text="APPROVED")
view = RunView(run, Cell.executing(), interactive=True)
run.gate.asker = view.ask
view.show()
run.start("Why did churn rise in **May**?", context=Cell.executing().context)
await run.wait_or_detach()
if run.ended:
    view.finish()
"""


def start(notebook: NotebookPage, answers: Sequence[str], approve: str = "ask", *more: str) -> Locator:
    """Run a notebook whose first cell shows a run; returns the widget."""
    script = "[" + ", ".join(f'"{answer}"' for answer in answers) + "]"
    notebook.open_notebook([RUN.format(answers=script, approve=approve), *(more or ("1 + 1",))])
    notebook.run_cell(0, wait=False)
    widget = notebook.cell(0).locator(".nbagents-run")
    expect(widget).to_be_visible()
    # The page shows the widget, not the code above it.
    notebook.page.add_style_tag(content=".jp-InputArea { max-height: 60px; overflow: hidden; }")
    return widget


def question(widget: Locator) -> Locator:
    """The question that waits."""
    asked = widget.locator(".nbagents-asking")
    expect(asked).to_be_visible(timeout=20_000)
    return asked


def test_every_decision_has_a_key_and_no_key_reaches_the_notebook(notebook: NotebookPage) -> None:
    widget = start(notebook, [WRONG, CODE, "It is 42. APPROVED"])
    page, asked = notebook.page, question(widget)
    asked.focus()
    for key in ("a", "b", "d", "d", "x", "m", "z", "Shift+m"):
        page.keyboard.press(key)
    page.keyboard.press("r")
    expect(widget.get_by_role("textbox", name="Why it must not run")).to_be_focused()
    page.keyboard.type("dd aa ")
    page.keyboard.press("Escape")
    expect(asked).to_be_focused()
    page.keyboard.press("e")
    code = widget.get_by_role("textbox", name="Code of block 1")
    expect(code).to_be_focused()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    expect(code).to_have_value("    n = undefined_name")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(widget.get_by_role("textbox", name="Code of block 1")).to_have_value("    n = undefined_name")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(widget.locator(".nbagents-block").first).to_contain_text("NameError")
    # The focus was in the widget, so it goes to the next question.
    expect(question(widget)).to_be_focused()
    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    # Chromium drops a line break that comes before the first frame of a text box; nobody types that fast.
    page.evaluate("() => new Promise(frame => requestAnimationFrame(() => requestAnimationFrame(() => frame(null))))")
    page.keyboard.type("\nprint(n + 1)")
    page.keyboard.press("Control+Enter")
    notebook.wait_idle()
    expect(notebook.cell(0)).to_contain_text("It is 42.")
    assert notebook.cell_count() == 2
    assert notebook.cell_source(1) == "1 + 1"
    assert "43" in notebook.cell_outputs(0)[0]["data"]["text/plain"]
    assert "edited and approved by you" in notebook.cell_outputs(0)[0]["data"]["text/plain"]
    assert notebook.errors == []


def test_a_question_does_not_take_the_focus_from_elsewhere(notebook: NotebookPage) -> None:
    widget = start(notebook, [CODE, "It is 42. APPROVED"])
    question(widget)
    assert not widget.evaluate("node => node.contains(document.activeElement)")


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing(notebook: NotebookPage, theme: str) -> None:
    widget = start(notebook, [WRONG, CODE, RICH])
    change = "theme => jupyterapp.commands.execute('apputils:change-theme', {theme}).then(() => null)"
    notebook.page.evaluate(change, theme)
    notebook.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=theme)
    name = theme.replace("JupyterLab ", "").replace(" ", "-").lower()
    question(widget).get_by_role("button", name="Run", exact=False).first.click()
    expect(widget.locator(".nbagents-block").nth(1)).to_contain_text("waiting for you")
    problems(notebook, f"widget-{name}-approve")
    question(widget).get_by_role("button", name="Reject…").click()
    problems(notebook, f"widget-{name}-reject")
    notebook.page.keyboard.press("Escape")
    question(widget).get_by_role("button", name="Edit").click()
    problems(notebook, f"widget-{name}-edit")
    notebook.page.keyboard.press("Control+Enter")
    expect(question(widget).get_by_role("button", name="You decide")).to_be_visible()
    problems(notebook, f"widget-{name}-reply")


def problems(notebook: NotebookPage, picture: str) -> None:
    """Takes a picture and asserts that axe has nothing to say of the widget."""
    notebook.screenshot(picture)
    found = Axe().run(notebook.page, context=".nbagents-run")
    assert found.violations_count == 0, found.generate_report()


def test_code_that_runs_unasked_is_marked(notebook: NotebookPage) -> None:
    widget = start(notebook, [CODE, "It is 42, and you?"], "always")
    expect(widget.locator(".nbagents-badge")).to_have_text("runs unasked")
    expect(widget.locator(".nbagents-block")).to_contain_text("ran · unasked")
    notebook.screenshot("widget-unasked")


def test_the_log_follows_its_end_until_the_reader_scrolls_up(notebook: NotebookPage) -> None:
    widget = start(notebook, [LONG, LONG, "Done. APPROVED"])
    log = widget.locator(".nbagents-log")
    expect(question(widget)).to_be_in_viewport()
    gap = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
    assert log.evaluate(gap) < 2
    assert log.evaluate("log => log.clientHeight") <= 0.7 * 1000 + 1
    log.evaluate("log => { log.scrollTop = 100; }")
    notebook.page.wait_for_timeout(100)
    question(widget).get_by_role("textbox").fill("go on")
    log.evaluate("log => { log.scrollTop = 100; }")
    question(widget).get_by_role("button", name="Send").dispatch_event("click")
    expect(widget.locator(".nbagents-said")).to_have_count(2)
    assert log.evaluate("log => log.scrollTop") < 200


def test_a_lost_message_is_asked_for_again(notebook: NotebookPage) -> None:
    lose = "if message['t'] == 'delta' and message['seq'] == 2: return"
    patch = f"""
from nbagents.widgets.run_widget import RunWidget
send = RunWidget.send
def lossy(self, message, *more):
    {lose}
    send(self, message, *more)
RunWidget.send = lossy
"""
    script = patch + RUN.format(answers=f'["{CODE}", "It is 42.", "Good. APPROVED"]', approve="ask")
    notebook.open_notebook([script])
    notebook.run_cell(0, wait=False)
    widget = notebook.cell(0).locator(".nbagents-run")
    question(widget).get_by_role("button", name="Run").first.click()
    question(widget).get_by_role("button", name="You decide").click()
    notebook.wait_idle()
    texts = notebook.cell_outputs(0)[0]["data"]["text/plain"]
    assert "You decide." in texts
    assert notebook.errors == []


def test_while_the_kernel_is_busy_the_buttons_say_so(notebook: NotebookPage) -> None:
    widget = start(notebook, [CODE, "It is 42. APPROVED"], "ask", "import time; time.sleep(6)", "run.status")
    asked = question(widget)
    widget.get_by_role("button", name="Detach").click()
    notebook.wait_idle()
    notebook.run_cell(1, wait=False)
    run = asked.get_by_role("button", name="Run").first
    run.click()
    expect(run).to_be_disabled()
    expect(asked).to_contain_text(re.compile("sent|waiting for the kernel"))
    expect(asked).to_contain_text("waiting for the kernel", timeout=5_000)
    notebook.screenshot("widget-busy")
    notebook.wait_idle()
    expect(notebook.cell(0)).to_contain_text("It is 42.")


def test_a_narrow_notebook(notebook: NotebookPage) -> None:
    widget = start(notebook, [WRONG, CODE, "no"])
    notebook.page.set_viewport_size({"width": 760, "height": 800})
    question(widget)
    box = widget.bounding_box()
    assert box is not None
    assert widget.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    notebook.screenshot("widget-narrow")

"""Markdown while it comes: the same in the end, and no more work than its length."""

from __future__ import annotations

import random

import pytest

from nbagents.widgets import streaming
from nbagents.widgets.markdown import to_html
from nbagents.widgets.streaming import StreamedMarkdown
from tests.widgets.dom import Page, wrongs
from tests.widgets.test_markdown import HOSTILE

TEXT = """# Result

Churn rose *much*
more than before.

- one
- two

  still two

1. first
2. second

| a | b |
|---|--:|
| 1 | 2 |

```python
x = 1

y = "```"
```

> quoted
# not a heading of the quote
Setext
======
$$
a
= b
$$
last line"""


def streamed(pieces: list[str]) -> tuple[str, str]:
    """What stands there in the end, and what `whole` says of it."""
    text, finished, tail = StreamedMarkdown(), "", ""
    for piece in pieces:
        text.feed(piece)
        step = text.look()
        finished, tail = finished + step.finished, step.tail
    whole = text.whole()
    return finished + tail, whole.finished + whole.tail


@pytest.mark.parametrize("seed", range(20))
def test_however_it_comes_it_ends_as_the_whole(seed: int) -> None:
    dice, pieces, rest = random.Random(seed), [], TEXT
    while rest:
        size = dice.choice([1, 2, 3, 7, 20])
        pieces.append(rest[:size])
        rest = rest[size:]
    live, whole = streamed(pieces)
    assert live == whole
    assert live.replace("\n", "") == to_html(TEXT).replace("\n", "")


@pytest.mark.parametrize("markdown", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_hostile_gets_through_at_any_moment(markdown: str) -> None:
    text, finished = StreamedMarkdown(), ""
    for character in f"before\n\n{markdown}\n\nafter":
        text.feed(character)
        step = text.look()
        finished += step.finished
        assert not wrongs(finished + step.tail)


def test_the_work_grows_with_the_text_and_not_with_its_square(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = 0

    def counting(markdown: str) -> str:
        nonlocal rendered
        rendered += len(markdown)
        return to_html(markdown)

    monkeypatch.setattr(streaming, "to_html", counting)
    text, paragraph = StreamedMarkdown(), "Some words of one paragraph. " * 4 + "\n\n"
    for _ in range(500):
        for start in range(0, len(paragraph), 40):
            text.feed(paragraph[start : start + 40])
            text.look()
    assert rendered < 8 * 500 * len(paragraph)


def test_one_long_block_is_shown_by_its_end_until_it_is_finished() -> None:
    text = StreamedMarkdown()
    text.feed("```python\n")
    for number in range(2_000):
        text.feed(f"x{number} = {number}\n")
        if number % 50 == 0:
            assert len(text.look().tail) < 40_000
    tail = text.look().tail
    assert "characters so far" in tail
    assert "x1999" in Page(tail).text
    text.feed("```\n\n" + "after that\n\n" * 500 + "end")
    done = text.look()
    assert "x0" in Page(done.finished).text
    assert done.tail.endswith("<p>end</p>\n")
    assert len(done.tail) < 100


def test_it_knows_whether_there_is_something_new() -> None:
    text, seen = StreamedMarkdown(), []
    for act in (lambda: None, lambda: text.feed("a"), text.look):
        act()
        seen.append(text.grew)
    assert seen == [False, True, False]

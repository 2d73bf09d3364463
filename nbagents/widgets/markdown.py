"""Markdown to HTML that is safe to show, whoever wrote it.

There is one renderer, here in the kernel: the live view, the saved output and what GitHub shows are the same
HTML. Raw HTML in markdown is shown as text; images are named and not loaded, because the address of an image
can carry data away.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from .highlight import code_html
from .math_rules import keep_math
from .sanitize import is_shown_address, literal, sanitized, visible

HEADING_OFFSET = 2
"""A model's `#` is a heading within a cell's output, so it becomes an `<h3>`."""


def to_html(markdown: str) -> str:
    """`markdown` (CommonMark with tables and strikethrough) as safe HTML.

    Code is highlighted, LaTeX stays as it was written, and only http, https and mailto links are links.
    """
    return sanitized(parser().render(visible(markdown)))


@cache
def parser() -> MarkdownIt:
    """The parser that everything uses which must agree on where a block begins and ends."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    keep_math(markdown)
    for name, rule in {
        "text": _text,
        "math": _math,
        "fence": _fence,
        "code_block": _fence,
        "image": _image,
        "link_open": _link_open,
        "heading_open": _heading,
        "heading_close": _heading,
        "th_open": _cell,
        "td_open": _cell,
    }.items():
        markdown.add_render_rule(name, rule)
    return markdown


def _text(_: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return literal(tokens[index].content)


def _math(_: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    return escape(tokens[index].content)


def _fence(_: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    language = (tokens[index].info.split() or [""])[0].lower()
    return code_html(tokens[index].content.rstrip("\n"), language) + "\n"


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    alt = renderer.renderInlineAsText(token.children, options, env) if token.children else ""
    host = _host(str(token.attrGet("src") or ""))
    return escape(f"[image not loaded: {' · '.join(filter(None, [alt, host])) or 'no description'}]")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _link_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    if not is_shown_address(str(token.attrGet("href") or "")):
        token.attrs.pop("href", None)
    return renderer.renderToken(tokens, index, options, env)


def _heading(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    token.tag = f"h{min(6, int(token.tag[1]) + HEADING_OFFSET)}"
    return renderer.renderToken(tokens, index, options, env)


def _cell(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """markdown-it aligns a cell by `style`, which is stripped everywhere; `align` is kept by GitHub."""
    token = tokens[index]
    style = str(token.attrs.pop("style", ""))
    if style.startswith("text-align:"):
        token.attrSet("align", style.removeprefix("text-align:"))
    return renderer.renderToken(tokens, index, options, env)

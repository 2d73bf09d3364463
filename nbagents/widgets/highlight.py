"""Code as HTML: Pygments' short classes, coloured by the theme where there is one, plain where there is none."""

from __future__ import annotations

from html import escape

from .sanitize import visible

LONGEST_TO_HIGHLIGHT = 50_000
"""A longer text is shown in one colour: some lexers need quadratic time."""


def code_html(code: str, language: str) -> str:
    """`<pre><code>` of `code`.

    The class is the one that nbconvert's stylesheet and ours colour by.

    Args:
        language: what stood behind the fence; an unknown one is shown without colours.
    """
    code = visible(code)
    tokens = _tokens(code, language) if len(code) <= LONGEST_TO_HIGHLIGHT else escape(code)
    return f'<pre><code class="highlight">{tokens}</code></pre>'


def _tokens(code: str, language: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language or "text", stripnl=False, ensurenl=False)
    except ClassNotFound:
        return escape(code)
    html: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return html.removesuffix("\n")

"""What may stand in the HTML that is shown: one allow list, for all that models, tools and code produce.

ammonia (nh3) parses as a browser does and writes anew, so what is malformed or nested does not get through. No
element that loads, embeds, scripts or styles is on the list, and no address but http, https and mailto.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape

import nh3

from .plain import encodable

_TEXT = "p br hr h1 h2 h3 h4 h5 h6 strong b em i u s del ins sub sup small mark q kbd samp var abbr cite blockquote"
_LISTS = "ul ol li dl dt dd"
_CODE = "pre code span"
_TABLES = "table caption colgroup col thead tbody tfoot tr th td"
_BLOCKS = "div section article figure figcaption details summary"

TAGS = frozenset(f"{_TEXT} {_LISTS} {_CODE} {_TABLES} {_BLOCKS} a".split())

ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan", "scope"},
    "table": {"border"},
    "details": {"open"},
    "abbr": {"title"},
}

SILENT_TAGS = {"script", "style", "template", "noscript", "iframe", "object", "title"}
"""Elements whose content goes with them: it was never meant to be read."""

SHOWN_ADDRESS = re.compile(r"(https?://|mailto:)[^\s]", re.I)

_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff\U000e0000-\U000e007f]")


def sanitized(html: str) -> str:
    """`html` with everything taken out that is not on the allow list; links open beside the notebook."""
    return _cleaner().clean(html)


def is_shown_address(url: str) -> bool:
    """True for an absolute http, https or mailto address. A relative one would point into the Jupyter server."""
    return bool(SHOWN_ADDRESS.match(url))


def visible(text: str) -> str:
    """`text` with the characters named that turn or hide other characters: what is read is what is there."""
    return _INVISIBLE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", encodable(text))


def literal(text: str) -> str:
    """`text` as HTML that shows it as it is: nothing in it is a tag, and no two prices are the ends of a formula."""
    # The notebook's typesetter takes $…$ for LaTeX where it stands in one piece of text.
    return escape(text).replace("$", "<span>$</span>")


@cache
def _cleaner() -> nh3.Cleaner:
    from pygments.token import STANDARD_TYPES

    token_classes = {name for name in STANDARD_TYPES.values() if name}
    return nh3.Cleaner(
        tags=set(TAGS),
        clean_content_tags=SILENT_TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_shown_attribute,
        allowed_classes={"span": token_classes, "code": {"highlight"}},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        url_schemes={"http", "https", "mailto"},
    )


def _shown_attribute(_tag: str, attribute: str, value: str) -> str | None:
    if attribute == "href" and not is_shown_address(value):
        return None
    return value

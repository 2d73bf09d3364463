"""What a browser would make of HTML: used to look for what must not be there."""

from __future__ import annotations

from html.parser import HTMLParser

_TAGS = (
    "p br hr h1 h2 h3 h4 h5 h6 strong b em i u s del ins sub sup small mark q kbd samp var abbr cite blockquote "
    "ul ol li dl dt dd pre code span table caption colgroup col thead tbody tfoot tr th td "
    "div section article figure figcaption details summary a img"
)
_ATTRIBUTES = "href title target rel start align colspan rowspan scope border open class src alt width"
SAFE_TAGS, SAFE_ATTRIBUTES = set(_TAGS.split()), set(_ATTRIBUTES.split())
CLASSED = {"span", "code"}


class Page(HTMLParser):
    """The elements and the text of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.elements.append(("!--", {}))

    def handle_decl(self, decl: str) -> None:
        self.elements.append(("!", {}))

    def handle_pi(self, data: str) -> None:
        self.elements.append(("?", {}))

    def unknown_decl(self, data: str) -> None:
        self.elements.append(("![", {}))

    def tags(self, name: str) -> list[dict[str, str]]:
        """The attributes of each element of that name."""
        return [attributes for tag, attributes in self.elements if tag == name]


def wrongs(html: str) -> list[str]:
    """What in `html` could load, run, style, or lead anywhere but to the web; [] when nothing does."""
    found = []
    for tag, attributes in Page(html).elements:
        if tag not in SAFE_TAGS:
            found.append(f"<{tag}>")
        for name, value in attributes.items():
            if name not in SAFE_ATTRIBUTES:
                found.append(f"<{tag} {name}>")
            if name == "class" and tag not in CLASSED:
                found.append(f"<{tag} class>")
            if name == "href" and not value.lower().startswith(("http://", "https://", "mailto:")):
                found.append(f"href={value!r}")
            if name == "src" and not value.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")):
                found.append(f"src={value!r}")
    return found

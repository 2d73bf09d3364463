"""What code showed, as HTML and as text: the richest safe form, within limits."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import pytest

from nbagents.widgets import outputs
from nbagents.widgets.images import LARGEST, WIDEST, picture
from nbagents.widgets.outputs import outputs_html, outputs_text
from nbagents.widgets.plain import plain_text
from tests.widgets.dom import Page, wrongs


def png(width: int = 2, height: int = 1) -> str:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x00\x80\xff" * width) * height)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return base64.b64encode(data).decode()


def display(**data: Any) -> dict[str, Any]:
    mimes = {name.replace("__", "+").replace("_", "/", 1): value for name, value in data.items()}
    return {"output_type": "display_data", "data": mimes, "metadata": {}}


def stream(text: Any, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


TABLE = '<div><style scoped>td{color:red}</style><table border="1" class="dataframe"><tr><td>1</td></tr></table></div>'


def test_a_table_stays_a_table_without_its_style() -> None:
    html = outputs_html([display(text_html=TABLE, text_plain="   a\n0  1")])
    assert not wrongs(html)
    assert Page(html).tags("table") == [{"border": "1"}]
    assert "color" not in html


@pytest.mark.parametrize(
    "html",
    [
        "<script>plot()</script>",
        '<iframe src="https://evil.example"></iframe>',
        '<div onclick="x()"><img src="https://evil.example/x.png"></div>',
        "<svg onload=alert(1)></svg>",
    ],
)
def test_what_only_scripts_can_draw_is_shown_by_its_text(html: str) -> None:
    shown = outputs_html([display(text_html=html, text_plain="<Plot>")])
    assert not wrongs(shown)
    assert Page(shown).text == "<Plot>"


def test_a_picture_is_inlined_with_a_name_and_a_width() -> None:
    (image,) = Page(outputs_html([display(image_png=png(3000, 1), text_plain="<Figure>")], "figure of block 2")).tags(
        "img"
    )
    assert image["alt"] == "figure of block 2"
    assert image["width"] == str(WIDEST)
    assert image["src"].startswith("data:image/png;base64,")


@pytest.mark.parametrize("data", ["", "not base64!", base64.b64encode(b"<svg onload=alert(1)>").decode(), 7, None])
def test_what_is_no_picture_is_shown_by_its_text(data: Any) -> None:
    assert Page(outputs_html([display(image_png=data, text_plain="<Figure>")])).text == "<Figure>"


def test_svg_is_shown_by_its_text() -> None:
    html = outputs_html([display(image_svg__xml="<svg><script/></svg>", text_plain="<Graph>")])
    assert Page(html).text == "<Graph>"


def test_a_large_picture_is_made_smaller() -> None:
    from PIL import Image

    noise = io.BytesIO()
    Image.effect_noise((1500, 1000), 90).convert("RGB").save(noise, "PNG")
    assert len(noise.getvalue()) > 5 * LARGEST
    small = picture("image/png", base64.b64encode(noise.getvalue()).decode())
    assert small is not None
    assert len(small.data) < len(noise.getvalue()) / 2


def test_text_has_no_terminal_codes_and_progress_bars_are_at_their_end() -> None:
    text = Page(outputs_html([stream("\x1b[31mred\x1b[0m\n 10%\r 50%\r100%\n\x1b]0;title\x07\x00end")])).text
    assert text == "red\n100%\nend"


def test_what_is_printed_in_pieces_is_one_text() -> None:
    html = outputs_html([stream("a"), stream(["b\n", "c"]), stream("warned", "stderr"), stream("d")])
    assert [Page(part).text for part in html.split("\n</pre>")] == [Page(html).text]
    assert html.count("<pre>") == 3


def test_an_error_is_its_name_its_message_and_the_end_of_its_traceback() -> None:
    trace = [f"frame {number}" for number in range(100)] + ["\x1b[31mValueError\x1b[0m: <b>"]
    error = {"output_type": "error", "ename": "ValueError", "evalue": "<b>", "traceback": trace}
    html = outputs_html([error])
    assert "<strong>ValueError</strong>: &lt;b&gt;" in html
    assert "frame 99" in html
    assert "frame 50" not in html
    assert outputs_text([error]).startswith("ValueError: <b>\n…\nframe 88")


def test_an_output_that_is_too_long_is_cut_and_says_so() -> None:
    html = outputs_html([stream("x" * 1_000_000)])
    assert len(html) < 250_000
    assert "200,000 of 1,000,000 characters are shown" in html
    table = outputs_html([display(text_html="<table>" + "<tr><td>1</td></tr>" * 50_000)])
    assert len(table) < 500_000
    assert "output cut" in table
    assert table.count("<table>") == table.count("</table>") == 1


def test_a_block_that_shows_too_much_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "LARGEST_BLOCK", 1_000)
    html = outputs_html([display(text_plain="x" * 300) for _ in range(10)])
    assert html.count("<pre>") == 3
    assert "more outputs are not shown" in html


def test_as_text_a_picture_is_named() -> None:
    assert outputs_text([stream("a\n"), display(image_png=png(), text_plain="<Figure>")]) == "a\n[figure]"


def test_markdown_and_latex_outputs() -> None:
    assert "<strong>x</strong>" in outputs_html([display(text_markdown="**x** <script>", text_plain="x")])
    assert Page(outputs_html([display(text_latex="$x<y$", text_plain="x")])).text == "$x<y$"


@pytest.mark.parametrize(
    "text", ["\x1b[2J\x1b[H", "\x1b]8;;https://evil.example\x07x\x1b]8;;\x07", "\x9b31m", "\x1bP1\x1b\\"]
)
def test_no_escape_sequence_survives(text: str) -> None:
    assert not set(plain_text(text)) & set("\x1b\x9b\x07")

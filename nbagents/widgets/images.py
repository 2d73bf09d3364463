"""Pictures that code showed: checked, bounded in width and in size, inlined as data."""

from __future__ import annotations

import base64
import binascii
import io
import struct
from dataclasses import dataclass
from html import escape

WIDEST = 900
"""Pixels: a wider picture is shown this wide, in every front end."""

LARGEST = 200_000
"""Bytes: a larger picture is encoded again, smaller, where Pillow is installed."""

LARGEST_AS_IT_IS = 1_500_000
"""Bytes: a larger picture that cannot be made smaller is left out."""

_MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
TYPES = tuple(_MAGIC)


@dataclass(frozen=True, slots=True)
class Picture:
    """One PNG or JPEG; `width` is None where the file does not say."""

    mime: str
    data: bytes
    width: int | None

    def html(self, alt: str) -> str:
        """An `<img>` with its data in it; made of checked bytes only, so it needs no sanitising."""
        width = f' width="{min(self.width, WIDEST)}"' if self.width else ""
        encoded = base64.b64encode(self.data).decode("ascii")
        return f'<img src="data:{self.mime};base64,{encoded}" alt="{escape(alt)}"{width}>'


def picture(mime: str, encoded: str, width: int | None = None) -> Picture | None:
    """The picture that an output holds as base64; None when it is none, or too large to be kept.

    Args:
        width: the width in which the output asks to be shown.
    """
    try:
        data = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not data.startswith(_MAGIC[mime]):
        return None
    found = Picture(mime, data, width or _png_width(mime, data))
    if len(data) > LARGEST:
        found = _smaller(found) or found
    return found if len(found.data) <= LARGEST_AS_IT_IS else None


def _png_width(mime: str, data: bytes) -> int | None:
    if mime != "image/png" or data[12:16] != b"IHDR":
        return None
    width: int = struct.unpack(">I", data[16:20])[0]
    return width


def _smaller(large: Picture) -> Picture | None:
    """The picture with at most twice `WIDEST` pixels a row and 256 colours, or as JPEG; None without Pillow."""
    try:
        from PIL import Image
    except ImportError:
        return None
    try:
        with Image.open(io.BytesIO(large.data), formats=["PNG", "JPEG"]) as image:
            image.thumbnail((2 * WIDEST, 4 * WIDEST))
            as_png, as_jpeg = io.BytesIO(), io.BytesIO()
            if large.mime == "image/png":
                image.quantize(256).save(as_png, "PNG", optimize=True)
            image.convert("RGB").save(as_jpeg, "JPEG", quality=80)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    png, jpeg = as_png.getvalue(), as_jpeg.getvalue()
    best = ("image/png", png) if png and len(png) <= LARGEST else ("image/jpeg", jpeg)
    if len(best[1]) >= len(large.data):
        return None
    return Picture(*best, width=min(large.width or WIDEST, WIDEST))

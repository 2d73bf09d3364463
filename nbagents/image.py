"""`Image`: a picture in a message. Name, methods and JSON shape are AutoGen's.

It holds a PIL image, the PNG of one, or both, and makes the one from the other when it is asked for: a picture that
only passes from a saved conversation to a model needs no Pillow.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from .errors import ConfigurationError

if TYPE_CHECKING:
    from PIL import Image as PILImage

PNG = b"\x89PNG\r\n\x1a\n"
DATA_URI = re.compile(r"data:image/[\w.+-]+;base64,", re.I)


class Image:
    """A picture, made from a PIL image (a copy, RGB or RGBA), or with one of the `from_` methods."""

    _png: bytes | None = None
    _pixels: PILImage.Image | None = None
    _digest: bytes | None = None
    """Of the pixels that the PNG shows, where somebody has got hold of them and may change them."""

    def __init__(self, image: PILImage.Image) -> None:
        # What PNG and every model can take.
        self._pixels = image.copy() if image.mode in ("RGB", "RGBA") else image.convert(_mode(image))

    @classmethod
    def from_pil(cls, pil_image: PILImage.Image) -> Image:
        """The picture of a PIL image."""
        return cls(pil_image)

    @classmethod
    def from_uri(cls, uri: str) -> Image:
        """The picture of a data URI with base64; nothing is fetched.

        Raises:
            ValueError: it is no such URI.
        """
        found = DATA_URI.match(uri)
        if found is None:
            raise ValueError(
                f"Invalid URI format {uri[:40]!r}. It should be a base64 encoded image URI: data:image/png;base64,..."
            )
        return cls.from_base64(uri[found.end() :])

    @classmethod
    def from_base64(cls, base64_str: str) -> Image:
        """The picture whose file (PNG, JPEG, ...) is given in base64, perhaps in lines.

        Raises:
            ValueError: it is no base64, or no picture.
        """
        try:
            data = base64.b64decode(base64_str[:0].join(base64_str.split()), validate=True)
        except binascii.Error as error:
            raise ValueError(f"an image is expected in base64, but {base64_str[:40]!r} is not: {error}") from None
        return cls._from_bytes(data)

    @classmethod
    def from_file(cls, file_path: Path | str) -> Image:
        """The picture in a file.

        Raises:
            ValueError: it holds no picture.
        """
        return cls._from_bytes(Path(file_path).read_bytes())

    @classmethod
    def _from_bytes(cls, data: bytes) -> Image:
        if not data.startswith(PNG):
            return cls(_open(data))
        image = cls.__new__(cls)
        image._png = data
        return image

    @property
    def image(self) -> PILImage.Image:
        """The PIL image; it may be changed, or another one set."""
        if self._pixels is None:
            assert self._png is not None, "an image is made with pixels or with its PNG"
            self._pixels = _open(self._png)
        if self._png is not None and self._digest is None:
            self._digest = _digest(self._pixels)
        elif self._png is None:
            self._digest = b""  # of no PNG yet
        return self._pixels

    @image.setter
    def image(self, image: PILImage.Image) -> None:
        self._pixels, self._png, self._digest = image, None, b""

    def _as_png(self) -> bytes:
        now = _digest(self._pixels) if self._pixels is not None and self._digest is not None else None
        if self._png is None or now != self._digest:
            assert self._pixels is not None, "an image is made with pixels or with its PNG"
            buffer = BytesIO()
            self._pixels.save(buffer, format="PNG")
            self._png, self._digest = buffer.getvalue(), now
        return self._png

    def to_base64(self) -> str:
        """The picture as PNG in base64."""
        return base64.b64encode(self._as_png()).decode("ascii")

    @property
    def data_uri(self) -> str:
        """The picture as a data URI."""
        return f"data:image/png;base64,{self.to_base64()}"

    def to_openai_format(self, detail: Literal["auto", "low", "high"] = "auto") -> dict[str, Any]:
        """The picture as a part of a message in OpenAI's chat completions."""
        return {"type": "image_url", "image_url": {"url": self.data_uri, "detail": detail}}

    def __eq__(self, other: object) -> bool:
        return self._as_png() == other._as_png() if isinstance(other, Image) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._as_png())

    def __repr__(self) -> str:  # without its bytes: it stands in logs and tracebacks
        return f"<Image, {len(self._as_png())} bytes of PNG>"

    def _repr_png_(self) -> bytes:
        return self._as_png()

    def _repr_html_(self) -> str:
        return f'<img src="{self.data_uri}"/>'

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """In JSON an image is ``{"data": <base64 of its PNG>}``."""
        return core_schema.with_info_plain_validator_function(
            lambda value, _: cls._validated(value),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda image: {"data": image.to_base64()}),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, source: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        data = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}
        return {"type": "object", "title": "Image", "properties": {"data": data}, "required": ["data"]}

    @classmethod
    def _validated(cls, value: Any) -> Image:
        if isinstance(value, Image):
            return value
        if isinstance(value, dict) and isinstance(value.get("data"), str):
            return cls.from_base64(value["data"])
        raise ValueError('an Image, or {"data": <base64 of a PNG>}, is expected')


def _digest(pixels: PILImage.Image) -> bytes:
    return hashlib.blake2b(pixels.tobytes(), key=f"{pixels.mode}{pixels.size}".encode()).digest()


def _mode(image: PILImage.Image) -> str:
    return "RGBA" if "A" in image.mode or "transparency" in image.info else "RGB"


def _open(data: bytes) -> PILImage.Image:
    try:
        from PIL import Image as pil
        from PIL import UnidentifiedImageError
    except ImportError as error:
        raise ConfigurationError('pictures need the Pillow package: pip install "nbagents[images]"') from error
    try:
        image = pil.open(BytesIO(data))
        image.load()
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"these {len(data)} bytes are no picture that Pillow can read: {error}") from None
    return image

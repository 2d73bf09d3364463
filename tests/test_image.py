"""Pictures in messages: made from anything, kept as PNG, sent as data URIs."""

from __future__ import annotations

import base64
import builtins
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PILImage
from pydantic import TypeAdapter

from nbagents.errors import ConfigurationError
from nbagents.image import Image
from nbagents.messages import MultiModalMessage
from nbagents.models import UserMessage


def jpeg() -> bytes:
    buffer = BytesIO()
    PILImage.new("RGB", (3, 2), "blue").save(buffer, "JPEG")
    return buffer.getvalue()


def test_a_picture_comes_from_pil_a_file_base64_or_a_data_uri(tmp_path: Path) -> None:
    image = Image.from_pil(PILImage.new("RGBA", (3, 2)))
    (tmp_path / "x.png").write_bytes(base64.b64decode(image.to_base64()))
    same = [Image.from_file(tmp_path / "x.png"), Image.from_base64(image.to_base64()), Image.from_uri(image.data_uri)]
    for other in same:
        assert other == image and other.image.size == (3, 2)
    (tmp_path / "x.jpg").write_bytes(jpeg())
    assert base64.b64decode(Image.from_file(tmp_path / "x.jpg").to_base64()).startswith(b"\x89PNG")


def test_only_data_uris_are_taken() -> None:
    with pytest.raises(ValueError, match="Invalid URI format"):
        Image.from_uri("https://example.org/cat.png")


@pytest.mark.parametrize("text", ["not base64!", base64.b64encode(b"no picture").decode()])
def test_what_is_no_picture_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|no picture"):
        Image.from_base64(text)


def test_base64_may_come_in_lines() -> None:
    image = Image.from_pil(PILImage.new("RGB", (9, 9)))
    lines = base64.encodebytes(base64.b64decode(image.to_base64())).decode()
    assert "\n" in lines and Image.from_base64(lines) == image


def test_a_picture_that_is_changed_is_sent_as_it_is_now() -> None:
    original = PILImage.new("RGB", (8, 8))
    image = Image.from_pil(original)
    original.putpixel((0, 0), (255, 0, 0))
    assert Image.from_base64(image.to_base64()).image.getpixel((0, 0)) == (0, 0, 0), "it has pixels of its own"

    for picture in (image, Image.from_base64(image.to_base64())):
        before = picture.to_base64()
        picture.image.thumbnail((4, 4))
        assert Image.from_base64(picture.to_base64()).image.size == (4, 4)
        picture.image = PILImage.new("RGB", (2, 1))
        assert Image.from_base64(picture.to_base64()).image.size == (2, 1)
        assert picture.to_base64() != before


def test_a_picture_that_is_only_looked_at_keeps_its_bytes() -> None:
    given = base64.b64encode(base64.b64decode(Image.from_pil(PILImage.new("RGB", (8, 8))).to_base64())).decode()
    picture = Image.from_base64(given)
    assert picture.image.size == (8, 8)
    assert picture.to_base64() == given


def test_json_holds_the_png_in_base64() -> None:
    image = Image.from_pil(PILImage.new("RGB", (1, 1)))
    message = UserMessage(content=["see", image], source="a")
    assert message.model_dump(mode="json")["content"][1] == {"data": image.to_base64()}
    assert UserMessage.model_validate_json(message.model_dump_json()) == message


def test_a_model_with_a_picture_has_a_json_schema() -> None:
    assert "content" in MultiModalMessage.model_json_schema()["properties"]
    picture = TypeAdapter(Image).json_schema()
    assert picture["properties"]["data"]["contentEncoding"] == "base64"


def test_openai_gets_a_data_uri() -> None:
    image = Image.from_pil(PILImage.new("RGB", (1, 1)))
    part = image.to_openai_format(detail="low")
    assert part == {"type": "image_url", "image_url": {"url": image.data_uri, "detail": "low"}}
    assert image.data_uri in image._repr_html_()
    assert image.to_base64() not in repr(image)


def test_a_png_that_only_passes_through_needs_no_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    text = Image.from_pil(PILImage.new("RGB", (1, 1))).to_base64()
    real = builtins.__import__

    def without_pillow(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "PIL":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "PIL", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_pillow)
    image = Image.from_base64(text)
    assert image.to_base64() == text
    with pytest.raises(ConfigurationError, match="Pillow"):
        _ = image.image

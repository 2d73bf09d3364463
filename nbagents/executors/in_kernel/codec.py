"""Values as a header of JSON and pieces of bytes, and back: used by the host and, as text, in the kernel.

Frames go as Arrow IPC, arrays as their bytes, everything plain as JSON; nothing is ever pickled or evaluated.
"""

from __future__ import annotations

import json
import sys
from typing import Any

ARRAY_KINDS = "biufcSUmM"

Header = dict[str, Any]


class Refused(Exception):
    """The value cannot cross; the text says why, and what could."""


def encode(value: Any) -> tuple[Header, list[Any]]:
    """Header and buffers of a value.

    Raises:
        Refused: it is nothing that can cross.
    """
    from . import frames

    pandas, numpy, polars = (sys.modules.get(name) for name in ("pandas", "numpy", "polars"))
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return frames.encode_frame(value)
    if pandas is not None and isinstance(value, pandas.Series):
        header, buffers = frames.encode_frame(value.to_frame(0))
        return {**header, "kind": "series", "name": frames.label_of(value.name)}, buffers
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return _encode_array(value)
    if polars is not None and isinstance(value, polars.Series):
        table = value.to_frame().to_arrow()
        return {"kind": "table", "library": "polars", "series": True}, [frames.ipc(table)]
    table = frames.as_table(value)
    if table is not None:
        library = type(value).__module__.partition(".")[0]
        return {"kind": "table", "library": library, "series": False}, [frames.ipc(table)]
    _check_plain(value, type(value).__name__)
    try:
        return {"kind": "json"}, [json.dumps(value).encode()]
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(f"{type(value).__name__}: {error}; {CAN}") from None


CAN = (
    "what can cross are data frames and series, numpy arrays of numbers, text and dates, "
    "and None, bool, int, float, str, list and dict with str keys"
)


def decode(header: Header, buffers: list[Any], library: str = "pandas") -> Any:
    """The value; a frame as one of `library`, where that is installed.

    Raises:
        Refused: header and buffers do not fit, or the library that it needs is not here.
    """
    from . import frames

    kind = header.get("kind")
    try:
        if kind == "json":
            return json.loads(bytes(buffers[0]))
        if kind == "array":
            return _decode_array(header, buffers[0])
        if kind == "table":
            return frames.decode_table(header, buffers[0], library)
        if kind in ("frame", "series"):
            return frames.decode_frame(header, buffers, library)
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"what came is damaged: {type(error).__name__}: {str(error)[:300]}") from None
    raise Refused("what came is damaged: it is of no known kind")


# Plain values and arrays ------------------------------------------------------------------------------------


def _check_plain(value: Any, where: str, depth: int = 0) -> None:
    """JSON would change some keys and types without a word."""
    if depth > 100:
        raise Refused(f"{where}: it is nested more than 100 deep, or holds itself")
    if value is None or type(value) in (bool, int, float, str):
        return
    if isinstance(value, (list, tuple)):
        for each in value:
            _check_plain(each, where, depth + 1)
    elif isinstance(value, dict):
        for key, each in value.items():
            if type(key) is not str:
                raise Refused(f"{where}: the key {key!r} is no str; {CAN}")
            _check_plain(each, where, depth + 1)
    else:
        inside = f"a {type(value).__name__} in a {where}" if depth else where
        raise Refused(f"{inside} cannot cross; {CAN}")


def _encode_array(value: Any) -> tuple[Header, list[Any]]:
    import numpy

    if type(value) is not numpy.ndarray and not isinstance(value, numpy.generic):
        raise Refused(f"{type(value).__name__} cannot cross: make a plain numpy array of it")
    if value.dtype.kind not in ARRAY_KINDS:
        raise Refused(f"an array of dtype {value.dtype} cannot cross; {CAN}")
    header = {"kind": "array", "dtype": value.dtype.str, "shape": list(value.shape)}
    header["scalar"] = isinstance(value, numpy.generic)
    return header, [numpy.ascontiguousarray(value).tobytes()]


def _decode_array(header: Header, buffer: Any) -> Any:
    try:
        import numpy
    except ImportError:
        raise Refused("a numpy array came, and numpy is not installed here") from None
    dtype = numpy.dtype(str(header["dtype"]))
    if dtype.kind not in ARRAY_KINDS or dtype.hasobject:
        raise Refused(f"what came is damaged: an array of dtype {dtype}")
    array = numpy.frombuffer(buffer, dtype).reshape([int(side) for side in header["shape"]]).copy()
    return array[()] if header.get("scalar") else array

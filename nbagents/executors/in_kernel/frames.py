"""Data frames as Arrow IPC and back, labels beside them: for `codec`, on both sides.

Labels of rows and columns travel by position: Arrow knows only names that are strings, and each of them once. Bytes
that somebody else wrote are checked before they may take memory: nothing compressed, no lengths without data behind
them.
"""

from __future__ import annotations

import sys
from typing import Any

from .codec import Header, Refused

MOST_CELLS = 200_000_000


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError:
        raise Refused("data frames cross as Arrow, and pyarrow is not installed here: pip install pyarrow") from None
    return pyarrow


def as_table(value: Any) -> Any:
    """An Arrow table of a frame of polars, of pyarrow, or of any other library that narwhals knows; else None."""
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None and isinstance(value, pyarrow.Table):
        return value
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(value, polars.DataFrame):
        _arrow()
        return value.to_arrow()
    try:
        import narwhals
    except ImportError:
        return None
    frame = narwhals.from_native(value, eager_only=True, pass_through=True)
    if isinstance(frame, narwhals.DataFrame):
        _arrow()
        return frame.to_arrow()
    return None


def encode_frame(frame: Any) -> tuple[Header, list[Any]]:
    import pandas

    rows, row_header = _encode_index(frame.index)
    columns, column_header = _encode_index(frame.columns)
    plain = frame.set_axis(pandas.RangeIndex(frame.shape[1]).map(str), axis=1).reset_index(drop=True)
    header = {"kind": "frame", "rows": row_header, "columns": column_header, "length": len(frame)}
    return header, [ipc(_table(plain, frame.columns)), rows, columns]


def decode_frame(header: Header, buffers: list[Any], library: str) -> Any:
    try:
        import pandas
    except ImportError:
        raise Refused("a frame of pandas came, and pandas is not installed here") from None

    table = read_table(buffers[0])
    frame = table.to_pandas()
    if not table.num_columns:
        frame = pandas.DataFrame(index=range(_length(header["length"])))
    frame.columns = _decode_index(header["columns"], buffers[2])
    frame.index = _decode_index(header["rows"], buffers[1])
    if header["kind"] == "series":
        series = frame.iloc[:, 0].rename(plain_label(header["name"]))
        return _polars().from_pandas(series) if library == "polars" and _polars() else series
    return _polars().from_pandas(frame) if library == "polars" and _polars() else frame


def _polars() -> Any:
    try:
        import polars
    except ImportError:
        return None
    return polars


def decode_table(header: Header, buffer: Any, library: str) -> Any:
    table = read_table(buffer)
    wanted = "pyarrow" if header.get("library") == "pyarrow" and library == "pandas" else library
    if wanted == "pyarrow":
        return table
    if wanted == "polars" and _polars():
        frame = _polars().from_arrow(table)
        return frame.to_series(0) if header.get("series") else frame
    frame = table.to_pandas()
    return frame.iloc[:, 0] if header.get("series") else frame


def _table(frame: Any, labels: Any) -> Any:
    pyarrow = _arrow()
    try:
        return pyarrow.Table.from_pandas(frame, preserve_index=False)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, pyarrow.ArrowNotImplementedError, OverflowError) as error:
        for at in range(frame.shape[1]):
            try:
                pyarrow.array(frame.iloc[:, at], from_pandas=True)
            except Exception as reason:
                said = f"column {labels[at]!r} ({frame.dtypes.iloc[at]}) cannot cross: {reason}"
                raise Refused(said + "; turn it into numbers, text or dates first") from None
        raise Refused(f"the frame cannot cross: {error}") from None


def _encode_index(index: Any) -> tuple[bytes, Header]:
    import pandas

    names = [label_of(name) for name in index.names]
    if type(index) is pandas.RangeIndex:
        return b"", {"range": [index.start, index.stop, index.step], "names": names}
    levels = index.nlevels if isinstance(index, pandas.MultiIndex) else 0
    frame = index.to_frame(index=False)
    frame.columns = pandas.RangeIndex(frame.shape[1]).map(str)
    try:
        freq = (
            getattr(index, "freqstr", None)
            if isinstance(index, (pandas.DatetimeIndex, pandas.TimedeltaIndex))
            else None
        )
        return ipc(_table(frame, index.names)), {"levels": levels, "names": names, "freq": freq}
    except Refused:
        return b"", {"labels": [label_of(each) for each in index], "names": names}  # of several types


def _decode_index(header: Header, buffer: Any) -> Any:
    import pandas

    names = [plain_label(name) for name in header["names"]]
    if "range" in header:
        return pandas.RangeIndex(*(int(each) for each in header["range"]), name=names[0])
    if "labels" in header:
        return pandas.Index([plain_label(each) for each in header["labels"]], dtype=object, name=names[0])
    frame = read_table(buffer).to_pandas()
    if header["levels"]:
        return pandas.MultiIndex.from_frame(frame).set_names(names)
    index = pandas.Index(frame.iloc[:, 0]).rename(names[0])
    if header.get("freq"):
        index.freq = str(header["freq"])  # it is checked against the values
    return index


def label_of(label: Any) -> Any:
    import numpy

    label = label.item() if isinstance(label, numpy.generic) else label
    if label is None or type(label) in (bool, int, float, str):
        return label
    raise Refused(f"the label {label!r} ({type(label).__name__}) cannot cross: use text or numbers")


def plain_label(label: Any) -> Any:
    if label is None or isinstance(label, (bool, int, float, str)):
        return label
    raise Refused(f"what came is damaged: a label of type {type(label).__name__}")


def _length(length: Any) -> int:
    if not isinstance(length, int) or not 0 <= length <= MOST_CELLS:
        raise Refused(f"what came is damaged: a frame of {length!r} rows")
    return length


def ipc(table: Any) -> bytes:
    pyarrow = _arrow()
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        if table.num_rows:
            writer.write_table(table)
        else:  # a table without rows has no batches, and without a batch no categories are written
            columns = [each.chunk(0) if each.num_chunks else pyarrow.array([], each.type) for each in table.columns]
            writer.write_batch(pyarrow.RecordBatch.from_arrays(columns, schema=table.schema))
    return bytes(sink.getvalue())


def read_table(buffer: Any) -> Any:
    """A table of bytes that somebody else wrote."""
    pyarrow = _arrow()
    for message in pyarrow.ipc.MessageReader.open_stream(buffer):
        if _compressed(bytes(message.metadata)):
            raise Refused("what came is damaged: it is compressed")
    table = pyarrow.ipc.open_stream(buffer).read_all()
    table.validate(full=True)
    for field in table.schema:
        if _may_swell(field.type):
            raise Refused(f"column {field.name!r} is of the type {field.type}, which is not taken")
    nothing = sum(pyarrow.types.is_null(kind) for kind in table.schema.types)
    cells = table.num_rows * max(1, table.num_columns)
    if cells > MOST_CELLS or 8 * table.num_rows * nothing > 10 * len(buffer) + 64_000_000:
        raise Refused(f"a frame of {table.num_rows} rows and {table.num_columns} columns is too large")
    return table


def _may_swell(kind: Any, depth: int = 0) -> bool:
    """True for a type of which a few bytes can become any number of values: shared, repeated, or without data."""
    types = _arrow().types
    kind = getattr(kind, "storage_type", kind)  # of an extension
    if types.is_run_end_encoded(kind) or types.is_union(kind) or "_view" in str(kind):
        return True
    if depth and (types.is_null(kind) or types.is_dictionary(kind)):
        return True
    inner = [kind.value_type] if types.is_dictionary(kind) else [kind.field(at).type for at in range(kind.num_fields)]
    return any(_may_swell(each, depth + 1) for each in inner)


def _compressed(message: bytes) -> bool:
    """True if a record batch is compressed, and its size no bound for what it becomes (Arrow's Message.fbs)."""
    import struct

    def field(table: int, number: int) -> int:
        vtable = table - struct.unpack_from("<i", message, table)[0]
        at = 4 + 2 * number
        offset = (
            struct.unpack_from("<H", message, vtable + at)[0]
            if at < struct.unpack_from("<H", message, vtable)[0]
            else 0
        )
        return table + offset if offset else 0

    def table_at(position: int) -> int:
        return int(position + struct.unpack_from("<I", message, position)[0])

    root = table_at(0)
    kind = message[field(root, 1)] if field(root, 1) else 0
    if kind not in (2, 3):  # DictionaryBatch, RecordBatch
        return False
    batch = table_at(field(root, 2))
    if kind == 2:
        batch = table_at(field(batch, 1))
    return bool(field(batch, 3))

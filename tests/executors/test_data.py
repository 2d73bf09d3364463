"""Data across: what goes into a kernel comes out the same, and nothing but what is named crosses."""

from __future__ import annotations

from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest

from nbagents.errors import TransferError
from nbagents.executors import JupyterCodeExecutor, KernelExecutor
from nbagents.executors.in_kernel import codec, frames
from tests.executors.conftest import Run

DAYS = pandas.date_range("2024-03-30", periods=3, tz="Europe/Berlin")
FRAME = pandas.DataFrame(
    {
        "number": [1.5, None, 3],
        "category": pandas.Categorical(["x", "y", "x"], categories=["y", "x"], ordered=True),
        "when": DAYS,
        "nullable": pandas.array([1, None, 3], dtype="Int64"),
        "flag": pandas.array([True, None, False], dtype="boolean"),
        "text": ["ä", None, ""],
        "span": pandas.to_timedelta([1, 2, 3], unit="h"),
        "period": pandas.period_range("2024-01", periods=3, freq="M"),
    }
)
FRAMES = {
    "plain": FRAME,
    "index of dates": FRAME.set_index("when"),
    "index of two levels": FRAME.set_index(["text", "number"]),
    "named index": FRAME.rename_axis(index=5),
    "other order": FRAME.iloc[::-1],
    "columns of numbers": FRAME[["number", "text"]].set_axis([1, 2.5], axis=1),
    "columns of two types": FRAME[["number", "text"]].set_axis([1, "a"], axis=1),
    "columns of dates": FRAME[["number", "text", "flag"]].set_axis(DAYS, axis=1),
    "columns of two levels": FRAME[["number", "text"]].set_axis(
        pandas.MultiIndex.from_tuples([(1, 2), (1, 3)]), axis=1
    ),
    "columns of one name": FRAME[["number", "text"]].set_axis(["a", "a"], axis=1),
    "no rows": FRAME.iloc[:0],
    "no columns": FRAME[[]],
    "nothing": pandas.DataFrame(),
}
ARRAYS = {
    "matrix": numpy.arange(6).reshape(2, 3),
    "by columns": numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
    "text": numpy.array(["a", "bc"]),
    "dates": numpy.array(["2024-01-01"], dtype="M8[ns]"),
    "complex": numpy.array([1 + 2j]),
    "empty": numpy.zeros((0, 3)),
}


def there_and_back(value: Any, library: str = "pandas") -> Any:
    return codec.decode(*codec.encode(value), library)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_frames(frame: pandas.DataFrame) -> None:
    pandas.testing.assert_frame_equal(frame, there_and_back(frame))


@pytest.mark.parametrize("series", [FRAME["when"], FRAME["nullable"].rename(None), FRAME.set_index("text")["flag"]])
def test_series(series: pandas.Series) -> None:
    pandas.testing.assert_series_equal(series, there_and_back(series))


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_arrays(array: Any) -> None:
    back = there_and_back(array)

    assert back.dtype == array.dtype and back.shape == array.shape and (back == array).all()


@pytest.mark.parametrize("value", [None, True, 3, 2.5, float("inf"), "ä", [1, {"a": [None, "b"]}], {}])
def test_plain_values(value: Any) -> None:
    back = there_and_back(value)

    assert back == value and type(back) is type(value)


def test_other_libraries() -> None:
    frame = polars.DataFrame({"a": [1, 2], "b": ["x", None]})

    assert there_and_back(frame, "polars").equals(frame)
    assert there_and_back(frame["b"], "polars").equals(frame["b"])
    assert isinstance(there_and_back(frame), pandas.DataFrame)
    assert there_and_back(pyarrow.table({"a": [1]})).equals(pyarrow.table({"a": [1]}))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "object cannot cross"),
        ({1: 2}, "the key 1 is no str"),
        ([{"a": {1, 2}}], "a set in a list cannot cross"),
        (numpy.array([object()]), "dtype object"),
        (numpy.ma.array([1]), "plain numpy array"),
        (pandas.DataFrame({"o": [object()]}), "column 'o'"),
        (pandas.DataFrame({"m": [1, "a"]}), "column 'm'"),
        (pandas.DataFrame({("a", "b"): [1]}).set_axis(pandas.Index([object()]), axis=1), "the label"),
    ],
)
def test_what_cannot_cross_is_said(value: Any, said: str) -> None:
    with pytest.raises(codec.Refused, match=said):
        codec.encode(value)


def _compressed() -> bytes:
    table, sink = pyarrow.table({"a": [0] * 100_000}), pyarrow.BufferOutputStream()
    options = pyarrow.ipc.IpcWriteOptions(compression="zstd")
    with pyarrow.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


HOSTILE: dict[str, tuple[Any, list[bytes]]] = {
    "no kind": ({}, []),
    "no buffers": ({"kind": "json"}, []),
    "no JSON": ({"kind": "json"}, [b"{"]),
    "deep JSON": ({"kind": "json"}, [b"[" * 10**6]),
    "objects": ({"kind": "array", "dtype": "|O", "shape": [1]}, [b"12345678"]),
    "shape": ({"kind": "array", "dtype": "<i8", "shape": [10**9]}, [b"12345678"]),
    "dtype": ({"kind": "array", "dtype": "__import__('os')", "shape": [1]}, [b"12345678"]),
    "no arrow": ({"kind": "table", "library": "polars"}, [b"ARROW1 and more"]),
    "compressed": ({"kind": "table"}, [_compressed()]),
    "values that are repeated": (
        {"kind": "table"},
        [frames.ipc(pyarrow.table({"a": pyarrow.array([["x"]], pyarrow.list_(pyarrow.dictionary("i1", "str")))}))],
    ),
    "values that are shared": (
        {"kind": "table"},
        [frames.ipc(pyarrow.table({"a": pyarrow.array(["x"], pyarrow.string_view())}))],
    ),
    "only nulls": ({"kind": "table"}, [frames.ipc(pyarrow.table({"a": pyarrow.nulls(3 * 10**8)}))]),
    "rows": (
        {"kind": "frame", "length": 10**15, "rows": {"range": [0, 1, 1], "names": [None]}, "columns": {}},
        [frames.ipc(pyarrow.table({})), b"", b""],
    ),
}


@pytest.mark.parametrize(("header", "buffers"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_comes_back_is_checked(header: Any, buffers: list[bytes]) -> None:
    with pytest.raises(codec.Refused):
        codec.decode(header, buffers)


# Through a kernel -------------------------------------------------------------------------------------------


async def test_into_a_kernel_and_out(kernel: KernelExecutor, run: Run) -> None:
    await kernel.put({"df": FRAME, "n": 3, "grid": numpy.eye(2), "days": FRAME["when"]})
    result = await run(
        "print(n, grid.shape, days.dt.tz)\ntwice = pandas.concat([df, df]) if 'pandas' in globals() else df"
    )

    assert result.output == "3 (2, 2) Europe/Berlin\n"
    assert result.names is not None and result.names.created == ("twice",)
    pandas.testing.assert_frame_equal(await kernel.get("twice"), FRAME)
    assert await kernel.get("n") == 3
    await run("n += 1")
    assert await kernel.get("n") == 4


async def test_frames_come_back_as_the_library_that_went_in(kernel: KernelExecutor, run: Run) -> None:
    await kernel.put({"p": polars.DataFrame({"a": [1, 2]})})
    await run("q = p.head(1)")

    assert (await kernel.get("q")).equals(polars.DataFrame({"a": [1]}))


async def test_more_than_one_piece(kernel: KernelExecutor, run: Run) -> None:
    large = numpy.random.default_rng(1).integers(0, 255, 13_000_000, dtype="u1")
    await kernel.put({"large": large})

    assert ((await kernel.get("large")) == large).all()
    assert (await run("large.sum()")).output.strip() == repr(large.sum())


async def test_what_is_not_there_and_what_cannot_cross(kernel: KernelExecutor, run: Run) -> None:
    await run("here = 1; function = lambda: 0")

    with pytest.raises(TransferError, match=r"there is no 'gone' in the kernel; there are: .*here"):
        await kernel.get("gone")
    with pytest.raises(TransferError, match="'function': function cannot cross; what can cross are"):
        await kernel.get("function")
    with pytest.raises(TransferError, match="cannot be the name of a variable"):
        await kernel.put({"a b": 1})
    with pytest.raises(TransferError, match="'o': object cannot cross"):
        await kernel.put({"fine": 1, "o": object()})
    with pytest.raises(TransferError, match="no 'fine'"):
        await kernel.get("fine")


async def test_a_kernel_that_lies(kernel: KernelExecutor, run: Run) -> None:
    await kernel.get("__name__")
    lie = (
        "import _nbagents, sys; _nbagents.desk.get = lambda *a: _nbagents.watch.Answer({!r})\n"
        "_nbagents.desk.take = lambda *a: _nbagents.watch.Answer({{'piece': ''}})"
    )
    sizes = {"header": {"kind": "json"}, "sizes": ["many"], "key": 1, "total": 0}
    for answer in (sizes, {"key": 1, "total": 10**12}, {"key": 1, "total": 3}, 5, {"refused": ["x"]}, {"missing": 7}):
        await run(lie.format(answer))
        with pytest.raises(TransferError):
            await kernel.get("n")
    await kernel.restart()
    assert await kernel.get("__name__") == "__main__"


async def test_files_and_limits(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with JupyterCodeExecutor(data_limit=100_000) as executor:
        await executor.put_file("in/note.txt", b"hello")
        assert [(file.path, file.size) for file in await executor.list_files()] == [("in/note.txt", 5)]
        assert await executor.fetch("in/note.txt") == b"hello"
        await executor.put_file("empty", b"")
        assert await executor.fetch("empty") == b""
        for bad in ("/etc/passwd", "../x", "", "~/x", "a/../../x"):
            with pytest.raises(TransferError, match="work directory"):
                await executor.fetch(bad)
        (tmp_path / "link").symlink_to("/etc/passwd")
        with pytest.raises(TransferError, match="no such file"):
            await executor.fetch("link")
        (tmp_path / "large").write_bytes(b"x" * 200_000)
        with pytest.raises(TransferError, match=r"'large' is 0 MB, and 0 MB may cross"):
            await executor.fetch("large")
        with pytest.raises(TransferError, match="larger data_limit"):
            await executor.put({"a": numpy.zeros(100_000)})

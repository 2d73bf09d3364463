"""A block of code and what it did: the two values that agents, executors, the run and the screen pass on.

Names, and how they print and compare, are those of AutoGen's ``autogen_core.code_executor``; `CodeResult.outputs` and
`names` are ours: what the code showed, as a notebook would keep it, and what it did to the variables there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema, to_jsonable_python


@dataclass
class CodeBlock:
    """One block of code, as it stood between two fences."""

    code: str
    language: str


@dataclass(frozen=True, slots=True)
class NamesChange:
    """Which variables a block created, bound to something else, and deleted; sorted. In-place changes do not show."""

    created: tuple[str, ...] = ()
    rebound: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.created or self.rebound or self.deleted)

    @classmethod
    def of_all(cls, changes: Iterable[NamesChange | None]) -> Self | None:
        """What blocks that ran one after the other changed together; None where none of them told it."""
        told = [change for change in changes if change is not None]
        new, different, gone = set[str](), set[str](), set[str]()
        for change in told:
            again = gone & {*change.created}
            new |= {*change.created} - again
            different |= again | {*change.rebound} - new
            gone = (gone - again) | {*change.deleted} - new
            new -= {*change.deleted}
            different -= gone
        return cls(tuple(sorted(new)), tuple(sorted(different)), tuple(sorted(gone))) if told else None


@dataclass
class CodeResult:
    """What a block did.

    `output` is the text for people and models; `outputs` are nbformat v4 outputs (stream, display_data,
    execute_result, error) in the order in which they appeared; `names` are the variables that it changed, None where
    nobody knows. Two results are equal when exit code and output are.
    """

    exit_code: int
    output: str
    # By name only, so that a result of somebody's own executor may have a third field, as AutoGen's have.
    outputs: list[dict[str, Any]] = field(default_factory=list, repr=False, compare=False, kw_only=True)
    names: NamesChange | None = field(default=None, repr=False, compare=False, kw_only=True)

    def dump(self) -> dict[str, Any]:
        """As JSON; without `names` where nobody knows them."""
        return _without_unknown_names(self, to_jsonable_python)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        dumped = core_schema.wrap_serializer_function_ser_schema(_without_unknown_names)
        return cast("CoreSchema", {**handler(source), "serialization": dumped})


def _without_unknown_names(result: CodeResult, serialized: Callable[[CodeResult], dict[str, Any]]) -> dict[str, Any]:
    data = serialized(result)
    if result.names is None:
        data.pop("names", None)
    return data

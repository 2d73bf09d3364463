"""A block of code and what it did: the two values that agents, executors, the run and the screen pass on.

Names, and how they print and compare, are those of AutoGen's ``autogen_core.code_executor``; `CodeResult.outputs` and
`names` are ours: what the code showed, as a notebook would keep it, and what it did to the variables there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer


def alike(one: BaseModel, other: BaseModel) -> bool:
    """Whether they are equal in all that prints, which is what AutoGen's have: so a test written for those holds."""
    fields = (name for name, field in type(one).model_fields.items() if field.repr)
    return all(getattr(one, name) == getattr(other, name) for name in fields)


class CodeBlock(BaseModel):
    """One block of code, as it stood between two fences."""

    # By position too, as AutoGen's.
    def __init__(self, code: str, language: str, **more: Any) -> None:
        super().__init__(code=code, language=language, **more)

    def __str__(self) -> str:
        return repr(self)

    model_config = ConfigDict(defer_build=True)  # as the messages that hold it

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


class CodeResult(BaseModel):
    """What a block did.

    `output` is the text for people and models; `outputs` are nbformat v4 outputs (stream, display_data,
    execute_result, error) in the order in which they appeared; `names` are the variables that it changed, None where
    nobody knows.
    """

    def __init__(self, exit_code: int, output: str, **more: Any) -> None:
        super().__init__(exit_code=exit_code, output=output, **more)

    def __str__(self) -> str:
        return repr(self)

    model_config = ConfigDict(defer_build=True)

    exit_code: int
    output: str
    outputs: list[dict[str, Any]] = Field(default_factory=list, repr=False)
    names: NamesChange | None = Field(None, repr=False)

    def __eq__(self, other: object) -> bool:
        return alike(self, other) if type(other) is type(self) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    @model_serializer(mode="wrap")
    def _without_unknown_names(self, serialized: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = serialized(self)
        if self.names is None:
            data.pop("names", None)
        return data

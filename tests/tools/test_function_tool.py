"""`FunctionTool` and the schemas of tools: section 2.3 of the description, rule by rule."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from nbagents.cancellation import CancellationToken
from nbagents.errors import ConfigurationError
from nbagents.tools import Alias, FunctionTool, FunctionToolConfig, ImportFromModule, Tool, trusting_code


class Place(BaseModel):
    x: int
    y: Annotated[str, Field(description="why")] = "a"


class Route(BaseModel):
    """A way to somewhere."""

    to: str


class Colour(Enum):
    RED = "red"


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


def search(
    words: int,
    near: Annotated[str, "where to look"],
    place: Place,
    limit: float | None = None,
    order: Literal["new", "old"] = "new",
    cancellation_token: CancellationToken | None = None,
) -> str:
    return f"{words} {near} {place.x} {limit} {order} {cancellation_token is not None}"


def add(a: int, b: int = 2) -> int:
    return a + b


def properties(tool: FunctionTool) -> dict[str, Any]:
    return tool.schema["parameters"]["properties"]


class TestSchema:
    def test_is_read_from_the_annotations(self) -> None:
        schema = FunctionTool(search, "searches").schema

        assert (schema["name"], schema["description"], schema["strict"]) == ("search", "searches", False)
        assert schema["parameters"]["required"] == ["words", "near", "place"]
        assert schema["parameters"]["additionalProperties"] is False
        assert schema["parameters"]["properties"]["order"] == {
            "default": "new",
            "description": "order",
            "enum": ["new", "old"],
            "title": "Order",
            "type": "string",
        }

    def test_annotated_describes_an_argument_and_its_name_does_otherwise(self) -> None:
        said = properties(FunctionTool(search, ""))

        assert said["near"]["description"] == "where to look" and said["words"]["description"] == "words"

    def test_a_type_with_a_docstring_describes_the_argument_better_than_its_name(self) -> None:
        def plan(route: Route, colour: Colour, home: Annotated[Route, "the way back"]) -> str:
            return ""

        said = properties(FunctionTool(plan, ""))

        assert said["route"]["description"] == "A way to somewhere."
        assert said["home"]["description"] == "the way back"
        assert "description" not in said["colour"]

    def test_a_field_describes_an_argument_too(self) -> None:
        def find(what: Annotated[str, Field(description="the thing", max_length=3)]) -> str:
            return what

        assert properties(FunctionTool(find, ""))["what"]["description"] == "the thing"
        assert properties(FunctionTool(find, ""))["what"]["maxLength"] == 3

    def test_references_are_put_in_place(self) -> None:
        place = properties(FunctionTool(search, ""))["place"]

        assert place["properties"]["y"]["description"] == "why" and "$ref" not in str(place)

    def test_a_type_that_contains_itself_keeps_its_name(self) -> None:
        def plant(tree: Tree) -> str:
            return tree.name

        parameters = FunctionTool(plant, "").schema["parameters"]

        assert parameters["properties"]["tree"]["$ref"] == "#/$defs/Tree"
        assert parameters["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}

    def test_the_cancellation_token_is_hidden(self) -> None:
        assert "cancellation_token" not in properties(FunctionTool(search, ""))

    def test_strict_needs_every_argument_required(self) -> None:
        with pytest.raises(ValueError, match="Default arguments are not allowed in strict mode"):
            _ = FunctionTool(add, "", strict=True).schema

    def test_a_parameter_without_annotation_is_refused(self) -> None:
        def bare(a, b: int) -> int:  # type: ignore[no-untyped-def]  # that is the point
            return b

        with pytest.raises(ValueError, match="parameter 'a' of tool 'bare' has no annotation"):
            FunctionTool(bare, "")

    def test_a_type_that_is_not_found_is_refused(self) -> None:
        class Local(BaseModel):
            x: int

        def take(what: Local) -> int:
            return what.x

        with pytest.raises(ValueError, match=r"annotation of tool 'take' cannot be read: name 'Local'"):
            FunctionTool(take, "")

    def test_any_number_of_values_is_refused(self) -> None:
        def many(*words: str) -> str:
            return " ".join(words)

        with pytest.raises(ValueError, match="takes any number of values"):
            FunctionTool(many, "")

    def test_the_name_is_the_functions_unless_given(self) -> None:
        assert FunctionTool(add, "", name="plus").schema["name"] == "plus"
        assert FunctionTool(functools.partial(add, 1), "").name == "add"

    def test_the_return_type_is_what_annotated_describes(self) -> None:
        def count() -> Annotated[int, "how many"]:
            return 1

        assert FunctionTool(count, "counts").return_type() is int

    def test_what_a_partial_gives_is_not_asked_for(self) -> None:
        assert list(properties(FunctionTool(functools.partial(search, 1), ""))) == ["near", "place", "limit", "order"]


class TestRun:
    async def test_arguments_are_validated_and_converted(self) -> None:
        result = await FunctionTool(search, "").run_json(
            {"words": 3, "near": "here", "place": {"x": 1}}, CancellationToken()
        )

        assert result == "3 here 1 None new True"

    async def test_unfit_arguments_raise(self) -> None:
        with pytest.raises(ValidationError, match="valid integer"):
            await FunctionTool(add, "").run_json({"a": "q"}, CancellationToken())

    async def test_a_sync_function_runs_in_a_thread_with_the_callers_context(self) -> None:
        variable = contextvars.ContextVar("variable", default="none")
        variable.set("mine")

        def where() -> str:
            return f"{threading.current_thread() is threading.main_thread()} {variable.get()}"

        assert await FunctionTool(where, "").run_json({}, CancellationToken()) == "False mine"

    async def test_an_async_function_is_awaited(self) -> None:
        async def wait() -> str:
            await asyncio.sleep(0)
            return "done"

        assert await FunctionTool(wait, "").run_json({}, CancellationToken()) == "done"

    async def test_an_object_with_an_async_call_is_awaited(self) -> None:
        class Counter:
            async def __call__(self, by: int) -> int:
                return by + 1

        assert await FunctionTool(Counter(), "counts", name="count").run_json({"by": 1}, CancellationToken()) == 2

    async def test_cancelling_does_not_wait_for_a_busy_thread(self) -> None:
        begun, release = threading.Event(), threading.Event()

        def busy() -> None:
            begun.set()
            release.wait(20)

        token = CancellationToken()
        running = asyncio.ensure_future(FunctionTool(busy, "").run_json({}, token))
        await asyncio.to_thread(begun.wait, 5)

        token.cancel()

        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 1)
        release.set()

    @pytest.mark.parametrize(
        ("value", "text"),
        [(Place(x=1), '{"x": 1, "y": "a"}'), (3, "3"), ({"a": 1}, "{'a': 1}"), ("s", "s"), (None, "None")],
    )
    def test_a_value_as_text(self, value: Any, text: str) -> None:
        assert FunctionTool(add, "").return_value_as_string(value) == text

    def test_it_is_a_tool(self) -> None:
        assert isinstance(FunctionTool(add, ""), Tool)


class TestConfig:
    """Loading JSON never executes code that the JSON carries."""

    def test_is_autogens(self) -> None:
        config = FunctionTool(add, "adds", global_imports=["math"])._to_config()

        assert config.model_dump(exclude_none=True) == {
            "source_code": "def add(a: int, b: int = 2) -> int:\n    return a + b\n",
            "name": "add",
            "description": "adds",
            "global_imports": ["math"],
            "has_cancellation_support": False,
        }

    def test_source_is_not_executed(self) -> None:
        config = FunctionToolConfig(source_code="raise SystemExit('executed')", name="evil", description="")

        with pytest.raises(ConfigurationError, match="tool 'evil' carries Python source"):
            FunctionTool._from_config(config)

    def test_nor_are_its_imports(self) -> None:
        config = FunctionToolConfig(
            source_code="def f() -> int: return 1", name="evil", description="", global_imports=["antigravity"]
        )

        with pytest.raises(ConfigurationError, match="trusting_code"):
            FunctionTool._from_config(config)

    async def test_who_trusts_the_file_says_so(self) -> None:
        config = FunctionToolConfig(
            source_code="def root(a: float) -> str:\n    return f'{m.sqrt(a):.0f} {dumps([1])}'",
            name="root",
            description="root",
            global_imports=[Alias(name="math", alias="m"), ImportFromModule(module="json", imports=["dumps"])],
        )

        with trusting_code():
            tool = FunctionTool._from_config(config)

        assert await tool.run_json({"a": 9}, CancellationToken()) == "3 [1]"
        with pytest.raises(ConfigurationError):
            FunctionTool._from_config(config)

    def test_an_import_that_is_not_installed_is_said(self) -> None:
        config = FunctionToolConfig(
            source_code="def f() -> int: return 1", name="far", description="", global_imports=["no_such_package"]
        )

        with trusting_code(), pytest.raises(ConfigurationError, match=r"not installed: .*no_such_package"):
            FunctionTool._from_config(config)

    def test_imports_are_written_by_position_and_come_back(self) -> None:
        asked = [ImportFromModule("json", ["dumps", Alias("loads", "read")]), Alias("math", "m")]
        config = FunctionTool(add, "adds", global_imports=asked)._to_config()

        assert config.model_dump(mode="json")["global_imports"] == [
            {"module": "json", "imports": ["dumps", {"name": "loads", "alias": "read"}]},
            {"name": "math", "alias": "m"},
        ]
        assert FunctionToolConfig.model_validate_json(config.model_dump_json()).global_imports == asked
        assert len({*asked, *asked}) == 2

    def test_what_has_no_source_of_its_own_cannot_be_saved(self) -> None:
        with pytest.raises(ConfigurationError, match="partial"):
            FunctionTool(functools.partial(add, 1), "")._to_config()

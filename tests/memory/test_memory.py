"""What lasts beyond a conversation: section 2.4 of the description, and the vector memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent  # noqa: F401 - a name of this module that it does not define

import pytest

from nbagents.errors import ConfigurationError, UntrustedProvider
from nbagents.memory import (
    ListMemory,
    Memory,
    MemoryContent,
    MemoryMimeType,
    UnboundedChatCompletionContext,
    VectorMemory,
)
from nbagents.memory.vector_store import VectorStore
from nbagents.models import SystemMessage, UserMessage

TEXT = MemoryMimeType.TEXT
TOPICS = ("tea", "train", "tax")


class Elsewhere:
    """Of no type that pydantic knows."""


def remember(text: str) -> MemoryContent:
    return MemoryContent(content=text, mime_type=TEXT)


def topics(texts: Sequence[str]) -> list[list[float]]:
    """A vector of how often each topic is named; a little of everything, so that none is zero."""
    return [[text.count(topic) + 0.01 for topic in TOPICS] for text in texts]


async def shorter(texts: Sequence[str]) -> list[list[float]]:
    """Vectors of another length."""
    return [[1.0, 2.0] for _ in texts]


def user(text: str) -> UserMessage:
    return UserMessage(content=text, source="user")


class TestMemoryContent:
    def test_its_mime_type_is_text_in_json(self) -> None:
        dumped = MemoryContent(content="a", mime_type=MemoryMimeType.MARKDOWN).model_dump()

        assert dumped == {"content": "a", "mime_type": "text/markdown", "metadata": None}

    def test_a_subclass_may_hold_any_object(self) -> None:
        class Placed(MemoryContent):
            where: Elsewhere

        where = Elsewhere()
        assert Placed(content="tea", mime_type=TEXT, where=where).where is where

    def test_any_other_mime_type_is_kept(self) -> None:
        assert MemoryContent(content=b"ab", mime_type="x/y").model_dump()["mime_type"] == "x/y"


class TestListMemory:
    async def test_tells_everything_in_order(self) -> None:
        memory, context = ListMemory(memory_contents=[remember("first")]), UnboundedChatCompletionContext()
        await memory.add(remember("second"))

        told = await memory.update_context(context)

        (message,) = await context.get_messages()
        assert isinstance(message, SystemMessage)
        assert message.content.index("1. first") < message.content.index("2. second")
        assert [item.content for item in told.memories.results] == ["first", "second"]

    async def test_is_told_once_however_many_turns_there_are(self) -> None:
        memory, context = ListMemory(memory_contents=[remember("tea")]), UnboundedChatCompletionContext()

        for turn in range(3):
            await context.add_message(user(f"turn {turn}"))
            await memory.update_context(context)

        messages = await context.get_messages()
        assert [message.type for message in messages] == ["SystemMessage", *["UserMessage"] * 3]

    async def test_what_changed_takes_the_place_of_what_was_told(self) -> None:
        memory, context = ListMemory(memory_contents=[remember("tea")]), UnboundedChatCompletionContext()
        await memory.update_context(context)
        await memory.clear()
        await memory.add(remember("coffee"))

        await memory.update_context(context)

        (message,) = await context.get_messages()
        assert "coffee" in str(message.content) and "tea" not in str(message.content)

    async def test_nothing_remembered_is_nothing_told(self) -> None:
        memory, context = ListMemory(), UnboundedChatCompletionContext()

        told = await memory.update_context(context)

        assert await context.get_messages() == [] and told.memories.results == []

    async def test_two_memories_are_both_told(self) -> None:
        context = UnboundedChatCompletionContext()

        for text in ("tea", "coffee"):
            await ListMemory(memory_contents=[remember(text)]).update_context(context)

        assert len(await context.get_messages()) == 2

    async def test_a_query_finds_everything(self) -> None:
        memory = ListMemory(memory_contents=[remember("a"), remember("b")])

        assert [item.content for item in (await memory.query("whatever")).results] == ["a", "b"]

    async def test_state_restores_it(self) -> None:
        memory, other = ListMemory(memory_contents=[remember("a")]), ListMemory(memory_contents=[remember("z")])

        await other.load_state(await memory.save_state())

        assert other.content == [remember("a")]

    def test_its_name_and_config_are_autogens(self) -> None:
        assert ListMemory().name == "default_list_memory"
        assert ListMemory("n", [remember("a")])._to_config().model_dump() == {
            "name": "n",
            "memory_contents": [{"content": "a", "mime_type": "text/plain", "metadata": None}],
        }


class TestVectorMemory:
    @pytest.fixture(autouse=True)
    def _closed(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """From Python 3.13 on a database that nobody closed is warned of."""
        begun: list[VectorStore] = []
        begin = VectorStore.__init__

        def begins(store: VectorStore, path: Path | None) -> None:
            begin(store, path)
            begun.append(store)

        monkeypatch.setattr(VectorStore, "__init__", begins)
        yield
        for store in begun:
            store.close()

    async def filled(self, **options: object) -> VectorMemory:
        memory = VectorMemory(topics, **options)  # type: ignore[arg-type]  # each test names its own
        for text in ("green tea at four", "the train leaves at nine", "tax is due in May"):
            await memory.add(remember(text))
        return memory

    async def test_finds_the_nearest_first(self) -> None:
        found = (await (await self.filled(k=2)).query("which train?")).results

        assert found[0].content == "the train leaves at nine" and len(found) == 2
        assert found[0].metadata is not None and found[0].metadata["score"] > 0.9

    async def test_leaves_out_what_is_too_far(self) -> None:
        memory = await self.filled(score_threshold=0.5)

        assert [item.content for item in (await memory.query("tea?")).results] == ["green tea at four"]

    async def test_tells_what_fits_the_latest_message_in_place_of_what_was_told(self) -> None:
        memory, context = await self.filled(k=1), UnboundedChatCompletionContext()

        for question in ("which train?", "how much tax?"):
            await context.add_message(user(question))
            await memory.update_context(context)

        first, *rest = await context.get_messages()
        assert isinstance(first, SystemMessage) and "tax is due in May" in first.content
        assert "train" not in first.content and len(rest) == 2

    async def test_an_empty_memory_finds_nothing(self) -> None:
        assert (await VectorMemory(topics).query("tea")).results == []

    async def test_fewer_than_one_is_an_error(self) -> None:
        memory = await self.filled()
        with pytest.raises(ValueError, match="k is 0: expected at least 1"):
            await memory.query("tea", k=0)

    async def test_a_file_keeps_it(self, tmp_path: Path) -> None:
        memory = await self.filled(path=tmp_path / "memory.db")
        await memory.close()

        again = VectorMemory(topics, path=tmp_path / "memory.db", k=1)

        assert [item.content for item in (await again.query("tea")).results] == ["green tea at four"]
        assert await again.save_state() == {}
        await again.close()

    async def test_without_a_file_it_is_part_of_the_state(self) -> None:
        memory, other = await self.filled(), VectorMemory(topics, k=1)

        await other.load_state(await memory.save_state())

        assert [item.content for item in (await other.query("tax")).results] == ["tax is due in May"]

    async def test_clear_forgets_everything_and_another_embed_may_follow(self, tmp_path: Path) -> None:
        memory = await self.filled(path=tmp_path / "memory.db")
        other = VectorMemory(shorter, path=tmp_path / "memory.db")

        await memory.clear()

        assert (await memory.query("tea")).results == []
        await other.add(remember("tea"))
        assert len((await other.query("tea")).results) == 1
        await asyncio.gather(memory.close(), other.close())

    async def test_two_on_one_file_know_what_the_other_has_learnt_and_forgotten(self, tmp_path: Path) -> None:
        ours, theirs = (VectorMemory(topics, path=tmp_path / "memory.db", k=1) for _ in "ab")
        await ours.add(remember("green tea at four"))
        assert [item.content for item in (await theirs.query("tea")).results] == ["green tea at four"]
        await theirs.add(remember("the train leaves at nine"))
        assert [item.content for item in (await ours.query("train")).results] == ["the train leaves at nine"]

        await theirs.clear()
        assert (await ours.query("tea")).results == []
        await theirs.add(remember("tax is due in May"))  # in the place of the tea
        (found,) = (await ours.query("tea")).results
        assert found.content == "tax is due in May" and (found.metadata or {})["score"] < 0.1
        await asyncio.gather(ours.close(), theirs.close())

    async def test_what_is_known_stays_where_a_state_cannot_be_restored(self) -> None:
        async def fails(texts: Sequence[str]) -> list[list[float]]:
            if len(texts) > 1:
                raise ConnectionError("no server")
            return topics(texts)

        memory = VectorMemory(fails)
        await memory.add(remember("green tea at four"))
        with pytest.raises(ConnectionError):
            await memory.load_state(await (await self.filled()).save_state())

        assert len((await memory.query("tea")).results) == 1
        await memory.load_state({"contents": []})
        assert (await memory.query("tea")).results == []

    async def test_an_embed_of_another_length_is_refused(self, tmp_path: Path) -> None:
        await (await self.filled(path=tmp_path / "memory.db")).close()

        other = VectorMemory(shorter, path=tmp_path / "memory.db")
        with pytest.raises(ConfigurationError, match="a vector of 2 numbers, but 3 are kept"):
            await other.query("tea")
        await other.close()

    async def test_what_has_no_text_is_refused(self) -> None:
        with pytest.raises(ValueError, match="remember a description"):
            await VectorMemory(topics).add(MemoryContent(content=b"\x00", mime_type=MemoryMimeType.BINARY))

    async def test_many_may_ask_and_add_at_once(self) -> None:
        memory = await self.filled()

        await asyncio.gather(
            *(memory.add(remember(f"tea {n}")) for n in range(20)), *(memory.query("x") for _ in "abc")
        )

        assert len((await memory.query("tea", k=50)).results) == 23

    async def test_its_config_names_its_embed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NBAGENTS_ALLOWED_PROVIDER_NAMESPACES", __name__.partition(".")[0])
        memory = VectorMemory(topics, path=tmp_path / "kept.db", k=2, name="mine")
        await memory.add(remember("tea"))
        await memory.close()
        said = memory.dump_component().model_dump(mode="json")
        assert said["provider"] == "nbagents.memory.VectorMemory" and said["config"]["embed"] == f"{__name__}:topics"
        loaded = Memory.load_component(said)
        assert isinstance(loaded, VectorMemory) and (loaded.name, loaded.path) == ("mine", memory.path)
        assert [item.content for item in (await loaded.query("a tea")).results] == ["tea"]
        await loaded.close()

    def test_an_embed_without_a_name_is_not_saved(self) -> None:
        with pytest.raises(ConfigurationError, match="top level of a module"):
            VectorMemory(lambda texts: topics(texts)).dump_component()

    @pytest.mark.parametrize(
        ("embed", "error"),
        [
            ("subprocess:call", UntrustedProvider),
            ("os:system", UntrustedProvider),
            ("nbagents.cli:main", ConfigurationError),
            ("__main__:nothing", ConfigurationError),
            (f"{__name__}:Path", ConfigurationError),
            (f"{__name__}:dedent", ConfigurationError),
        ],
    )
    def test_only_a_function_of_a_module_that_is_allowed_is_taken(
        self, embed: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NBAGENTS_ALLOWED_PROVIDER_NAMESPACES", __name__.partition(".")[0])
        with pytest.raises(error):
            VectorMemory.load_component({"provider": "nbagents.memory.VectorMemory", "config": {"embed": embed}})

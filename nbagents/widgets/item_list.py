"""The items of a transcript in their order, and which block an entry of the journal is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .code_split import Fence, Prose, split_at_code
from .items import Block, BlockState, Item, Said

LOOK_BACK = 10
"""So many texts back an executor's code is looked for in what others wrote."""

AnyItem = TypeVar("AnyItem", bound=Item)


class ItemList:
    """Items in the order in which they are shown.

    Attributes:
        changed: the ids of those that a screen must show anew.
        turn: the turn of those that come now; 0 before the first.
    """

    def __init__(self) -> None:
        self.all: list[Item] = []
        self.changed: set[str] = set()
        self.turn = 0
        self._made = 0

    @property
    def blocks(self) -> list[Block]:
        """All blocks, in the order in which they are shown."""
        return [item for item in self.all if isinstance(item, Block)]

    def new_id(self, kind: str) -> str:
        """An id that no other item of this transcript has."""
        self._made += 1
        return f"{kind}-{self._made}"

    def add(self, item: AnyItem) -> AnyItem:
        """Append `item` and return it."""
        self.all.append(item)
        self.changed.add(item.id)
        return item

    def touch(self, item: Item) -> None:
        """Say that `item` changed."""
        self.changed.add(item.id)

    def last_of(self, agent: str) -> Item | None:
        """The latest item of `agent`."""
        return next((item for item in reversed(self.all) if item.agent == agent), None)

    def new_block(self, agent: str, code: str, language: str) -> Block:
        """A block with the next number; not yet in the list."""
        return Block(self.new_id("block"), self.turn, agent, len(self.blocks) + 1, code, language)

    def block_for(self, agent: str, code: str, language: str, states: Sequence[BlockState]) -> Block:
        """The block of `agent` with this code, in the first of `states` that has one; else a new one."""
        for state in states:
            for block in self.blocks:
                if (block.agent, block.state, block.code) == (agent, state, code):
                    return block
        block = self.new_block(agent, code, language)
        if not self._cut_out_of_text(block):
            self.add(block)
        return block

    def skip_open_blocks(self, agent: str | None, reason: str) -> None:
        """The blocks of `agent` (None: of all) that were not begun will not run."""
        for block in self.blocks:
            if block.state in ("proposed", "waiting", "approved") and agent in (None, block.agent):
                block.state, block.reason = "skipped", reason
                self.touch(block)

    def _cut_out_of_text(self, block: Block) -> bool:
        """Where an executor runs what another agent wrote, the code moves out of that text into its block."""
        texts = [item for item in self.all if isinstance(item, Said)]
        for said in reversed(texts[-LOOK_BACK:]):
            parts = split_at_code(said.markdown, [block.code])
            if Fence(0) not in parts:
                continue
            at = self.all.index(said)
            self.all[at : at + 1] = pieces = self._pieces(said, parts, block)
            self.changed |= {said.id, *(piece.id for piece in pieces)}
            return True
        return False

    def _pieces(self, said: Said, parts: Sequence[Prose | Fence], block: Block) -> list[Item]:
        pieces: list[Item] = []
        for part in parts:
            if isinstance(part, Fence):
                pieces.append(block)
            else:
                # The first piece keeps the id, so that a screen replaces the text by it.
                id = self.new_id("said") if any(isinstance(piece, Said) for piece in pieces) else said.id
                pieces.append(Said(id, said.turn, said.agent, part.markdown, said.message))
        return pieces

"""How a notebook shows a run: one reader of the journal, one renderer, a live widget and the block that is saved."""

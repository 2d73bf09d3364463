"""How a notebook says it: the magics, their arguments, front matter and completion."""

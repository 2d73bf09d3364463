"""Sphinx's settings for these pages: MyST markdown, one page per concept. `make docs` builds them."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "nbagents"
author = "nbagents contributors"
copyright = "2026, nbagents contributors"
release = version = installed_version("nbagents")

extensions = ["myst_parser"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"nbagents {release}"

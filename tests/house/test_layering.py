"""A room imports only rooms of its own floor or below, and only the upper floors know of Jupyter."""

from __future__ import annotations

from tests.house.imports import PACKAGE, Import, imports_of_package, room_of

FLOORS = {
    1: [
        "autogen_names",
        "autogen_private_names",
        "cancellation",
        "code",
        "component",
        "errors",
        "image",
        "io_thread",
        "messages",
        "models",
        "secret_rules",
        "state",
        "tools",
        "waiting",
    ],
    2: ["executors"],
    3: ["runtime", "memory"],
    4: ["agents", "conditions", "teams", "ui"],
    5: ["kernel"],
    6: ["widgets"],
    7: ["magics", "compat", "cli", "sandbox_commands", "doctor", "demo", "__main__"],
    8: ["__init__"],  # the front door: it names what is public, and imports it when it is asked for
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
KERNEL_FLOOR = FLOOR_OF["kernel"]
NOTEBOOK_LIBRARIES = {"IPython", "ipykernel", "ipywidgets", "anywidget", "comm"}


def target_room(found: Import) -> str | None:
    """The room of ours that an import names; None for other people's modules and for the package itself."""
    parts = found.module.split(".")
    if parts[0] != "nbagents" or len(parts) == 1:
        return None
    room = parts[1]
    is_module = (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()
    return room if is_module else None


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(file) for file in PACKAGE.rglob("*.py")}

    unknown = rooms - FLOOR_OF.keys()
    assert not unknown, f"{sorted(unknown)} stand on no floor: add them to FLOORS in {__file__}"


def test_a_room_imports_only_its_own_floor_or_below() -> None:
    wrong = []
    for found in imports_of_package():
        room, target = room_of(found.file), target_room(found)
        if target is not None and FLOOR_OF[target] > FLOOR_OF[room]:
            wrong.append(f"{found} (floor {FLOOR_OF[room]} imports floor {FLOOR_OF[target]})")

    assert not wrong, "\n".join(wrong)


def test_only_the_kernel_and_above_know_of_jupyter() -> None:
    wrong = [
        str(found)
        for found in imports_of_package()
        if found.top in NOTEBOOK_LIBRARIES and FLOOR_OF[room_of(found.file)] < KERNEL_FLOOR
    ]

    assert not wrong, "\n".join(wrong)


def test_below_the_kernel_only_executors_talk_to_kernels() -> None:
    wrong = [
        str(found)
        for found in imports_of_package()
        if found.top == "jupyter_client"
        and FLOOR_OF[room_of(found.file)] < KERNEL_FLOOR
        and room_of(found.file) != "executors"
    ]

    assert not wrong, "\n".join(wrong)

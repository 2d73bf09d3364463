"""Clicks reach a run in every state of the kernel, in order, and touch nothing of the user's."""

from __future__ import annotations

import time

import pytest

from tests.kernel.notebook import Notebook

pytestmark = pytest.mark.asyncio(loop_scope="module")

WIDGET = """
import threading
from comm import create_comm
kernel = get_ipython().kernel
tap = CommTap.of(kernel)
loop = asyncio.get_running_loop()
got, clicked, threads = [], asyncio.Event(), set()
widget = create_comm(target_name="test.widget")
def apply(content): got.append(content); clicked.set()
def on_click(content, buffers):
    threads.add(threading.current_thread().name)
    loop.call_soon_threadsafe(apply, content)
tap.register(widget.comm_id, on_click)
print(widget.comm_id)
"""


async def widget(notebook: Notebook) -> str:
    """A new comm of ours in the kernel; its id."""
    run = await notebook.run(WIDGET)
    assert not run.errors, run.errors
    return run.text.strip()


def click(notebook: Notebook, comm_id: str, content: object, subshell: str | None = None) -> None:
    notebook.send_comm(comm_id, {"method": "custom", "content": content}, subshell=subshell)


async def subshell(notebook: Notebook) -> str:
    """As JupyterLab makes one for each comm target."""
    reply = await notebook.control("create_subshell_request")
    return str(reply["content"]["subshell_id"])


async def test_mode(notebook: Notebook, thread_mode: bool) -> None:
    run = await notebook.run(
        "tap = CommTap.of(get_ipython().kernel); print(tap.mode, CommTap.of(get_ipython().kernel) is tap)"
    )
    assert run.text == ("shell-channel-thread True\n" if thread_mode else "main-loop True\n")


async def test_a_click_arrives_while_a_cell_awaits(notebook: Notebook, thread_mode: bool) -> None:
    comm_id = await widget(notebook)
    for shell in [None, await subshell(notebook)] if thread_mode else [None]:
        run = notebook.start_cell("clicked.clear(); print('waiting', flush=True); await clicked.wait(); print(got[-1])")
        await run.shows("waiting")
        clicked = time.monotonic()
        click(notebook, comm_id, {"t": "reply"}, shell)
        await run.ends()
        assert time.monotonic() - clicked < 1
        assert "{'t': 'reply'}" in run.text


async def test_a_click_arrives_in_a_background_task(notebook: Notebook) -> None:
    comm_id = await widget(notebook)
    await notebook.run("async def wait(): await clicked.wait(); return got[-1]\ntask = asyncio.create_task(wait())")
    click(notebook, comm_id, {"t": "late"})
    assert (await notebook.run("print(await task)")).text == "{'t': 'late'}\n"


async def test_a_click_arrives_while_the_main_thread_is_blocked(notebook: Notebook, thread_mode: bool) -> None:
    """On 6.x it waits until the cell ends, on 7.4 it arrives at once, whichever shell it was addressed to."""
    comm_id = await widget(notebook)
    for shell in [None, await subshell(notebook)] if thread_mode else [None]:
        run = notebook.start_cell(
            "seen = threading.Event()\ntap.register(widget.comm_id, lambda content, buffers: seen.set())\n"
            "print('blocked', flush=True); print(seen.wait(1.5))"
        )
        await run.shows("blocked")
        click(notebook, comm_id, {}, shell)
        await run.ends()
        assert run.text == f"blocked\n{thread_mode}\n"
    assert await notebook.value("await asyncio.sleep(0); print(json.dumps(seen.is_set()))") is True


async def test_order_is_kept_among_other_messages(notebook: Notebook, thread_mode: bool) -> None:
    comm_id = await widget(notebook)
    run = notebook.start_cell(
        "print('waiting', flush=True)\nwhile len(got) < 200: await clicked.wait(); clicked.clear()"
    )
    await run.shows("waiting")
    shell = await subshell(notebook) if thread_mode else None
    for n in range(200):
        click(notebook, comm_id, {"n": n}, shell if n % 3 else None)
        if n % 5 == 0:
            notebook.client.complete("prin")
        if n % 7 == 0:
            notebook.send_comm("nobody", {"method": "update", "state": {}})
    await run.ends()
    assert await notebook.value("print(json.dumps([c['n'] for c in got]))") == list(range(200))


async def test_the_users_half_built_figure_survives_a_click(notebook: Notebook) -> None:
    comm_id = await widget(notebook)
    run = notebook.start_cell(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nprint('waiting', flush=True)\n"
        "await clicked.wait(); n = plt.get_fignums()\nplt.title('whole')\nprint(n)"
    )
    await run.shows("waiting")
    click(notebook, comm_id, {})
    await run.ends()
    assert run.text.endswith("[1]\n")
    assert len(run.displays) == 1


async def test_buffers_come_along(notebook: Notebook) -> None:
    comm_id = await widget(notebook)
    await notebook.run(
        "data = asyncio.Event()\ndef on_data(content, buffers):\n    global kept\n"
        "    kept = [bytes(b) for b in buffers]; loop.call_soon_threadsafe(data.set)\n"
        "tap.register(widget.comm_id, on_data)"
    )
    message = notebook.client.session.msg("comm_msg", {"comm_id": comm_id, "data": {"method": "custom", "content": {}}})
    message["buffers"] = [b"abc"]
    notebook.client.session.send(notebook.client.shell_channel.socket, message, buffers=[b"abc"])
    assert (await notebook.run("await data.wait(); print(kept)")).text == "[b'abc']\n"


async def test_messages_of_others_go_the_ordinary_way(notebook: Notebook) -> None:
    """Also while a cell awaits: 7.4 dispatches them by itself, on 6.x the tap does."""
    await notebook.run(
        "CommTap.of(get_ipython().kernel)\nother, heard = create_comm(target_name='other'), asyncio.Event()\n"
        "said = []\nother.on_msg(lambda m: (said.append(m['content']['data']), heard.set()))"
    )
    comm_id = (await notebook.run("print(other.comm_id)")).text.strip()
    run = notebook.start_cell("print('waiting', flush=True)\nawait heard.wait()\nprint(said); print('in the cell')")
    await run.shows("waiting")
    notebook.send_comm(comm_id, {"method": "update", "state": {"value": 1}})
    await run.ends()
    assert run.text == "waiting\n[{'method': 'update', 'state': {'value': 1}}]\nin the cell\n"


async def test_trait_sync_of_our_widgets_goes_the_ordinary_way(notebook: Notebook) -> None:
    comm_id = await widget(notebook)
    await notebook.run("synced = []\nwidget.on_msg(lambda m: synced.append(m['content']['data']['method']))")
    notebook.send_comm(comm_id, {"method": "update", "state": {}})
    click(notebook, comm_id, {})
    assert await notebook.value("await clicked.wait(); print(json.dumps([synced, len(got)]))") == [["update"], 1]


async def test_comms_opened_while_a_cell_awaits_get_what_is_sent_to_them(notebook: Notebook) -> None:
    """A page that is reloaded opens a comm and uses it at once."""
    await notebook.run(
        "opened, told = [], asyncio.Event()\n"
        "def on_open(comm, message):\n"
        "    comm.on_msg(lambda m: (opened.append(m['content']['data']['n']), "
        "m['content']['data']['n'] == 9 and told.set()))\n"
        "CommTap.of(get_ipython().kernel)\nget_ipython().kernel.comm_manager.register_target('reloaded', on_open)"
    )
    run = notebook.start_cell("print('waiting', flush=True)\nawait told.wait()\nprint(opened)")
    await run.shows("waiting")
    notebook.send_comm("new", {}, kind="comm_open", target_name="reloaded")
    for n in range(10):
        notebook.send_comm("new", {"n": n})
    await run.ends()
    assert run.text.splitlines()[-1] == str(list(range(10)))


async def test_a_handler_that_raises_stops_nothing(notebook: Notebook) -> None:
    comm_id = await widget(notebook)
    await notebook.run("tap.register(widget.comm_id, lambda c, b: 1 / 0)")
    click(notebook, comm_id, {})
    await notebook.run("tap.register(widget.comm_id, on_click)")
    click(notebook, comm_id, {"n": 1})
    assert await notebook.value("await clicked.wait(); print(json.dumps(got))") == [{"n": 1}]


async def test_a_forged_message_is_refused(notebook: Notebook) -> None:
    comm_id = await widget(notebook)
    key, notebook.client.session.key = notebook.client.session.key, b"wrong"
    click(notebook, comm_id, {"t": "forged"})
    notebook.client.session.key = key
    click(notebook, comm_id, {"t": "true"})
    assert await notebook.value("await clicked.wait(); print(json.dumps(got))") == [{"t": "true"}]


async def test_stop_by_a_click_ends_a_block_on_the_main_thread(notebook: Notebook, thread_mode: bool) -> None:
    """Only where messages arrive while the main thread is blocked; elsewhere it is what ■ is for."""
    if not thread_mode:
        pytest.skip("on ipykernel 6 no message arrives while the main thread is blocked")
    comm_id = await widget(notebook)
    await notebook.run("stop = CancellationToken()\ntap.register(widget.comm_id, lambda c, b: stop.cancel())")
    run = notebook.start_cell(
        "try:\n    await block('widget.send({}); \\nwhile True: pass', token=stop)\n"
        "except asyncio.CancelledError:\n    print('stopped')"
    )
    await notebook.comm_message("comm_msg", comm_id)
    clicked = time.monotonic()
    click(notebook, comm_id, {})
    await run.ends()
    assert time.monotonic() - clicked < 1
    assert run.text == "stopped\n"
    assert await notebook.value("print(1)") == 1


async def test_uninstall_gives_the_stream_back(notebook: Notebook) -> None:
    comm_id = await widget(notebook)
    run = await notebook.run(
        "ordinary = []\nwidget.on_msg(lambda m: ordinary.append(m['content']['data']['content']))\n"
        "tap.uninstall(); tap.uninstall()\nprint(tap.mode, '|', tap.reason)"
    )
    assert run.text == "none | it was uninstalled\n"
    click(notebook, comm_id, {"n": 1})
    assert await notebook.value("print(json.dumps([ordinary, got]))") == [[{"n": 1}], []]
    assert (
        await notebook.run("print(CommTap.of(kernel) is tap, CommTap.of(kernel).mode != 'none')")
    ).text == "False True\n"


async def test_a_kernel_without_the_names_keeps_the_ordinary_way(notebook: Notebook) -> None:
    run = await notebook.run(
        "class Old: shell_stream = object(); shell_channel_thread = None\n"
        "class Odd: shell_stream = object(); shell_channel_thread = object()\n"
        "class Bare: pass\n"
        "for kernel in (None, Old(), Odd(), Bare()):\n    tap = CommTap.of(kernel)\n"
        "    print(tap.mode, bool(tap.reason))"
    )
    assert run.text == "none True\n" * 4, run.errors

"""■ and Stop reach a run in any state, and hit nothing else."""

from __future__ import annotations

import re
import time

import pytest

from tests.kernel.notebook import Notebook

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPINS = {
    "loop": "print('spinning', file=sys.__stderr__)\nready()\nwhile True: pass",
    "sleep": "import time; ready(); time.sleep(60)",
    "async": "await asyncio.sleep(0); ready()\nwhile True: pass",
    "task": "async def spin():\n    ready()\n    while True: pass\nawait asyncio.gather(spin())",
    "print": "ready()\nwhile True: print('x')",
    "swallow": "ready()\nwhile True:\n    try:\n        while True: pass\n    except Exception: pass",
    "destructor": "class D:\n    def __del__(self): ready(); time.sleep(0.2)\nD()\nwhile True: time.sleep(1)",
    "repr": "class Slow:\n    def __repr__(self):\n        ready()\n        while True: pass\nSlow()",
}
READY = """
import sys
from comm import create_comm
signals = create_comm(target_name="test.signals")
def ready(): signals.send({"ready": True})
"""


async def ready(notebook: Notebook) -> None:
    await notebook.comm_message("comm_msg")


@pytest.fixture(autouse=True)
def _no_old_messages(notebook: Notebook) -> None:
    notebook.comms.clear()


@pytest.mark.parametrize("spin", SPINS)
@pytest.mark.parametrize("message", [False, True], ids=["signal", "interrupt_request"])
async def test_interrupt_stops_a_block_that_spins(notebook: Notebook, spin: str, message: bool) -> None:
    await notebook.run(READY)
    run = notebook.start_cell(
        f"try:\n    await block({SPINS[spin]!r})\nexcept asyncio.CancelledError as error:\n    print(repr(error))"
    )
    await ready(notebook)
    pressed = time.monotonic()
    if message:
        await notebook.control("interrupt_request")
    else:
        await notebook.interrupt()
    await run.ends()
    assert run.text == "CancelledError('interrupted')\n", run.errors
    assert await notebook.value("print(1)") == 1
    assert time.monotonic() - pressed < 1


async def test_a_signal_that_came_just_before_a_sleep_ends_it(notebook: Notebook) -> None:
    """`interrupt_main` notes a signal and wakes nobody, as one does that comes on the way into the system call."""
    code = "import _thread, threading\nthreading.Timer(0.3, _thread.interrupt_main).start()\ntime.sleep(60)"
    began = time.monotonic()
    run = await notebook.run(
        f"try:\n    await block({code!r})\nexcept asyncio.CancelledError as error:\n    print(repr(error))"
    )
    assert run.text == "CancelledError('interrupted')\n", run.errors
    assert time.monotonic() - began < 1.3


SPIN_AFTER_AWAIT = """
import contextvars, signal
loop, future = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
def both():
    signal.raise_signal(signal.SIGINT)
    future.set_result(None)
loop.call_later(0.1, both, context=contextvars.Context())
await future
while True: pass
"""


@pytest.mark.parametrize(
    "cell",
    [
        "signal.raise_signal(signal.SIGINT)\n    await block('while True: pass')",
        "signal.raise_signal(signal.SIGINT)\n    await asyncio.create_task(block('await x()\\nwhile True: pass'))",
        f"await block({SPIN_AFTER_AWAIT!r})",
    ],
    ids=["before it begins", "before its task begins", "before it goes on"],
)
async def test_an_interrupt_just_before_a_block_takes_the_loop_ends_it(notebook: Notebook, cell: str) -> None:
    """The cell's cancellation is on its way, and would arrive when the block gives the loop back: never."""
    began = time.monotonic()
    run = await notebook.run(f"import signal\nasync def x(): pass\nasync with ticking():\n    {cell}")
    assert run.errors[0]["ename"] == "CancelledError"
    assert time.monotonic() - began < 1.1


async def test_an_interrupt_that_is_lost_in_the_last_line_of_a_block_counts(notebook: Notebook) -> None:
    """Python drops what is raised in a weak reference's callback; the block has ended before it can strike again."""
    code = (
        "import signal, weakref\nclass X: pass\nx = X()\n"
        "r = weakref.ref(x, lambda _: signal.raise_signal(signal.SIGINT))\ndel x"
    )
    run = await notebook.run(f"await block({code!r})")
    assert run.errors[0]["ename"] == "CancelledError"


async def test_an_alarm_rings_for_nobody_else(notebook: Notebook) -> None:
    """Set in the moment before its start or after its end: without a handler it would end the kernel."""
    await notebook.run(
        "from nbagents.kernel.alarm import new_alarm\nalarm = new_alarm(lambda *_: None)\nalarm.set(0.01, 0.01)\n"
        "time.sleep(0.1)\nalarm.start(0, 1)\nalarm.cancel()\nalarm.set(0.01, 0.01)\ntime.sleep(0.1)"
    )
    assert await notebook.value("import signal; print(json.dumps(signal.getitimer(signal.ITIMER_REAL)))") == [0, 0]


async def test_what_cleans_up_is_not_struck_by_the_interrupt_that_ended_its_block(notebook: Notebook) -> None:
    await notebook.run(READY)
    code = (
        "cleaned = False\nasyncio.get_running_loop().call_soon(ready)\n"
        "try:\n    await asyncio.sleep(60)\nfinally:\n    time.sleep(0.4); cleaned = True"
    )
    run = notebook.start_cell(f"async with ticking():\n    await block({code!r})")
    await ready(notebook)
    await notebook.interrupt()
    await run.ends()
    assert run.errors[0]["ename"] == "CancelledError"
    assert await notebook.value("print(json.dumps(cleaned))") is True


async def test_a_block_that_handles_an_interrupt_is_interrupted_once(notebook: Notebook) -> None:
    code = (
        "seen = []\nwhile len(seen) < 1:\n    try:\n        ready(); time.sleep(0.6)\n"
        "    except KeyboardInterrupt:\n        seen.append(1)\n        time.sleep(0.6)"
    )
    await notebook.run(READY)
    run = notebook.start_cell(f"r = await block({code!r})\nprint(r.exit_code, len(seen))")
    await ready(notebook)
    await notebook.interrupt()
    await run.ends()
    assert run.text == "0 1\n"


async def test_signals_of_the_users_own_are_what_they_were_after_a_block(notebook: Notebook) -> None:
    await notebook.run(
        "import signal, os\nheard = []\nloop = asyncio.get_running_loop()\n"
        "loop.add_signal_handler(signal.SIGUSR1, heard.append, 'usr1')"
    )
    await notebook.run("await block('os.kill(os.getpid(), signal.SIGUSR1); time.sleep(0.1)')")
    assert await notebook.value("await asyncio.sleep(0.2); print(json.dumps(heard))") == ["usr1"]
    await notebook.run("os.kill(os.getpid(), signal.SIGUSR1)")
    assert await notebook.value("await asyncio.sleep(0.2); print(json.dumps(heard))") == ["usr1", "usr1"]
    await notebook.run("loop.remove_signal_handler(signal.SIGUSR1)")


async def test_interrupt_stops_a_block_of_a_detached_run(notebook: Notebook) -> None:
    await notebook.run(READY)
    await notebook.run(f"task = asyncio.create_task(block({SPINS['loop']!r}))")
    await ready(notebook)
    pressed = time.monotonic()
    await notebook.interrupt()
    run = await notebook.run("done, _ = await asyncio.wait([task]); print(task.cancelled())")
    assert run.text == "True\n"
    assert time.monotonic() - pressed < 1


async def test_a_block_may_handle_an_interrupt(notebook: Notebook) -> None:
    await notebook.run(READY)
    run = notebook.start_cell(
        "r = await block('try:\\n    ready()\\n    while True: time.sleep(0.01)\\n'"
        "'except KeyboardInterrupt:\\n    print(\"saved\")')\n"
        "print(r.exit_code, r.output)"
    )
    await ready(notebook)
    await notebook.interrupt()
    await run.ends()
    assert run.text == "0 saved\n\n"


async def test_interrupt_cancels_an_awaiting_cell(notebook: Notebook) -> None:
    run = notebook.start_cell(
        "async with ticking():\n    print('waiting', flush=True)\n    await asyncio.get_running_loop().create_future()"
    )
    await run.shows("waiting")
    pressed = time.monotonic()
    await notebook.interrupt()
    await run.ends()
    assert time.monotonic() - pressed < 1
    assert run.errors[0]["ename"] == "CancelledError"


async def test_interrupt_cancels_a_cell_whose_block_awaits(notebook: Notebook) -> None:
    await notebook.run(READY)
    run = notebook.start_cell(
        "async with ticking():\n    await block('''try:\n    ready(); await asyncio.sleep(60)\nfinally:\n"
        "    ended = True''')"
    )
    await ready(notebook)
    pressed = time.monotonic()
    await notebook.interrupt()
    await run.ends()
    assert time.monotonic() - pressed < 1
    assert run.errors[0]["ename"] == "CancelledError"
    assert await notebook.value("print(json.dumps(ended))") is True


STOPS = SPINS | {
    "await": "ready(); await asyncio.sleep(60)",
    "swallow all": "ready()\nwhile True:\n    try:\n        while True: pass\n    except: pass",
    "swallow all twice": "ready()\nwhile True:\n    try:\n        try:\n            while True: pass\n"
    "        except: pass\n    except: pass",
    "swallow in function": "def f():\n    try: time.sleep(1)\n    except: pass\nready()\nwhile True: f()",
    "swallow cancel": "ready()\nwhile True:\n    try:\n        await asyncio.sleep(60)\n    except BaseException: pass",
}


@pytest.mark.parametrize("spin", STOPS)
async def test_stop_from_another_thread_ends_a_block(notebook: Notebook, spin: str) -> None:
    """The token is cancelled in a thread, as a message of the tap does on ipykernel 7.4."""
    await notebook.run(READY)
    run = notebook.start_cell(
        "import threading\n"
        "go, stop = threading.Event(), CancellationToken()\n"
        "def ready(): go.set()\n"
        "def cancel():\n    go.wait(); time.sleep(0.05); stop.cancel(); globals().update(at=time.monotonic())\n"
        "threading.Thread(target=cancel).start()\n"
        f"try:\n    await block({STOPS[spin]!r}, token=stop)\n"
        "except asyncio.CancelledError:\n    print(time.monotonic() - at)"
    )
    await run.ends()
    assert float(run.text.splitlines()[-1]) < 1, run.errors
    assert await notebook.value("print(1)") == 1


async def test_what_cannot_be_interrupted_is_said(notebook: Notebook) -> None:
    """A call into C that lets no signal in: Stop, and a timeout, take effect when it returns, and say so."""
    call = "import hashlib; go.set(); hashlib.pbkdf2_hmac('sha256', b'', b'', 9_000_000); after = 1"
    run = await notebook.run(
        "import threading\n"
        "go, stop, after = threading.Event(), CancellationToken(), 0\n"
        "def cancel():\n    go.wait(); stop.cancel()\n"
        "threading.Thread(target=cancel).start()\n"
        f"try:\n    await block({call!r}, token=stop)\n"
        "except asyncio.CancelledError as error:\n    print(error, after)\n"
        f"r = await block({call!r}, executor=LiveKernelExecutor(timeout=0.1)); print(r.output, after)",
        within=60,
    )
    said = r"only \d+ s after it was to: a call that cannot be interrupted had to return first"
    assert re.fullmatch(rf"{said} 0\ntimed out after 0.1 s, and ended {said} 0\n", run.text), run.text


async def test_a_block_that_was_stopped_before_it_began_does_not_run(notebook: Notebook) -> None:
    run = await notebook.run(
        "ran, stop = [], CancellationToken()\n"
        "task = asyncio.create_task(block('ran.append(1)', token=stop))\n"
        "asyncio.get_running_loop().call_soon(stop.cancel)\n"
        "await asyncio.wait([task]); print(task.cancelled(), ran)"
    )
    assert run.text == "True []\n"


async def test_cancelling_the_task_ends_a_block(notebook: Notebook) -> None:
    run = await notebook.run(
        "task = asyncio.create_task(block('try:\\n    await asyncio.sleep(60)\\nfinally:\\n    cleaned = 1'))\n"
        "await asyncio.sleep(0.05); task.cancel(); await asyncio.wait([task]); print(task.cancelled(), cleaned)"
    )
    assert run.text == "True 1\n"


async def test_what_a_block_had_shown_goes_along_with_its_cancellation(notebook: Notebook) -> None:
    run = await notebook.run(
        "from nbagents.executors.stopped_code import shown_before\n"
        "try:\n    async with asyncio.timeout(0.3):\n"
        "        try:\n            await block('mine = 1; print(\"so far\"); await asyncio.sleep(60)')\n"
        "        except asyncio.CancelledError as stopped:\n            kept = shown_before(stopped); raise\n"
        "except TimeoutError:\n    print(kept.exit_code, kept.output, kept.names.created)"
    )
    assert run.text == "130 so far\n ('mine',)\n", run.errors


async def test_what_the_blocks_before_it_had_shown_goes_along_too(notebook: Notebook) -> None:
    run = await notebook.run(
        "from nbagents.executors.stopped_code import shown_before\n"
        "blocks = [CodeBlock(code=c, language='python') for c in ('print(1)', 'print(2); await asyncio.sleep(60)')]\n"
        "try:\n    async with asyncio.timeout(0.3):\n"
        "        try:\n            await live.execute_code_blocks(blocks, CancellationToken())\n"
        "        except asyncio.CancelledError as stopped:\n            kept = shown_before(stopped); raise\n"
        "except TimeoutError:\n    print(kept.exit_code, kept.output)"
    )
    assert run.text == "130 1\n2\n\n", run.errors


async def test_a_cancelled_block_may_await_what_cleans_up(notebook: Notebook) -> None:
    run = await notebook.run(
        "task = asyncio.create_task(block('try:\\n    await asyncio.sleep(60)\\n"
        "finally:\\n    await asyncio.sleep(0.05)\\n    cleaned = 2'))\n"
        "await asyncio.sleep(0.05); task.cancel(); await asyncio.wait([task]); print(task.cancelled(), cleaned)"
    )
    assert run.text == "True 2\n"


async def test_timeouts_and_groups_of_a_block_work_as_in_a_cell(notebook: Notebook) -> None:
    run = await notebook.run(
        "r = await block('''\ntry:\n    async with asyncio.timeout(0.01): await asyncio.sleep(60)\n"
        "except TimeoutError: print('timeout')\n"
        "try:\n"
        "    async with asyncio.TaskGroup() as g: g.create_task(asyncio.sleep('x')); g.create_task(asyncio.sleep(60))\n"
        "except* TypeError: print('group')\nawait asyncio.sleep(0.01); print('end')''')\nprint(r.output)"
    )
    assert run.text == "timeout\ngroup\nend\n\n"


async def test_an_interrupt_just_after_a_block_hits_nothing(notebook: Notebook) -> None:
    """Stop's signals at every moment of short blocks: the block's end, between blocks, the user's next statement."""
    run = await notebook.run(
        "import threading\n"
        "ended, sent = threading.Event(), 0\n"
        "def shoot():\n"
        "    global sent\n"
        "    while not ended.is_set():\n        interrupt_main_thread(); sent += 1; time.sleep(0.0003)\n"
        "shooter = threading.Thread(target=shoot); shooter.start()\n"
        "whole = cut = 0\n"
        "try:\n"
        "    for i in range(50):\n"
        "        try:\n            await block('sum(range(2000))'); whole += 1\n"
        "        except asyncio.CancelledError: cut += 1\n"
        "        mine = sum(range(20000))\n"
        "finally:\n    ended.set(); shooter.join()\n"
        "print(json.dumps([whole + cut, sent > 50, asyncio.current_task().cancelling()]))",
        within=60,
    )
    assert run.text == "[50, true, 0]\n", run.errors


async def test_the_kernel_survives_interrupts_at_any_moment(notebook: Notebook) -> None:
    """■ pressed fifty times while blocks begin and end: each may end one, the kernel goes on."""
    for _ in range(50):
        run = notebook.start_cell(
            "async with ticking():\n"
            "    print('begun', flush=True)\n"
            "    while True:\n        await block('sum(range(3000))'); await block('await asyncio.sleep(0)')"
        )
        await run.shows("begun")
        await notebook.interrupt()
        await run.ends(within=10)
        assert run.errors[0]["ename"] in {"CancelledError", "KeyboardInterrupt"}
    assert await notebook.value("print(json.dumps(executing()))") is False


async def test_a_signal_of_ours_does_not_hit_the_users_cell(notebook: Notebook) -> None:
    run = await notebook.run("interrupt_main_thread(); print('untouched')")
    assert run.text == "untouched\n"
    run = await notebook.run(
        "r = await block('1'); interrupt_main_thread(); await asyncio.sleep(0.3); print('untouched')"
    )
    assert run.text == "untouched\n"


async def test_handlers_are_put_back_after_overlapping_cells(notebook: Notebook) -> None:
    """A block that begins outside of any cell and ends inside of one, and the other way round."""
    ask = "import signal; print(json.dumps(repr(signal.getsignal(signal.SIGINT))))"
    before = await notebook.value(ask)
    await notebook.run("task = asyncio.create_task(block('await asyncio.sleep(0.2)'))")
    run = await notebook.run("await task; await asyncio.sleep(0.1); print('ended inside')")
    assert run.text == "ended inside\n"
    await notebook.run("task = asyncio.create_task(block('await asyncio.sleep(0.3)')); await asyncio.sleep(0.1)")
    await notebook.run("await task")
    assert await notebook.value(ask) == before
    run = notebook.start_cell("print('in', flush=True)\nwhile True: pass")
    await run.shows("in")
    await notebook.interrupt()
    await run.ends()
    assert run.errors[0]["ename"] == "KeyboardInterrupt"

"""Blocks in a live kernel: what they show is caught, what is the user's stays the user's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kernel.notebook import Notebook

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def result(notebook: Notebook, code: str, options: str = "") -> dict[str, Any]:
    """Run a block from a cell; its CodeResult."""
    value: dict[str, Any] = await notebook.value(f"await shown({code!r}{options})")
    return value


async def test_output_is_text_of_streams_and_results(notebook: Notebook) -> None:
    done = await result(notebook, "import sys\nprint('one')\nprint('two', file=sys.stderr)\nx = 20\nx + 22")
    assert done["exit_code"] == 0
    assert done["output"] == "one\ntwo\n42\n"
    assert [output["output_type"] for output in done["outputs"]] == ["stream", "stream", "execute_result"]
    assert done["outputs"][2]["data"] == {"text/plain": "42"}


async def test_names_are_the_users(notebook: Notebook) -> None:
    await notebook.run("rows = [1, 2]")
    await result(notebook, "rows.append(3); total = sum(rows)")
    assert await notebook.value("print(json.dumps([rows, total]))") == [[1, 2, 3], 6]


async def test_semicolon_shows_nothing(notebook: Notebook) -> None:
    assert (await result(notebook, "1 + 1;  # quiet"))["outputs"] == []


async def test_blocks_run_in_order_up_to_the_first_that_fails(notebook: Notebook) -> None:
    done = await notebook.value(
        "blocks = [CodeBlock(code=c, language='python') for c in ('print(1)', '1/0', 'print(3)')]\n"
        "print(json.dumps((await live.execute_code_blocks(blocks, CancellationToken())).dump()))"
    )
    assert done["exit_code"] == 1
    assert done["output"] == "1\nline 1: 1/0\nZeroDivisionError: division by zero"


async def test_in_out_history_and_count_are_untouched(notebook: Notebook) -> None:
    await notebook.run("'mine'")
    ask = (
        "ip = get_ipython(); print(json.dumps([len(In), sorted(Out), str(_), ip.execution_count, "
        "len(list(ip.history_manager.get_range()))]))"
    )
    before = await notebook.value(ask)
    await notebook.run("r = await block('1 + 1'); r = await block('2 + 2')")
    after = await notebook.value(ask)
    assert after == [before[0] + 2, before[1], "mine", before[3] + 2, before[4] + 2]
    assert await notebook.value("print(json.dumps('1 + 1' in ''.join(In[-2:-1])))") is False


async def test_error_ends_with_the_lines_of_the_block_and_what_happened(notebook: Notebook) -> None:
    done = await result(notebook, "print('so far')\n\ndef f(a):\n    return a / 0\n\nf(1)")
    assert done["exit_code"] == 1
    assert done["output"] == ("so far\nline 6: f(1)\nline 4, in f: return a / 0\nZeroDivisionError: division by zero")
    error = done["outputs"][-1]
    assert (error["output_type"], error["ename"], error["evalue"]) == ("error", "ZeroDivisionError", "division by zero")
    shown = "\n".join(error["traceback"])
    assert "nbagents" not in shown
    assert "interactiveshell" not in shown


async def test_name_error(notebook: Notebook) -> None:
    done = await result(notebook, "y = 1\nprint(no_such_name)")
    assert done["output"] == "line 2: print(no_such_name)\nNameError: name 'no_such_name' is not defined"


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("x = (1,\ny = 2", "SyntaxError: '(' was never closed"),
        ("def f():\nreturn 1", "IndentationError: expected an indented block after function definition on line 1"),
        ("return 1", "SyntaxError: 'return' outside function"),
        ("async with asyncio.TaskGroup() as g:\n    g.create_task(asyncio.sleep('x'))", None),
        ("class E(Exception):\n    def __str__(self): raise ValueError('no')\nraise E", "E: <exception str() failed>"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("exit()", "SystemExit: a block cannot end the kernel"),
        ("quit()", "SystemExit: a block cannot end the kernel"),
        ("await asyncio.sleep(0); raise asyncio.CancelledError", "asyncio.exceptions.CancelledError"),
    ],
)
async def test_what_ends_a_block_is_an_error_of_the_block(notebook: Notebook, code: str, last: str | None) -> None:
    done = await result(notebook, code)
    assert done["exit_code"] == 1
    if last is not None:
        assert done["output"].splitlines()[-1] == last
    assert "\x1b" not in done["output"]
    assert await notebook.value("print(1)") == 1


async def test_exception_groups_tell_what_is_in_them(notebook: Notebook) -> None:
    done = await result(notebook, "raise ExceptionGroup('several', [ValueError('a'), KeyError('b')])")
    assert "  ValueError: a\n  KeyError: 'b'" in done["output"]


async def test_top_level_await(notebook: Notebook) -> None:
    done = await result(notebook, "print(1)\nawait asyncio.sleep(0.01)\nprint(2)\nasync def f(): return 'f'\nawait f()")
    assert done["output"] == "1\n2\n'f'\n"


async def test_gathered_tasks_and_threads_of_a_block_are_caught(notebook: Notebook) -> None:
    code = (
        "import threading\n"
        "async def say(n):\n    await asyncio.sleep(0); print('task', n)\n"
        "await asyncio.gather(say(1), say(2))\n"
        "await asyncio.to_thread(print, 'to_thread')\n"
        "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()"
    )
    run = await notebook.run(f"r = await block({code!r})")
    assert run.text == ""
    assert await notebook.value("print(json.dumps(r.output))") == "task 1\ntask 2\nto_thread\nthread\n"


async def test_magics_and_shell_commands(notebook: Notebook) -> None:
    run = await notebook.run("r = await block('!echo from shell\\n%pwd')")
    assert run.messages[-1]["msg_type"] == "status"
    assert run.text == ""
    output = await notebook.value("print(json.dumps(r.output))")
    assert output.splitlines()[0].strip() == "from shell"
    done = await result(notebook, "%%writefile made.txt\nhello")
    assert done["output"].strip() == "Writing made.txt"
    done = await result(notebook, "%no_such_magic")
    assert "no_such_magic" in done["output"]


async def test_output_of_child_processes_is_caught(notebook: Notebook) -> None:
    run = await notebook.run(
        'r = await block(\'import os, subprocess\\nos.system("echo a"); subprocess.run(["echo", "b"]);\')'
    )
    assert run.text == ""
    assert await notebook.value("print(json.dumps(r.output))") == "a\nb\n"


async def test_dataframe_keeps_its_html(notebook: Notebook) -> None:
    done = await result(notebook, "import pandas as pd\npd.DataFrame({'a': [1, 2]})")
    assert set(done["outputs"][0]["data"]) == {"text/plain", "text/html"}
    assert "<table" in done["outputs"][0]["data"]["text/html"]
    assert done["output"] == "   a\n0  1\n1  2\n"


async def test_displays_updates_and_clear_output(notebook: Notebook) -> None:
    code = (
        "from IPython.display import HTML, Markdown, clear_output\n"
        "print('gone'); clear_output()\n"
        "h = display('first', display_id=True); h.update('second')\n"
        "display(HTML('<b>x</b>')); display(Markdown('**m**'))"
    )
    run = await notebook.run(f"r = await block({code!r})")
    assert run.displays == []
    done = await notebook.value("print(json.dumps(r.dump()))")
    assert [output["data"].get("text/plain") for output in done["outputs"]][:1] == ["'second'"]
    assert done["output"] == "'second'\n[text/plain, text/html]\n**m**\n"
    assert all(set(output) <= {"output_type", "data", "metadata"} for output in done["outputs"])


async def test_bytes_and_numbers_of_a_bundle_become_json(notebook: Notebook) -> None:
    code = (
        "class Odd:\n    def _repr_mimebundle_(self, **_):\n"
        "        return {'image/png': b'png', 'application/x': {'a': 1}, 'application/bad': object(), "
        "'text/plain': 'odd'}\n"
        "Odd()"
    )
    data = (await result(notebook, code))["outputs"][0]["data"]
    assert data == {"image/png": "cG5n", "application/x": {"a": 1}, "text/plain": "odd"}


async def test_a_repr_that_raises_is_an_error_of_the_block(notebook: Notebook) -> None:
    run = await notebook.run(
        "r = await block('class Bad:\\n    def __repr__(self): raise ValueError(\"no repr\")\\nBad()')"
    )
    assert run.errors == []
    done = await notebook.value("print(json.dumps(r.dump()))")
    assert done["exit_code"] == 1
    assert "ValueError: no repr" in done["output"]


async def test_figures_are_shown_and_closed(notebook: Notebook) -> None:
    done = await result(notebook, "import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    assert done["output"] == "[figure]\n"
    assert done["outputs"][0]["data"]["image/png"].startswith("iVBOR")
    assert await notebook.value("import matplotlib.pyplot as plt; print(json.dumps(plt.get_fignums()))") == []


async def test_figures_before_an_error_and_with_show(notebook: Notebook) -> None:
    done = await result(notebook, "plt.plot([1]); plt.show(); plt.figure(); plt.plot([2])\n1/0")
    kinds = [output["output_type"] for output in done["outputs"]]
    assert kinds == ["display_data", "display_data", "error"]


async def test_the_users_half_built_figure_is_left_alone(notebook: Notebook) -> None:
    await notebook.run("import matplotlib.pyplot as plt")
    run = await notebook.run(
        "plt.plot([1, 2, 3], label='mine')\n"
        "r = await block('plt.plot([9]); n = plt.get_fignums(); plt.show(); plt.close(\"all\"); n')\n"
        "a = await block('await asyncio.sleep(0.01); plt.plot([7]); await asyncio.sleep(0.01)')\n"
        "plt.title('mine'); lines = len(plt.gca().lines)"
    )
    assert len(run.displays) == 1
    assert "image/png" in run.displays[0]
    assert await notebook.value("print(json.dumps([lines, r.output, a.output]))") == [
        1,
        "[figure]\n[1]\n",
        "[figure]\n",
    ]


async def test_big_output_loses_its_middle_and_says_so(notebook: Notebook) -> None:
    done = await result(notebook, "for i in range(100_000): print('line', i)")
    assert done["exit_code"] == 0
    assert len(done["output"]) < 201_000
    assert done["output"].startswith("line 0\n")
    assert done["output"].endswith("line 99999\n")
    assert "characters left out" in done["output"]
    assert sum(len(output["text"]) for output in done["outputs"]) < 201_000


async def test_endless_displays_are_bounded(notebook: Notebook) -> None:
    done = await result(notebook, "for i in range(1000): display(i)")
    assert len(done["outputs"]) == 201
    assert "more than 200 displays" in done["output"]


async def test_progress_bars_are_their_last_state(notebook: Notebook) -> None:
    done = await result(notebook, "for i in range(3): print(f'\\r\\x1b[31m{i}/3\\x1b[0m', end='')\nprint()")
    assert done["output"] == "2/3\n"


async def test_help_is_output_and_the_next_cell_is_not_written(notebook: Notebook) -> None:
    run = await notebook.run("r = await block('sorted?'); n = await block('get_ipython().set_next_input(\"x\")')")
    assert run.reply["payload"] == []
    assert "Return a new list" in await notebook.value("print(json.dumps(r.output))")
    assert "a block cannot ask the notebook for 'set_next_input'" in await notebook.value("print(json.dumps(n.output))")


async def test_input_is_refused(notebook: Notebook) -> None:
    for call in ("input('name? ')", "import getpass; getpass.getpass('key? ')"):
        done = await result(notebook, call)
        assert done["exit_code"] == 1
        assert "RuntimeError: a block cannot ask for input" in done["output"]


async def test_cells_that_a_block_runs_are_a_part_of_it(notebook: Notebook) -> None:
    """`run_cell`, `%time` and `%%capture` within a block: shown in the block, and nothing of the user's is touched."""
    ask = "ip = get_ipython(); print(json.dumps([len(In), sorted(Out), ip.execution_count]))"
    before = await notebook.value(ask)
    run = await notebook.run("r = await block('get_ipython().run_cell(\"print(5); 6 * 7\");')\nprint(r.output)")
    assert run.text == "5\n42\n\n"
    assert run.results == []
    run = await notebook.run("r = await block('get_ipython().run_cell(\"1/0\");')\nprint(r.exit_code, r.output)")
    assert run.text.startswith("1 ZeroDivisionError: division by zero")
    assert run.errors == []
    after = await notebook.value(ask)
    assert after == [before[0] + 3, before[1], before[2] + 3]


async def test_other_languages_are_refused(notebook: Notebook) -> None:
    done = await result(notebook, "ls", ", language='bash'")
    assert (done["exit_code"], done["output"]) == (1, "the live kernel runs python only, not 'bash'")


async def test_futures_of_this_package_do_not_reach_a_block(notebook: Notebook) -> None:
    done = await result(notebook, "def f(a: int): ...\nf.__annotations__['a'] is int")
    assert done["output"] == "True\n"


async def test_timeout_of_synchronous_and_awaiting_code(notebook: Notebook) -> None:
    for code in (
        "while True: pass",
        "import time; time.sleep(60)",
        "await asyncio.sleep(60)",
        "while True:\n    try:\n        time.sleep(1)\n    except: pass",
        "async def spin():\n    while True: pass\nawait asyncio.gather(spin())",
        "async def f():\n    while True:\n        try:\n            await asyncio.sleep(1)\n"
        "        except BaseException: pass\nawait f()",
    ):
        done = await result(notebook, code, ", executor=LiveKernelExecutor(timeout=0.2)")
        assert done["exit_code"] == 1, code
        assert done["output"].endswith("timed out after 0.2 s"), code
    assert await notebook.value("print(1)") == 1


async def test_timeout_without_a_timer_of_the_operating_system(notebook: Notebook) -> None:
    """As on Windows, where a thread interrupts the main thread."""
    await notebook.run(
        "import nbagents.kernel.alarm as alarm, nbagents.kernel.block_guard as guard\n"
        "guard.new_alarm = alarm.ThreadAlarm"
    )
    try:
        for code in ("while True: pass", "await asyncio.sleep(60)"):
            done = await result(notebook, code, ", executor=LiveKernelExecutor(timeout=0.2)")
            assert done["output"] == "timed out after 0.2 s"
        assert (await result(notebook, "1 + 1"))["output"] == "2\n"
    finally:
        await notebook.run("guard.new_alarm = alarm.new_alarm")


async def test_the_users_own_timer_is_given_back(notebook: Notebook) -> None:
    left = await notebook.value(
        "import signal\nrang = []\nold = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        "r = await block('time.sleep(0.1)', executor=LiveKernelExecutor(timeout=5))\n"
        "time.sleep(0.1); signal.signal(signal.SIGALRM, old); print(json.dumps([r.exit_code, rang]))"
    )
    assert left == [0, [1]]


async def test_no_trace_is_left_when_no_block_runs(notebook: Notebook) -> None:
    left = await notebook.value(
        "import builtins, signal, sys\n"
        "ip = get_ipython()\n"
        "def state(): return builtins.input, ip._showtraceback, signal.getsignal(signal.SIGINT), sys.gettrace()\n"
        "before = state()\n"
        "r = await block('print(1)'); r = await block('await asyncio.sleep(0)')\n"
        "print(json.dumps([hasattr(sys.stdout.write, '_nbagents_capture'), 'publish' in vars(ip.display_pub),\n"
        "    'ask_exit' in vars(ip), state() == before]))"
    )
    assert left == [False, False, False, True]


async def test_user_and_agent_do_not_see_each_others_output(notebook: Notebook) -> None:
    """A detached run whose block awaits, and a user's cell that begins meanwhile and awaits, too."""
    await notebook.run(
        "started, go = asyncio.Event(), asyncio.Event()\n"
        "task = asyncio.create_task(block('''\n"
        "for i in range(20):\n    started.set(); print('agent', i); display(f'agent {i}'); await asyncio.sleep(0.005)\n"
        "go.set()\n'agent value'\n'''))\n"
    )
    run = await notebook.run(
        "await started.wait()\n"
        "while not go.is_set():\n    print('user'); display('user'); await asyncio.sleep(0.003)\n"
        "'user value'"
    )
    assert set(run.text.split()) == {"user"}
    assert {display["text/plain"] for display in run.displays} == {"'user'"}
    assert run.results == ["'user value'"]
    done = await notebook.value("r = await task\nprint(json.dumps(r.dump()))")
    assert "user" not in done["output"]
    assert done["output"].count("agent") == 41
    assert json.loads(json.dumps(done["outputs"])) == done["outputs"]

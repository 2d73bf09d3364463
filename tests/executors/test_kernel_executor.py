"""Blocks in a kernel of their own: outputs, state, names, errors, limits, interrupts, deaths."""

from __future__ import annotations

import asyncio
import time

import nbformat
import pytest

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult, NamesChange
from nbagents.errors import ConfigurationError
from nbagents.executors import KernelExecutor, KernelLimits
from nbagents.executors.stopped_code import shown_before
from tests.executors.conftest import Run, run_in, until_shown

UNENDING = "import time\ntime.sleep(60)"
IN_C = "sum(range(10**11))"


def check_nbformat(result: CodeResult) -> None:
    """The outputs are what a notebook may hold."""
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(output) for output in result.outputs])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


def kinds(result: CodeResult) -> list[str]:
    return [output["output_type"] for output in result.outputs]


async def test_prints_value_and_displays_are_outputs_and_text(run: Run) -> None:
    result = await run("print('a'); print('b')\ndisplay('c')\n1 + 1")

    assert result.exit_code == 0
    assert result.output == "a\nb\n'c'\n2\n"
    assert kinds(result) == ["stream", "display_data", "execute_result"]
    check_nbformat(result)


async def test_state_is_kept_and_the_first_failure_ends_it(run: Run) -> None:
    result = await run("kept = 20", "print(kept + 1)", "1/0", "print('never')")

    assert result.exit_code == 1
    assert result.output == "21\nline 1: 1/0\nZeroDivisionError: division by zero"
    check_nbformat(result)


async def test_an_error_is_told_by_the_lines_of_the_block(run: Run) -> None:
    result = await run("def total(rows):\n    return rows['price']\n\ntotal({})")

    assert result.output == "line 4: total({})\nline 2, in total: return rows['price']\nKeyError: 'price'"


async def test_a_syntax_error_is_told(run: Run) -> None:
    assert (await run("x = = 1")).output == "line 1: x = = 1\nSyntaxError: invalid syntax"


async def test_a_figure_and_a_frame(run: Run) -> None:
    result = await run(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);", "import pandas\npandas.DataFrame({'a': [7]})"
    )

    assert "[figure]" in result.output and "   a\n0  7" in result.output
    figure, frame = result.outputs
    assert figure["data"]["image/png"].startswith("iVBOR")
    assert "<table" in frame["data"]["text/html"] and "<style" not in frame["data"]["text/html"]
    check_nbformat(result)


async def test_updates_and_clears(run: Run) -> None:
    updated = await run("h = display('one', display_id=True)\nh.update('two')")
    cleared = await run("from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('here')")

    assert updated.output == "'two'\n" and len(updated.outputs) == 1
    assert cleared.output == "here\n"


async def test_top_level_await_magics_and_shell(run: Run) -> None:
    result = await run("import asyncio\nawait asyncio.sleep(0)\n!echo from the shell\n%pwd")

    assert result.exit_code == 0 and "from the shell" in result.output


async def test_help_is_shown(run: Run) -> None:
    assert "Return the absolute value" in (await run("abs?")).output


async def test_names(run: Run) -> None:
    await run("first = 1; second = [1]; _private = 3")
    result = await run("first = 2; del second; third = 3")
    failed = await run("fourth = 4\n1/0")

    assert result.names == NamesChange(created=("third",), rebound=("first",), deleted=("second",))
    assert failed.names == NamesChange(created=("fourth",))


async def test_our_own_code_is_not_in_the_namespace(run: Run) -> None:
    result = await run("print([name for name in globals() if 'nbagents' in name], len(In))")

    assert result.output.startswith("[]")


async def test_a_block_in_another_language_is_refused(run: Run) -> None:
    result = await run("ls", language="sh")

    assert result.exit_code == 1 and "runs python only, not 'sh'" in result.output


async def test_input_is_an_error_of_the_block(run: Run) -> None:
    result = await run("input('who? ')")

    assert result.exit_code == 1 and "StdinNotImplementedError" in result.output


async def test_a_timeout_interrupts_and_keeps_the_variables(run: Run) -> None:
    await run("survivor = 5")
    result = await run(UNENDING, timeout=0.5)

    assert result.exit_code == 124 and result.output.endswith("TimeoutError: timed out after 0.5 s; interrupted")
    assert (await run("survivor")).output == "5\n"
    check_nbformat(result)


async def test_what_does_not_stop_is_killed_and_it_is_said(run: Run) -> None:
    started = time.monotonic()
    result = await run(IN_C, timeout=0.3)

    assert "had to be killed: its variables are gone" in result.output
    assert time.monotonic() - started < 6
    after = await run("'survivor' in globals()")
    assert "without the variables of earlier blocks: timed out" in after.output and "False" in after.output


@pytest.mark.parametrize("code", [UNENDING, IN_C], ids=["python", "c"])
@pytest.mark.parametrize("by", ["token", "task"])
async def test_cancelling_ends_it_within_a_second_and_keeps_what_was_shown(
    kernel: KernelExecutor, run: Run, code: str, by: str
) -> None:
    await run("1")
    kernel.timeout, token = 30, CancellationToken()
    # A call into C lets no other thread run, and ipykernel's sends what was printed only after `flush` has returned.
    codes = ["print('first')", f"import time\nprint('so far', flush=True)\ntime.sleep(0.3)\n{code}"]
    blocks = [CodeBlock(code=each, language="python") for each in codes]
    task = asyncio.create_task(kernel.execute_code_blocks(blocks, token))
    await until_shown(kernel, "so far")
    await asyncio.sleep(0.5)  # until the call has begun; there is no event for that
    started = time.monotonic()
    token.cancel() if by == "token" else task.cancel()

    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert time.monotonic() - started < 1.5
    shown = shown_before(caught.value)
    assert shown is not None and (shown.exit_code, shown.output) == (130, "first\nso far\n")
    check_nbformat(shown)
    assert (await run("6 * 7")).output.endswith("42\n")


async def test_a_timeout_of_asyncios_own_is_one(kernel: KernelExecutor, run: Run) -> None:
    kernel.timeout = 30
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await run_in(kernel, UNENDING)


async def test_what_was_printed_before_a_timeout_is_in_the_result(run: Run) -> None:
    result = await run(f"print('so far')\n{UNENDING}", timeout=1.5)  # it has begun by then

    assert result.exit_code == 124 and "so far\n" in result.output


async def test_exit_of_the_kernel_is_told_at_once(run: Run) -> None:
    started = time.monotonic()
    # A moment between the two: what ZeroMQ has not sent when the process ends is lost with it.
    result = await run("print('so far', flush=True)\nimport os, time\ntime.sleep(0.5)\nos._exit(7)")

    assert result.exit_code == 7
    assert "so far\n" in result.output
    assert result.output.endswith("KernelDied: the kernel exited with code 7. Its variables are gone")
    assert time.monotonic() - started < 3
    assert "a new kernel" in (await run("1")).output
    check_nbformat(result)


async def test_a_crash_is_told_at_once(run: Run) -> None:
    result = await run("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")

    assert result.exit_code == 139 and "killed (SIGSEGV)" in result.output


async def test_a_kernel_that_dies_between_blocks_is_replaced(run: Run) -> None:
    await run("import threading, os\nthreading.Timer(0.1, os._exit, [3]).start()")
    await asyncio.sleep(0.6)
    result = await run("print('new')")

    assert result.exit_code == 0 and "exited with code 3" in result.output and result.output.endswith("new\n")


async def test_much_text_keeps_its_ends(run: Run) -> None:
    result = await run("for i in range(20_000): print('line', i)")

    assert result.exit_code == 0
    assert result.output.startswith("line 0\n") and result.output.endswith("line 19999\n")
    assert "characters left out" in result.output and len(result.output) < 21_000
    check_nbformat(result)


async def test_printing_without_end_fails_and_keeps_the_variables(run: Run) -> None:
    await run("before_flood = 1")
    result = await run("while True: print('x' * 10_000)")

    assert result.exit_code == 1 and "a block may print 2 MB" in result.output
    assert (await run("before_flood")).output == "1\n"


async def test_a_flood_of_displays_is_interrupted(run: Run) -> None:
    result = await run("while True: display({'text/plain': 'x' * 500_000}, raw=True)")

    assert result.exit_code == 1 and "more than 8 MB of output; interrupted" in result.output
    assert len(result.outputs) <= 210
    check_nbformat(result)


async def test_too_large_a_picture_is_left_out_and_it_is_said(run: Run) -> None:
    result = await run("display({'image/png': 'A' * 300_000, 'text/plain': 'a'}, raw=True)")

    assert "image/png, text/plain of 300,001 characters left out" in result.output


async def test_a_message_beyond_the_bound_is_dropped_and_the_next_block_works(run: Run) -> None:
    result = await run("display({'text/plain': 'x' * 30_000_000}, raw=True)")

    assert "a part of the output got lost" in result.output
    assert (await run("print('back')")).output == "back\n"


async def test_limits_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="rich"):
        KernelLimits(rich=100_000_000)


async def test_a_call_from_another_loop_is_served_too(kernel: KernelExecutor) -> None:
    def elsewhere() -> CodeResult:
        block = CodeBlock(code="print('there')", language="python")
        return asyncio.run(kernel.execute_code_blocks([block], CancellationToken()))

    assert (await asyncio.to_thread(elsewhere)).output.endswith("there\n")


async def test_output_is_taken_while_the_callers_loop_stands_still(kernel: KernelExecutor) -> None:
    code = "for i in range(3000): print(i, flush=True)"
    task = asyncio.create_task(
        kernel.execute_code_blocks([CodeBlock(code=code, language="python")], CancellationToken())
    )
    await asyncio.sleep(0.05)
    time.sleep(1.5)
    result = await task

    assert result.exit_code == 0 and result.output.endswith("2999\n") and "lost" not in result.output

"""What code in the sandbox cannot do, asked of a kernel in a real container."""

from __future__ import annotations

import ast
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nbagents.executors.docker import ContainerOptions, ReadyKernel, start_kernel
from tests.docker.execution import execute

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[ReadyKernel]:
    """One kernel for the questions that leave nothing behind; the host's environment has a key meanwhile."""
    patch = pytest.MonkeyPatch()
    patch.setenv("OPENAI_API_KEY", "sk-planted-in-the-host")
    started = await start_kernel(ContainerOptions(memory="256m", pids=64, env={"REGION": "north"}))
    yield started
    await started.close()
    patch.undo()


async def status_of_kernel(kernel: ReadyKernel) -> dict[str, str]:
    done = await execute(kernel, "print(open('/proc/self/status').read())")
    return {name: value.strip() for name, _, value in (line.partition(":") for line in done.text.splitlines())}


async def test_it_has_no_capability_and_can_gain_none(shared: ReadyKernel) -> None:
    status = await status_of_kernel(shared)

    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split() == ["1000"] * 4
    assert status["Gid"].split() == ["1000"] * 4


async def test_no_machine_can_be_reached(shared: ReadyKernel) -> None:
    done = await execute(
        shared,
        "import socket\n"
        "for address in (('1.1.1.1', 53), ('172.17.0.1', 2375), ('169.254.169.254', 80)):\n"
        "    try:\n        socket.create_connection(address, timeout=2); print('connected')\n"
        "    except OSError as error:\n        print(error.strerror)\n"
        "print([name for _, name in socket.if_nameindex()])",
    )

    assert done.text.splitlines() == ["Network is unreachable"] * 3 + ["['lo']"]


async def test_only_its_own_memory_can_be_written(shared: ReadyKernel) -> None:
    done = await execute(
        shared,
        "import os, sys\n"
        "for path in ('/etc/x', '/usr/x', '/home/x', os.path.join(sys.prefix, 'x'), '/proc/sys/kernel/panic'):\n"
        "    try:\n        open(path, 'w'); print('written', path)\n"
        "    except OSError as error:\n        print(error.strerror)\n"
        "for path in ('/work/x', '/tmp/x', os.path.expanduser('~/x')):\n    open(path, 'w').write('ok')\n"
        "print(os.getcwd())",
    )

    assert "written" not in done.text
    assert set(done.text.splitlines()) <= {"Read-only file system", "Permission denied", "/work"}
    assert done.status == "ok"


async def test_a_full_disk_is_an_error_in_the_block(shared: ReadyKernel) -> None:
    done = await execute(shared, "open('/tmp/full', 'wb').write(bytes(70 * 2**20))")
    after = await execute(shared, "import os; os.remove('/tmp/full'); 1 + 1")

    assert "No space left on device" in done.error
    assert after.value == "2"


async def test_nothing_of_the_hosts_environment_is_there(shared: ReadyKernel) -> None:
    done = await execute(shared, "import os; print(dict(os.environ)); print(open('/proc/1/environ').read())")
    inside = ast.literal_eval(done.text.splitlines()[0])

    assert "sk-planted" not in done.text
    assert inside["REGION"] == "north"
    allowed = {"PATH", "HOME", "HOSTNAME", "USER", "REGION", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LANG"}
    from_ipykernel = {"TERM", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "PAGER", "GIT_PAGER", "MPLBACKEND"}
    from_image = {name for name in inside if name.startswith(("PYTHON", "GPG", "PYDEVD"))}
    assert set(inside) <= allowed | from_ipykernel | from_image
    assert inside["HOSTNAME"] != os.uname().nodename


async def test_what_is_handed_to_the_kernel_is_not_in_the_containers_description(shared: ReadyKernel) -> None:
    description = str(shared.provisioner.container.container.attrs)  # type: ignore[union-attr]  # it runs

    assert shared.manager.session.key.decode() not in description
    assert "north" not in description


async def test_by_default_all_of_it_is_on_at_once_and_nothing_of_the_host_is_there() -> None:
    """As the engine itself describes a container for which nothing was loosened."""
    kernel = await start_kernel()
    container = kernel.provisioner.container.container  # type: ignore[union-attr]  # it runs
    container.reload()
    host, description = container.attrs["HostConfig"], container.attrs
    quota = await execute(kernel, "print(*(open(p).read() for p in __import__('glob').glob('/sys/fs/cgroup/cpu.max')))")
    await kernel.close()

    assert (host["NetworkMode"], host["CapDrop"], host["CapAdd"], host["Privileged"]) == ("none", ["ALL"], None, False)
    assert (host["SecurityOpt"], host["ReadonlyRootfs"]) == (["no-new-privileges"], True)
    assert host["Memory"] == host["MemorySwap"] == 2 * 2**30
    assert (host["NanoCpus"], host["PidsLimit"]) == (10**9, 256)
    assert quota.text.split() in ([], ["100000", "100000"])  # the file is not there with the older control groups
    assert not host["Binds"] and not description["Mounts"] and not host["Devices"]
    assert not host["PortBindings"] and not description["NetworkSettings"]["Ports"]
    assert set(host["Tmpfs"]) == {"/tmp", "/work"}
    assert (description["Config"]["User"], host["AutoRemove"], host["IpcMode"]) == ("1000:1000", True, "private")


async def test_a_fork_bomb_stays_inside_and_is_reported(shared: ReadyKernel) -> None:
    before = len([name for name in os.listdir("/proc") if name.isdigit()])
    bomb = (
        "import os, time, warnings\nwarnings.simplefilter('ignore')\nchildren = []\n"
        "try:\n    while True:\n        child = os.fork()\n"
        "        if child == 0:\n            time.sleep(60); os._exit(0)\n        children.append(child)\n"
        "except OSError as error:\n    print(error.strerror, len(children))"
    )
    done = await execute(shared, bomb)
    during = len([name for name in os.listdir("/proc") if name.isdigit()])
    cleaned = await execute(shared, "for child in children: os.kill(child, 9); os.waitpid(child, 0)\n'usable'")

    assert done.text.startswith("Resource temporarily unavailable")
    assert int(done.text.split()[-1]) < 64
    assert during - before < 100
    assert cleaned.value == "'usable'"


async def test_a_shells_fork_bomb_ends_with_its_container() -> None:
    kernel = await start_kernel(ContainerOptions(memory="256m", pids=64))
    await execute(kernel, "import subprocess; subprocess.Popen(['sh', '-c', 'f() { f | f & }; f']); None")
    began = time.monotonic()
    await kernel.close()

    assert time.monotonic() - began < 10
    assert kernel.provisioner.death.result(1).reason == "killed"


async def test_it_runs_as_a_python_of_its_own_with_what_an_analyst_expects(shared: ReadyKernel) -> None:
    done = await execute(shared, "import pandas, pyarrow, matplotlib; from pathlib import Path; Path.home()")

    assert (done.status, done.value) == ("ok", "PosixPath('/tmp/home')")


async def test_the_containers_files_are_not_the_hosts(shared: ReadyKernel, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("1,2")
    done = await execute(shared, f"import os; os.path.exists({str(tmp_path)!r})")

    assert done.value == "False"

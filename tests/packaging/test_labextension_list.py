"""JupyterLab itself says that the labextension is installed, enabled and compatible."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version


def test_jupyterlab_lists_the_extension_as_enabled_and_ok() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"], capture_output=True, text=True, timeout=60
    )

    listed = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
    assert done.returncode == 0, listed
    assert re.search(rf"nbagents v{re.escape(version('nbagents'))} enabled OK \(python, nbagents\)", listed), listed

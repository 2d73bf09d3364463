"""Kernels that lose messages are refused in one line."""

from __future__ import annotations

import pytest
from ipykernel.kernelbase import Kernel

from nbagents.errors import ConfigurationError
from nbagents.kernel import check_kernel


@pytest.mark.parametrize("version", ["6.29.5", "6.31.0", "7.4.0", "8.0.0"])
def test_accepted(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    _set_version(monkeypatch, version)
    check_kernel(Kernel())


@pytest.mark.parametrize("version", ["7.0.0", "7.0.1", "7.1.0", "7.2.0", "7.3.0"])
def test_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    _set_version(monkeypatch, version)
    with pytest.raises(ConfigurationError, match="lose messages") as caught:
        check_kernel(Kernel())
    line = str(caught.value)
    assert repr(version) in line
    assert "%pip install" in line
    assert "\n" not in line


def test_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    _set_version(monkeypatch, "6.28.0")
    with pytest.raises(ConfigurationError, match="it is older than"):
        check_kernel(Kernel())


@pytest.mark.parametrize("kernel", [None, object()])
def test_other_kernels_pass(monkeypatch: pytest.MonkeyPatch, kernel: object) -> None:
    _set_version(monkeypatch, "7.2.0")
    check_kernel(kernel)


def _set_version(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr("ipykernel._version.__version__", version)
    monkeypatch.setattr("ipykernel._version.version_info", tuple(int(part) for part in version.split(".")))

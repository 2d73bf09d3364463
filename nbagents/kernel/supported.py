"""Says at once when the kernel is one that a run cannot live in.

ipykernel 7.0 to 7.3 lose shell messages with nothing of ours loaded (measured; fixed in 7.4), so a click or a whole
cell would vanish now and then. The package's own requirement excludes them, but the kernel's environment is not
always the one that the package was resolved in: hence this check at run time.
"""

from __future__ import annotations

from typing import Any

from ..errors import ConfigurationError

OLDEST = (6, 29)
LOSES_MESSAGES_FROM, LOSES_MESSAGES_TO = (7, 0), (7, 4)


def check_kernel(kernel: Any) -> None:
    """Refuse a kernel that loses messages or that is too old.

    Args:
        kernel: ``get_ipython().kernel``; None, and kernels that are not ipykernel's, pass.

    Raises:
        ConfigurationError: ipykernel is older than 6.29, or one of 7.0 to 7.3.
    """
    from ipykernel._version import __version__
    from ipykernel.kernelbase import Kernel

    if isinstance(kernel, Kernel) and (why := why_unsupported(__version__)):
        raise ConfigurationError(
            f"ipykernel {__version__!r} cannot be used, {why}: "
            'run  %pip install "ipykernel>=7.4"  and restart the kernel'
        )


def why_unsupported(version: str) -> str:
    """Why an ipykernel of this version cannot be used; "" when it can."""
    numbers = tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])
    if LOSES_MESSAGES_FROM <= numbers < LOSES_MESSAGES_TO:
        return "7.0 to 7.3 lose messages"
    return "it is older than 6.29" if numbers < OLDEST else ""

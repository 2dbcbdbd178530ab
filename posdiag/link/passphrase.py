"""The one secret that is ever taken: the passphrase of a till integration."""

from __future__ import annotations

import os
from pathlib import Path

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.model.site import Device

VARIABLE = "POSDIAG_TERMINAL_PASSPHRASE"
_MOST_BYTES = 4096


def passphrase_of(device: Device) -> str | None:
    """Return the passphrase, None where the site has none.

    It comes from the file that the site names, else from the environment, and goes nowhere: no
    observation, log or report holds it.

    Args:
        device: may name the file.

    Raises:
        CannotRun: no_permission, or not_declared where the file is not there or is empty.
    """
    if device.passphrase_file is None:
        return os.environ.get(VARIABLE) or None
    path = Path(device.passphrase_file)
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES)
    except PermissionError:
        raise CannotRun(NotRunReason.NO_PERMISSION, str(path)) from None
    except (OSError, ValueError):
        raise CannotRun(NotRunReason.NOT_DECLARED, f"{path}: cannot be read") from None
    # Only the end of the line that an editor adds is taken off: spaces may belong to it.
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    if not text:
        raise CannotRun(NotRunReason.NOT_DECLARED, f"{path}: is empty")
    return text

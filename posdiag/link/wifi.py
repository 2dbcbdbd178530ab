"""The laptop's wireless link as Linux tells it: signal and retries."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

TABLE = Path("/proc/net/wireless")
_COLUMNS = 11


class WirelessState(NamedTuple):
    """One wireless interface.

    Attributes:
        quality: of the driver's own scale, usually 0 to 70.
        signal_dbm: None where the driver counts in a scale of its own.
        retries: frames given up after too many retries, since the link came up.
    """

    name: str
    quality: float
    signal_dbm: float | None
    retries: int


def parse_wireless_table(text: str) -> list[WirelessState]:
    """Return the interfaces in ``/proc/net/wireless``; lines that do not read so are left out.

    ``wlan0: 0000   54.  -56.  -256        0      0      0     12     38        0``: status, link
    quality, signal level, noise, discarded (nwid, crypt, fragment, retry, misc), missed beacons. A
    signal of 0 or more is in a scale of the driver's own.

    Source: Linux ``net/wireless/wext-proc.c``, ``wireless_seq_printf_stats``; proc(5).
    """
    found = []
    for line in text.splitlines()[2:]:
        columns = line.split()
        if len(columns) < _COLUMNS:
            continue
        try:
            quality, signal = float(columns[2].rstrip(".")), float(columns[3].rstrip("."))
            retries = int(columns[8])
        except ValueError:
            continue
        dbm = signal if signal < 0 else None
        found.append(WirelessState(columns[0].rstrip(":"), quality, dbm, retries))
    return found


def wireless(table: Path = TABLE) -> list[WirelessState]:
    """Return the wireless interfaces that are in use.

    Raises:
        CannotRun: unsupported: another system, or a kernel without that table.
    """
    try:
        return parse_wireless_table(table.read_text(encoding="ascii", errors="replace"))
    except OSError as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, "no table of wireless links") from error

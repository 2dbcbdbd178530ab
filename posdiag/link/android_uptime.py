"""How long an Android terminal runs, asked through adb."""

from __future__ import annotations

from posdiag.link.deadline import Deadline
from posdiag.link.device_address import device_address, talk_over_network
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun, LinkError, LocalWireError, RemoteWireError
from posdiag.model.site import Site
from posdiag.wire import android
from posdiag.wire.adb import PORT, shell_conversation

LIMIT_S = 3.0


def uptime_s(
    port: str, deadline: Deadline, *, site: Site, allowance: HostAllowance
) -> float | None:
    """Return the seconds since a terminal started; None where it does not tell.

    Args:
        port: as in the site file: its serial number, with ``@host:port`` of another adb server.
        deadline: end of the run.
        site: knows the name servers, and where the laptop stands.
        allowance: of the run.
    """
    serial, _, where = port.partition("@")
    try:
        asked = shell_conversation(serial, android.PARTS["uptime"], limit_s=LIMIT_S)
        talk_over_network(
            device_address(where or f"127.0.0.1:{PORT}"),
            asked,
            deadline,
            site=site,
            allowance=allowance,
        )
        return android.seconds(asked.output.decode("utf-8", errors="replace"))
    except (LocalWireError, RemoteWireError, LinkError, CannotRun):
        return None

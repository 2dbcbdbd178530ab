"""The real upsd with the driver dummy-ups, in a temporary folder, ended with the test."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# Debian's /usr/sbin/upsd is a wrapper that starts nothing while nut.conf says MODE=none.
_FOLDERS = ("/lib/nut", "/usr/lib/nut", "/usr/libexec/nut")
MAXAGE_S = 5.0
_HEALTHY = {
    "ups.status": "OL CHRG",
    "input.voltage": "230.4",
    "input.voltage.nominal": "230",
    "battery.charge": "100",
    "ups.load": "21",
}


def programs() -> tuple[str, str] | None:
    """Return upsd and dummy-ups, None where they are not installed."""
    for folder in _FOLDERS:
        upsd, driver = Path(folder) / "upsd", Path(folder) / "dummy-ups"
        if upsd.is_file() and driver.is_file():
            return str(upsd), str(driver)
    return None


class RealUps:
    """One UPS behind the real server."""

    def __init__(self, folder: Path, programs: tuple[str, str]) -> None:
        self._folder = folder
        self._programs = programs
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._mtime = int(time.time()) - 100
        self._user = getpass.getuser()
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Write the settings and start driver and server."""
        self._write("ups.conf", f"[shop]\n driver = dummy-ups\n port = {self._folder}/shop.dev\n")
        self._write("upsd.conf", f"LISTEN 127.0.0.1 {self.port}\nMAXAGE {MAXAGE_S:.0f}\n")
        self._write("upsd.users", "")
        self.say(_HEALTHY)
        upsd, driver = self._programs
        for command in ([driver, "-a", "shop", "-u", self._user, "-F"], [upsd, "-u", self._user]):
            if command[0] == upsd:
                command.append("-F")
            self._processes.append(
                subprocess.Popen(
                    command,
                    env={
                        **os.environ,
                        "NUT_CONFPATH": str(self._folder),
                        "NUT_STATEPATH": str(self._folder),
                        "NUT_ALTPIDPATH": str(self._folder),
                    },
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )

    def say(self, values: Mapping[str, str]) -> None:
        """Change what the UPS says; the driver looks at whole seconds of the file's time."""
        text = "".join(f"{name}: {value}\n" for name, value in values.items())
        new = self._folder / "shop.new"
        new.write_text(text)
        new.chmod(0o600)
        self._mtime += 2
        os.utime(new, (self._mtime, self._mtime))
        new.replace(self._folder / "shop.dev")

    def signal_driver(self, number: signal.Signals) -> None:
        """Send the driver a signal."""
        self._processes[0].send_signal(number)

    def stop(self) -> None:
        """End both."""
        for process in self._processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(10)

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.write_text(text)
        path.chmod(0o600)


@contextmanager
def real_ups(found: tuple[str, str]) -> Iterator[RealUps]:
    """Run it. The path is short: names of Unix sockets are limited."""
    folder = Path(tempfile.mkdtemp(prefix="nut", dir="/tmp"))
    ups = RealUps(folder, found)
    try:
        ups.start()
        yield ups
    finally:
        ups.stop()
        shutil.rmtree(folder)

"""USB printers by Linux's ``usblp``: the port status byte, and both pipes as a byte stream.

One program at a time: a second one gets EBUSY. Tested on pseudo terminals and a made-up ``ioctl``;
it has not met a real printer.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import time
from collections.abc import Callable

from posdiag.link.deadline import Deadline
from posdiag.link.serial_errors import lacking, open_error
from posdiag.link.serial_port import SerialPort
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

Ioctl = Callable[[int, int, bytes], bytes]

_LPGETSTATUS = 0x060B
"""Source: Linux ``uapi/linux/lp.h``; usblp answers with an int whose lowest byte is the status."""
_READ = 256


class UsbPrinterFile:
    """The open device file, seen as the serial driver sees a port.

    Attributes:
        timeout: seconds that ``read`` waits.
        write_timeout: seconds that ``write`` waits.
    """

    in_waiting = 0

    def __init__(self, number: int) -> None:
        """Take an open, non-blocking file."""
        self._number = number
        self.timeout = 0.5
        self.write_timeout = 1.0

    def fileno(self) -> int:
        """Return the number of the open file."""
        return self._number

    def read(self, size: int) -> bytes:
        """Return what comes within ``timeout``, at least one byte; empty: nothing did.

        Args:
            size: not used: a pipe's packet is read as a whole.

        Raises:
            OSError: the printer is gone.
        """
        del size
        end_s = time.monotonic() + self.timeout
        while self._ready(end_s, reading=True):
            try:
                data = os.read(self._number, _READ)
            except BlockingIOError:
                continue
            if data:
                return data
            # An empty packet: nothing yet, and the file stays readable.
            time.sleep(0.01)
        return b""

    def write(self, data: bytes) -> int:
        """Return how many bytes the printer took.

        Raises:
            OSError: the printer is gone.
            serial.SerialTimeoutException: it takes nothing within ``write_timeout``.
        """
        import serial

        end_s, sent = time.monotonic() + self.write_timeout, 0
        while sent < len(data):
            if not self._ready(end_s, reading=False):
                raise serial.SerialTimeoutException("Write timeout")
            try:
                sent += os.write(self._number, data[sent:])
            except BlockingIOError:
                time.sleep(0.01)
        return sent

    def close(self) -> None:
        """Close the file."""
        os.close(self._number)

    def _ready(self, end_s: float, *, reading: bool) -> bool:
        import select

        left_s = end_s - time.monotonic()
        if left_s <= 0:
            return False
        wanted = [self._number]
        found = select.select(wanted if reading else [], [] if reading else wanted, [], left_s)
        return bool(found[0] or found[1])


def open_usb_printer(name: str, deadline: Deadline) -> SerialPort:
    """Open a USB printer's device file for one conversation.

    Args:
        name: ``/dev/usb/lp0``.
        deadline: end of the run.

    Raises:
        LinkError: not_found, permission, busy (the detail names the program), gone.
        CannotRun: unsupported: not Linux; budget_spent.
    """
    if not sys.platform.startswith("linux"):
        raise CannotRun(NotRunReason.UNSUPPORTED, "USB printers are asked on Linux only")
    if deadline.passed():
        raise CannotRun(NotRunReason.BUDGET_SPENT)
    try:
        number = os.open(name, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise open_error(name, error) from error
    return SerialPort(UsbPrinterFile(number), name)


def port_status(port: SerialPort, ioctl: Ioctl | None = None) -> int:
    """Return the port status byte.

    Args:
        port: as ``open_usb_printer`` gives it.
        ioctl: the system's call; None: the real one.

    Raises:
        CannotRun: unsupported: no USB printer behind this file.
        LinkError: gone.
    """
    import fcntl

    def system(number: int, request: int, buffer: bytes) -> bytes:
        return fcntl.ioctl(number, request, buffer)

    try:
        answer = (ioctl or system)(port.raw.fileno(), _LPGETSTATUS, bytes(4))
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL):
            raise CannotRun(NotRunReason.UNSUPPORTED, "no USB port status") from error
        raise lacking(error, "no USB port status") from error
    return int(struct.unpack("=i", answer)[0]) & 0xFF

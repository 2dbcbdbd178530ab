"""A terminal's status upload (状态上送), as somebody kept it in a file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from posdiag.model.site import Dialect
from posdiag.wire.iso8583 import Layout, Message, encode
from posdiag.wire.status_upload import encode_items

_LAYOUT = Layout(Dialect.UNIONPAY, tpdu=True, header_size=6)
_NUMBERS = {41: "12345678", 42: "123456789012345", 60: "00000001362"}


def upload_frame(items: Mapping[str, str]) -> bytes:
    """Return a whole upload as it goes over the line, with its length in front.

    Args:
        items: number -> value, of field 62.
    """
    fields = {**_NUMBERS, 62: encode_items(items).decode("gb18030")}
    message = Message(mti="0820", tpdu="6000030000", header="602200000000", fields=fields)
    body = encode(message, _LAYOUT)
    return len(body).to_bytes(2) + body


class SimulatedUpload:
    """Keeps one upload in a file.

    Attributes:
        path: of the file, after ``start``.
    """

    def __init__(self, items: Mapping[str, str]) -> None:
        """Keep the items; nothing is written yet."""
        self._items = items
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.path = ""

    def start(self) -> None:
        """Write the file."""
        self._folder = tempfile.TemporaryDirectory(prefix="posdiag-upload-")
        path = Path(self._folder.name) / "upload.hex"
        path.write_text(upload_frame(self._items).hex(" ") + "\n", encoding="ascii")
        self.path = str(path)

    def stop(self) -> None:
        """Take the file away."""
        if self._folder is not None:
            self._folder.cleanup()

"""Compiles a translation catalogue.

The build hook loads this file alone, without the package, so it imports nothing of posdiag.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path

CHECKSUM_ID = "checksum of the catalogue's source"
"""Message of a compiled catalogue that holds the CRC-32 of the ``.po`` it was made from."""


def compile_catalogue(source: Path) -> bytes:
    """Return the ``.mo`` of a ``.po`` file.

    Args:
        source: the ``.po`` file, UTF-8.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a catalogue; names file and line.
    """
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import PoFileError, read_po

    text = source.read_bytes()
    try:
        catalogue = read_po(io.BytesIO(text), abort_invalid=True)
    except PoFileError as error:
        raise ValueError(f"{source.name}, line {error.lineno + 1}: {error}") from error
    catalogue.add(CHECKSUM_ID, str(zlib.crc32(text)))
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    return compiled.getvalue()


def compile_all(folder: Path) -> list[Path]:
    """Compile every ``.po`` below a folder next to itself and return the ``.mo`` files."""
    written = []
    for source in sorted(folder.rglob("*.po")):
        target = source.with_suffix(".mo")
        target.write_bytes(compile_catalogue(source))
        written.append(target)
    return written

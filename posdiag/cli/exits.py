"""Exit codes beside those of a verdict."""

from __future__ import annotations

from typing import Final

OK: Final = 0
CANNOT_SAY: Final = 3
USAGE: Final = 64
WRONG_FILE: Final = 65
OUR_BUG: Final = 70
IO_FAILED: Final = 74
BY_SIGNAL: Final = 128
"""Plus the signal's number: 130 for Ctrl-C, 143 for SIGTERM."""

"""Ranked diagnosis of card terminals whose sign-on fails."""

__version__ = "0.1.0"

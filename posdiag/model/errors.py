"""The one tree of errors.

::

    PosdiagError                     exit code
    ├── InputError                   65   a file, option or fact that is wrong, all mistakes at once
    │   ├── ProfileError
    │   ├── SiteError                     site files, facts, inventories
    │   └── ReportError                   a saved report that cannot be read back
    ├── KnowledgeError               70   our own data contradicts itself
    ├── CannotRun(reason, detail)         becomes NotRun in the runner; never leaves the engine
    ├── LinkError(failure, operation)     an I/O operation failed; becomes an observation
    └── WireError(field, offset)
        ├── LocalWireError           70   we tried to send something wrong: our bug
        └── RemoteWireError               the peer sent something wrong: a fact about the peer
"""

from __future__ import annotations

from collections.abc import Sequence

from posdiag.model.observation import Failed, FailureKind, NotRunReason, Operation


class PosdiagError(Exception):
    """Base of everything that posdiag raises on purpose."""


class Mistake:
    """One mistake in an input: where it is and what was expected."""

    __slots__ = ("expected", "file", "found", "key")

    def __init__(self, file: str, key: str, expected: str, found: str = "") -> None:
        """Keep the four parts.

        Args:
            file: path as the user wrote it, or ``--fact`` and the like for an option.
            key: path of the key inside the file (``host.port``), empty for the whole file.
            expected: what would have been right, in words.
            found: what stands there instead, shortened; empty where it says nothing more.
        """
        self.file = file
        self.key = key
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else self.file
        found = f", found {self.found}" if self.found else ""
        return f"{where}: expected {self.expected}{found}"


class InputError(PosdiagError):
    """An input that a person wrote is wrong. Carries every mistake of the file at once."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Keep the mistakes, at least one."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class ProfileError(InputError):
    """A terminal or acquirer profile is wrong."""


class SiteError(InputError):
    """A site file, a facts file, a fact on the command line or an inventory row is wrong."""


class ReportError(InputError):
    """A saved report cannot be read back."""


class KnowledgeError(PosdiagError):
    """The knowledge base contradicts itself; the message names file and key."""


class CannotRun(PosdiagError):  # noqa: N818  (the name states the fact; it is never shown as an error)
    """A probe or one of its parts cannot be run from here. Not a finding."""

    def __init__(self, reason: NotRunReason, detail: str = "") -> None:
        """Keep the reason and, for people, a detail such as a path or a group name."""
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else str(reason))


class LinkError(PosdiagError):
    """An I/O operation failed while it ran: a fact, recorded as ``Failed``."""

    def __init__(
        self,
        kind: FailureKind,
        operation: Operation,
        detail: str = "",
        *,
        waited_s: float | None = None,
    ) -> None:
        """Keep what failed and how.

        Args:
            kind: closed failure kind.
            operation: what was being done.
            detail: scrubbed text of the operating system, for people.
            waited_s: seconds waited where the failure is a wait that ended, else None.
        """
        self.kind = kind
        self.operation = operation
        self.detail = detail
        self.waited_s = waited_s
        super().__init__(f"{operation}: {kind}" + (f" ({detail})" if detail else ""))

    def as_failed(self) -> Failed:
        """Return the error as an observation holds it."""
        return Failed(self.kind, self.operation, self.detail, self.waited_s)


class WireError(PosdiagError):
    """Bytes that do not follow the protocol.

    Attributes:
        field: name of the part at fault (``bitmap``, ``F60`` ...), empty if unknown.
        offset: byte offset in the message, -1 if unknown.
    """

    def __init__(self, message: str, *, field: str = "", offset: int = -1) -> None:
        """Keep where it went wrong; the message must hold no payload bytes (they may be secret)."""
        self.field = field
        self.offset = offset
        place = f" ({field} at byte {offset})" if field and offset >= 0 else ""
        super().__init__(message + place)


class LocalWireError(WireError):
    """We were asked to encode something that the protocol cannot say: our bug."""


class RemoteWireError(WireError):
    """The peer sent something that the protocol does not allow: a fact about the peer."""

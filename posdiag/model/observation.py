"""Observations: measured facts, one failure mode each, never a judgement."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite

import msgspec

Value = bool | int | float | str | list[float | str]
"""What a measurement can be. Lists hold samples in the order they were taken."""


class Vantage(StrEnum):
    """Where a fact was seen from."""

    LAPTOP = "laptop"
    TERMINAL = "terminal"
    WIRE = "wire"
    OPERATOR = "operator"
    DATA_CENTRE = "data_centre"


class Part(StrEnum):
    """Whose part an observation is about."""

    TERMINAL = "terminal"
    TILL_PRINTER = "till_printer"
    LAPTOP = "laptop"
    COUNTER_UPS = "counter_ups"
    SHOP_NETWORK = "shop_network"
    ACCESS_LINE = "access_line"
    HOST = "host"
    CARD = "card"
    OPERATOR = "operator"


class FailureKind(StrEnum):
    """Closed list of the ways in which an operation that ran can fail.

    ``silent``: the step's own limit passed without a byte. ``censored``: the run's budget ended the
    wait earlier, so nothing is known beyond "no answer by then".
    """

    SILENT = "silent"
    CENSORED = "censored"
    REFUSED = "refused"
    RESET = "reset"
    CLOSED = "closed"
    UNREACHABLE = "unreachable"
    NOT_FOUND = "not_found"
    PERMISSION = "permission"
    BUSY = "busy"
    GONE = "gone"
    PROTOCOL_ERROR = "protocol_error"
    NAME_NOT_FOUND = "name_not_found"
    NAME_SERVER_FAILURE = "name_server_failure"
    TLS_ALERT = "tls_alert"
    CLIENT_CERTIFICATE_REQUIRED = "client_certificate_required"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_WRONG_NAME = "certificate_wrong_name"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_SELF_SIGNED = "certificate_self_signed"
    CERTIFICATE_CHAIN_CUT = "certificate_chain_cut"
    STALE = "stale"
    DRIVER_NOT_CONNECTED = "driver_not_connected"
    MUTE = "mute"
    UNEXPECTED = "unexpected"


class Operation(StrEnum):
    """What was being done when it failed."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS_HANDSHAKE = "tls_handshake"
    VERIFY_CERTIFICATE = "verify_certificate"
    SEND = "send"
    RECEIVE = "receive"
    ECHO_TEST = "echo_test"
    SIGN_ON = "sign_on"
    ASK_TIME = "ask_time"
    PING = "ping"
    OPEN = "open"
    READ_STATUS = "read_status"
    READ_CARD = "read_card"
    READ_SYSTEM = "read_system"


class NotRunReason(StrEnum):
    """Why something was not measured. None of these says anything about the shop."""

    NOT_REACHABLE_FROM_HERE = "not_reachable_from_here"
    UNSUPPORTED = "unsupported"
    NO_PERMISSION = "no_permission"
    NOT_DECLARED = "not_declared"
    CONSENT_REQUIRED = "consent_required"
    SKIPPED = "skipped"
    BUDGET_SPENT = "budget_spent"
    INTERRUPTED = "interrupted"
    EARLIER_STEP_FAILED = "earlier_step_failed"
    NOT_APPLICABLE = "not_applicable"
    PACKAGE_MISSING = "package_missing"
    POLITENESS_LIMIT = "politeness_limit"
    SIMULATED_SITE = "simulated_site"
    CA_MISSING = "ca_missing"


class Measured(msgspec.Struct, frozen=True, tag="measured", tag_field="kind"):
    """A value that was measured.

    Attributes:
        value: finite; lists are samples in order.
        unit: ``s``, ``V``, ``ratio``, ``dBm``, ``day``, ``count`` ...; empty for text and flags.
    """

    value: Value
    unit: str = ""

    def __post_init__(self) -> None:
        numbers = self.value if isinstance(self.value, list) else [self.value]
        if any(isinstance(number, float) and not isfinite(number) for number in numbers):
            raise ValueError("a measured value must be finite")


class Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="kind"):
    """An operation that ran and failed.

    Attributes:
        failure: closed failure kind.
        operation: what was being done.
        detail: scrubbed text for people.
        waited_s: seconds waited where the failure is a wait that ended (silent, censored).
    """

    failure: FailureKind
    operation: Operation
    detail: str = ""
    waited_s: float | None = None


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One measured fact.

    Attributes:
        name: dotted lower snake, ``host_tcp.connect_time``.
        subject: what was measured: an address, a port, a device id; never a secret.
        vantage: where it was seen from.
        part: whose part it is.
        start_s: monotonic seconds since the run began.
        end_s: likewise, not before ``start_s``.
        result: value or failure.
    """

    name: str
    subject: str = ""
    vantage: Vantage = Vantage.LAPTOP
    part: Part = Part.TERMINAL
    start_s: float = 0.0
    end_s: float = 0.0
    result: Measured | Failed


class Unmeasured(msgspec.Struct, frozen=True, kw_only=True):
    """Something a probe would have measured but could not. Weighs nothing.

    Attributes:
        name: observation name, or a prefix that ends in ``.*`` for a whole group.
        reason: closed reason.
        detail: for people: a path, a group, what to install.
    """

    name: str
    subject: str = ""
    reason: NotRunReason
    detail: str = ""


class Completed(msgspec.Struct, frozen=True, kw_only=True, tag="completed", tag_field="status"):
    """A probe that ran to its end, whatever it met."""

    probe: str
    start_s: float
    end_s: float
    observations: list[Observation] = []
    unmeasured: list[Unmeasured] = []


class NotRun(msgspec.Struct, frozen=True, kw_only=True, tag="not_run", tag_field="status"):
    """A probe that did not run, or stopped before its end; keeps what it had observed."""

    probe: str
    reason: NotRunReason
    detail: str = ""
    start_s: float = 0.0
    end_s: float = 0.0
    observations: list[Observation] = []
    unmeasured: list[Unmeasured] = []


class Crashed(msgspec.Struct, frozen=True, kw_only=True, tag="crashed", tag_field="status"):
    """A probe whose code raised: our bug. Keeps what it had observed.

    Attributes:
        error: class name of the exception.
        traceback: file, line and function of each frame; no values, no source text.
    """

    probe: str
    error: str
    traceback: list[str]
    start_s: float = 0.0
    end_s: float = 0.0
    observations: list[Observation] = []
    unmeasured: list[Unmeasured] = []


ProbeOutcome = Completed | NotRun | Crashed

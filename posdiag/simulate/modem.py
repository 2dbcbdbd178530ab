"""A modem of the terminal that answers AT commands, as badly as it is told."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import msgspec

from posdiag.model.errors import RemoteWireError
from posdiag.simulate.byte_line import Answer, ByteLine
from posdiag.wire.at import AtModem

_GARBAGE = b"\xf8\x00\x80\xfe\xe0"
"""What a modem at half the speed looks like."""
_REGISTERED = (1, 5)


class ModemFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the modem, its SIM or its network.

    Attributes:
        silent: nothing is answered.
        garbage: what is answered is no text.
        delay_s: before each answer.
        gone_after: bytes received before it is unplugged; None: never.
        landline: a telephone modem; the rest is of no use then, but for ``dialled``.
        echo: each command comes back first.
        digits: results as digits.
        sim: state of the SIM (``READY``, ``SIM PIN`` ...), or empty: there is none.
        registration: state number, as ``+CREG`` tells it.
        csq: signal, 0 to 31; 99 unknown.
        rsrp_dbm, rsrq_db, sinr_db: signal on LTE.
        attached: packet data is attached.
        apn: of the first connection; empty: none is set.
        address: of the first connection; empty: none.
        clock: what ``+CCLK`` tells; empty: it is not told.
        dialled: result of dialling.
    """

    silent: bool = False
    garbage: bool = False
    delay_s: float = 0.0
    gone_after: int | None = None
    landline: bool = False
    echo: bool = False
    digits: bool = False
    sim: str = "READY"
    registration: int = 1
    csq: int = 22
    rsrp_dbm: int = -88
    rsrq_db: int = -9
    sinr_db: int = 15
    attached: bool = True
    apn: str = "cmnet"
    address: str = "10.64.3.9"
    clock: str = ""
    dialled: str = "CONNECT 2400"


class SimulatedModem:
    """Serves one modem on a pseudo terminal or over TCP.

    Attributes:
        journal: every run of bytes that came.
        commands: every command that came.
    """

    def __init__(self, faults: ModemFaults, *, pty: bool) -> None:
        """Keep the faults; nothing is opened yet."""
        self._faults = faults
        answers = _landline() if faults.landline else _cellular(faults)
        self._modem = AtModem(
            answers, echo=faults.echo, digits=faults.digits, dialled=faults.dialled
        )
        self._line = ByteLine(self._answer, pty=pty)
        self._received = 0
        self.journal = self._line.journal
        self.commands = self._modem.commands

    @property
    def path(self) -> str:
        """Return what a site file calls it; empty before ``start``."""
        return self._line.path

    def start(self) -> None:
        """Switch it on."""
        self._line.start()

    def stop(self) -> None:
        """Unplug it."""
        self._line.stop()

    def _answer(self, data: bytes) -> Answer:
        faults = self._faults
        self._received += len(data)
        answer = b""
        with contextlib.suppress(RemoteWireError):
            answer = self._modem.feed(data)
        if faults.gone_after is not None and self._received > faults.gone_after:
            return Answer(leaves=True)
        if faults.silent or not answer:
            return Answer()
        return Answer(_GARBAGE if faults.garbage else answer, faults.delay_s)


def _landline() -> Mapping[str, list[str]]:
    return {"AT+CMEE?": ["ERROR"], "ATI": ["Si2404"], "ATS7?": ["050"], "ATH": []}


def _cellular(faults: ModemFaults) -> Mapping[str, list[str]]:
    registered = faults.registration in _REGISTERED
    state = faults.registration
    answers = {
        "AT+CGMI": ["Quectel"],
        "AT+CGMM": ["EC25"],
        "AT+CGMR": ["EC25EFAR06A01M4G"],
        "AT+CPIN?": [f"+CPIN: {faults.sim}" if faults.sim else "+CME ERROR: 10"],
        "AT+CSQ": [f"+CSQ: {faults.csq},99"],
        "AT+CESQ": [f"+CESQ: 99,99,255,255,{2 * (faults.rsrq_db + 20)},{faults.rsrp_dbm + 141}"],
        "AT+CREG?": [f"+CREG: 0,{state}"],
        "AT+CGREG?": [f"+CGREG: 0,{state}"],
        "AT+CEREG?": [f"+CEREG: 0,{state}"],
        "AT+COPS?": ['+COPS: 0,0,"CHINA MOBILE",7' if registered else "+COPS: 0"],
        "AT+CGATT?": [f"+CGATT: {int(faults.attached and registered)}"],
        "AT+CGDCONT?": [f'+CGDCONT: 1,"IP","{faults.apn}","",0,0'],
        "AT+CGPADDR=1": [f'+CGPADDR: 1,"{faults.address}"'],
        "AT+QCSQ": [_quality(faults) if registered else '+QCSQ: "NOSERVICE"'],
        "AT+QNWINFO": ['+QNWINFO: "FDD LTE","46000","LTE BAND 3",1300'],
    }
    if faults.clock:
        answers["AT+CCLK?"] = [f'+CCLK: "{faults.clock}"']
    if not faults.sim:
        for command in ("AT+CREG?", "AT+CGREG?", "AT+CEREG?", "AT+COPS?", "AT+CGATT?"):
            answers[command] = ["+CME ERROR: 10"]
    return answers


def _quality(faults: ModemFaults) -> str:
    raw = 5 * (faults.sinr_db + 20)
    return f'+QCSQ: "LTE",{-113 + 2 * faults.csq},{faults.rsrp_dbm},{raw},{faults.rsrq_db}'

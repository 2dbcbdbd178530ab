"""The modem probe against simulated modems on pseudo terminals and over TCP."""

from __future__ import annotations

import datetime
import os
import sys
import threading
import tty
from collections.abc import Callable, Iterator

import pytest

from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes import modem as modem_probe
from posdiag.probes.modem import PROBE
from posdiag.simulate.modem import ModemFaults, SimulatedModem
from posdiag.wire.at_talk import READS, SENT
from tests.conftest import OTHER_SYSTEM
from tests.probes.device_runs import Yielded, at_site, failures_as_nobody

Start = Callable[..., SimulatedModem]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason=f"{OTHER_SYSTEM}pseudo terminals")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start simulated modems."""
    started: list[SimulatedModem] = []

    def begin(*, pty: bool = True, **faults: object) -> SimulatedModem:
        modem = SimulatedModem(ModemFaults(**faults), pty=pty)  # type: ignore[arg-type]
        modem.start()
        started.append(modem)
        return modem

    yield begin
    for modem in started:
        modem.stop()


def _device(modem: SimulatedModem) -> Device:
    return Device(kind=DeviceKind.MODEM, port=modem.path)


@pytest.mark.parametrize("pty", [True, False])
@pytest.mark.parametrize("echo", [True, False])
def test_a_healthy_modem(start: Start, *, pty: bool, echo: bool) -> None:
    modem = start(pty=pty, echo=echo, digits=echo)
    yielded = at_site(PROBE, _device(modem))
    assert yielded.value("modem.sim") == "READY"
    assert yielded.value("modem.registration") == "home"
    assert yielded.value("modem.rssi") == -69.0
    assert yielded.value("modem.rsrp") == -88.0
    assert yielded.value("modem.rsrq") == -9.0
    assert yielded.value("modem.sinr") == 15.0
    assert yielded.value("modem.attached") is True
    assert yielded.value("modem.has_address") is True
    assert yielded.value("modem.apn") == "cmnet"
    assert yielded.value("modem.operator") == "CHINA MOBILE"
    assert yielded.value("modem.access") == "FDD LTE LTE BAND 3"
    assert (yielded.value("modem.maker"), yielded.value("modem.model")) == ("Quectel", "EC25")
    reply = yielded.observation("modem.reply_time")
    assert (reply.part, reply.subject) == (Part.TERMINAL, modem.path)
    assert yielded.unmeasured("modem.dial_result").reason is NotRunReason.CONSENT_REQUIRED


@pytest.mark.parametrize(
    ("faults", "name", "value"),
    [
        ({"sim": ""}, "modem.sim", "ABSENT"),
        ({"sim": "SIM PIN"}, "modem.sim", "SIM PIN"),
        ({"sim": "PH-NET PIN"}, "modem.sim", "PH-NET PIN"),
        ({"registration": 3}, "modem.registration", "denied"),
        ({"registration": 5}, "modem.registration", "roaming"),
        ({"registration": 2}, "modem.registration", "searching"),
        ({"registration": 6}, "modem.registration", "sms_only_home"),
        ({"rsrp_dbm": -121}, "modem.rsrp", -121.0),
        ({"sinr_db": -3}, "modem.sinr", -3.0),
        ({"csq": 4}, "modem.rssi", -105.0),
        ({"attached": False}, "modem.attached", False),
        ({"apn": ""}, "modem.apn", "none"),
        ({"address": "0.0.0.0"}, "modem.has_address", False),
        ({"clock": "80/01/06,00:01:07+00"}, "modem.clock_set", False),
    ],
)
def test_what_it_tells(start: Start, faults: dict[str, object], name: str, value: object) -> None:
    assert at_site(PROBE, _device(start(**faults))).value(name) == value


def test_what_it_does_not_know_is_left_out(start: Start) -> None:
    yielded = at_site(PROBE, _device(start(csq=99)))
    assert "modem.rssi" not in yielded.names()
    assert "modem.clock_set" not in yielded.names()


def test_errors_keep_their_number_and_name(start: Start) -> None:
    told = at_site(PROBE, _device(start(sim=""))).observations("modem.error")
    assert "10 SIM not inserted (AT+CPIN?)" in {one.result.value for one in told}  # type: ignore[union-attr]


def test_its_clock_is_compared_with_the_laptops(start: Start) -> None:
    ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=3)
    yielded = at_site(PROBE, _device(start(clock=ago.strftime("%y/%m/%d,%H:%M:%S+00"))))
    assert yielded.value("modem.clock_offset") == pytest.approx(-10800, abs=30)


def test_by_default_nothing_dials_resets_or_disconnects(start: Start) -> None:
    for faults in ({}, {"landline": True}, {"sim": ""}, {"registration": 3}):
        modem = start(**faults)
        site = Site(
            devices=[_device(modem)], simulated=True, facts={"menu_dial_number": "10195516"}
        )
        Yielded(PROBE, site)
        assert modem.commands
        assert set(modem.commands) <= SENT
        changing = [command for command in modem.commands if command not in READS]
        assert changing in ([], ["AT+CMEE=1", "AT+CMEE=0"])
        assert b"".join(modem.journal).count(b"\r") == len(modem.commands)
    for command in SENT:
        for word in ("ATD", "ATH", "ATZ", "AT&F", "+CFUN", "+CGACT", "+COPS=", "+CGATT=", "+++"):
            assert word not in command


def _dialling(modem: SimulatedModem, number: object, *, allowed: bool = True) -> Yielded:
    facts = {} if number is None else {"menu_dial_number": number}
    site = Site(devices=[_device(modem)], simulated=True, facts=facts)  # type: ignore[arg-type]
    return Yielded(PROBE, site, consents=frozenset({"dial"} if allowed else ()))


@pytest.mark.parametrize(
    ("word", "result"), [("NO DIALTONE", "no_tone"), ("BUSY", "busy"), ("NO ANSWER", "no_answer")]
)
def test_a_test_dial_with_consent(start: Start, word: str, result: str) -> None:
    modem = start(landline=True, dialled=word)
    yielded = _dialling(modem, "0,10195516")
    assert yielded.value("modem.dial_result") == result
    assert yielded.value("modem.carrier_wait") == 50.0
    assert modem.commands[-2:] == ["ATDT0,10195516", "ATH"]
    assert "modem.dial_time" not in yielded.names()


def test_a_connection_is_timed_and_hung_up(start: Start) -> None:
    modem = start(landline=True)
    yielded = _dialling(modem, "10195516")
    assert yielded.value("modem.dial_result") == "connect"
    assert yielded.value("modem.dial_rate") == 2400
    assert 0 < float(str(yielded.value("modem.dial_time"))) < 5
    assert b"+++" in b"".join(modem.journal)
    assert modem.commands[-1].endswith("ATH")


@pytest.mark.parametrize(
    ("number", "allowed", "landline", "reason"),
    [
        ("10195516", False, True, NotRunReason.CONSENT_REQUIRED),
        (None, True, True, NotRunReason.NOT_DECLARED),
        ("110", True, True, NotRunReason.UNSUPPORTED),
        ("10195516", True, False, NotRunReason.NOT_APPLICABLE),
    ],
)
def test_when_nothing_is_dialled(
    start: Start, number: object, reason: NotRunReason, *, allowed: bool, landline: bool
) -> None:
    modem = start(landline=landline)
    yielded = _dialling(modem, number, allowed=allowed)
    assert yielded.unmeasured("modem.dial_result").reason is reason
    assert not any(command.startswith("ATD") for command in modem.commands)


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"silent": True}, FailureKind.SILENT),
        ({"garbage": True}, FailureKind.PROTOCOL_ERROR),
        ({"gone_after": 0}, FailureKind.GONE),
    ],
)
def test_failures(start: Start, faults: dict[str, object], kind: FailureKind) -> None:
    yielded = at_site(PROBE, _device(start(**faults)))
    assert yielded.kind("modem.reply_time") is kind
    assert yielded.names() == {"modem.reply_time"}


def test_pulled_in_the_middle_keeps_what_was_told(start: Start) -> None:
    yielded = at_site(PROBE, _device(start(gone_after=60)))
    kinds = [one.result for one in yielded.observations("modem.reply_time")]
    assert len(kinds) == 2
    assert yielded.value("modem.maker") == "Quectel"
    assert "modem.registration" not in yielded.names()


def test_a_line_with_a_connection_is_not_touched() -> None:
    """The rest of a PPP frame comes in: somebody is on-line."""
    master, slave = os.openpty()
    tty.setraw(slave)
    stop = threading.Event()

    def talk() -> None:
        while not stop.wait(0.02):
            os.write(master, b"\x7e\xff\x7d\x23\x00\x21\x7e")

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        os.set_blocking(master, False)
        yielded = at_site(PROBE, Device(kind=DeviceKind.MODEM, port=os.ttyname(slave)))
        assert yielded.unmeasured("modem.*").reason is NotRunReason.NOT_APPLICABLE
        assert yielded.names() == set()
        with pytest.raises(BlockingIOError):
            os.read(master, 100)
    finally:
        stop.set()
        thread.join()
        os.close(master)
        os.close(slave)


def test_a_carrier_on_the_line_is_not_touched(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pseudo terminals have no lines: these are a stand-in."""
    from posdiag.link.serial_port import ModemLines, SerialPort

    monkeypatch.setattr(
        SerialPort, "modem_lines", lambda _self: ModemLines(cts=True, dsr=True, cd=True)
    )
    modem = start()
    yielded = at_site(PROBE, _device(modem))
    assert "carrier" in yielded.unmeasured("modem.*").detail
    assert modem.journal == []


def test_a_port_that_somebody_has_locked_is_not_opened(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_port: str) -> None:
        raise LinkError(FailureKind.BUSY, Operation.OPEN, "locked by process 4711")

    monkeypatch.setattr(modem_probe, "refuse_locked", locked)
    modem = start()
    failed = at_site(PROBE, _device(modem)).failed("modem.reply_time")
    assert (failed.failure, failed.detail) == (FailureKind.BUSY, "locked by process 4711")
    assert modem.journal == []


def test_nobody_there() -> None:
    device = Device(kind=DeviceKind.MODEM, port="/dev/ttyUSB99")
    assert at_site(PROBE, device).kind("modem.reply_time") is FailureKind.NOT_FOUND
    device = Device(kind=DeviceKind.MODEM, port="socket://127.0.0.1:9")
    assert at_site(PROBE, device).kind("modem.reply_time") is FailureKind.REFUSED


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user id")
def test_no_permission(start: Start) -> None:
    modem = start()
    os.chmod(modem.path, 0o600)  # noqa: PTH101  (a device file)
    kind, detail = failures_as_nobody("modem", modem.path)["modem.reply_time"]
    assert kind == "permission"
    assert detail


def test_the_budget_ends_it(start: Start) -> None:
    yielded = at_site(PROBE, _device(start(silent=True)), budget_s=0.6)
    failed = yielded.failed("modem.reply_time")
    assert failed.failure is FailureKind.CENSORED
    spent = at_site(PROBE, _device(start()), budget_s=0.0)
    assert spent.unmeasured("modem.*").reason is NotRunReason.BUDGET_SPENT


def test_without_a_modem_it_does_not_run() -> None:
    with pytest.raises(CannotRun) as raised:
        PROBE.targets(Site())
    assert raised.value.reason is NotRunReason.NOT_DECLARED
    site = Site(devices=[Device(kind=DeviceKind.MODEM, port="/dev/ttyUSB2")])
    assert PROBE.targets(site) == ["/dev/ttyUSB2"]
    assert PROBE.resources(site) == ["serial:/dev/ttyUSB2"]
    assert modem_probe.CONSENT == "dial"

"""The probe that asks a terminal for its own word: ZVT, nexo, frames of a profile, uploads."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from posdiag.link.passphrase import VARIABLE
from posdiag.model.frames import FrameSettings
from posdiag.model.observation import FailureKind, NotRunReason, Vantage
from posdiag.model.site import Device, Site
from posdiag.probes import discover
from posdiag.simulate.frame_terminal import FrameFaults, SimulatedFrameTerminal
from posdiag.simulate.nexo_terminal import NexoFaults, SimulatedNexoTerminal
from posdiag.simulate.zvt_terminal import SimulatedZvtTerminal, ZvtFaults
from posdiag.site.profiles import built_in_folders, load_terminal
from posdiag.wire import zvt_dialogue
from posdiag.wire.status_upload import encode_items
from tests.probes.device_runs import Yielded

PROBE = discover()["terminal"]
PASSPHRASE = "a passphrase that nobody may see"  # noqa: S105
EVERYTHING = frozenset({"terminal-session", "online-diagnosis", "print"})
Part = SimulatedZvtTerminal | SimulatedNexoTerminal | SimulatedFrameTerminal
Start = Callable[[Part], Part]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start simulated terminals, and stop them at the end."""
    started: list[Part] = []

    def begin(part: Part) -> Part:
        part.start()
        started.append(part)
        return part

    yield begin
    for part in started:
        part.stop()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zvt_dialogue, "T2_S", 0.3)
    monkeypatch.setattr(zvt_dialogue, "T3_S", 0.4)
    monkeypatch.setattr(zvt_dialogue, "T4_S", 1.5)
    monkeypatch.delenv(VARIABLE, raising=False)


def asked(
    device: Device | None,
    *,
    consents: frozenset[str] = frozenset(),
    budget_s: float = 20.0,
    **site: object,
) -> Yielded:
    """Run the probe at a site with this terminal."""
    where = Site(devices=[device] if device else [], simulated=True, **site)  # type: ignore[arg-type]
    return Yielded(PROBE, where, budget_s=budget_s, consents=consents)


def device(port: str, protocol: str, **more: object) -> Device:
    """Return a declared terminal."""
    return msgspec.convert({"kind": "terminal", "port": port, "protocol": protocol, **more}, Device)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


# ZVT


@pytest.fixture(params=["pty", "tcp"])
def zvt(request: pytest.FixtureRequest, start: Start) -> Callable[[ZvtFaults], Part]:
    """Make ZVT terminals on both kinds of line."""
    pty = request.param == "pty"
    if pty and os.name != "posix":
        pytest.skip("other system: no pseudo terminals")
    return lambda faults: start(SimulatedZvtTerminal(faults, pty=pty))


def test_by_default_only_the_status_is_asked(zvt: Callable[[ZvtFaults], Part]) -> None:
    terminal = zvt(ZvtFaults(status="CC", locks="0404"))
    assert isinstance(terminal, SimulatedZvtTerminal)
    seen = asked(device(terminal.path, "zvt"))
    assert seen.value("terminal.reply") is True
    assert seen.value("terminal.printer") == "not_ready"
    assert seen.observation("terminal.printer").vantage is Vantage.TERMINAL
    assert seen.value("terminal.supply") == "low"
    assert seen.value("terminal.tid") == "12345678"
    assert isinstance(seen.value("terminal.reply_time"), float)
    assert seen.unmeasured("terminal.host").detail == "--allow online-diagnosis"
    assert seen.unmeasured("terminal.host_address").detail == "--allow print"
    assert terminal.commands == ["0501"]
    assert terminal.printed == []


@pytest.mark.parametrize(
    ("consents", "commands"),
    [
        ({"online-diagnosis"}, ["0501", "0670"]),
        ({"print"}, ["0501", "061A"]),
        ({"terminal-session"}, ["0600", "0501", "0602"]),
        (EVERYTHING, ["0600", "0501", "0670", "061A", "0602"]),
        ({"sign-on", "idle-wait"}, ["0501"]),
    ],
)
def test_each_intrusive_command_has_its_own_consent(
    zvt: Callable[[ZvtFaults], Part], consents: frozenset[str], commands: list[str]
) -> None:
    terminal = zvt(ZvtFaults())
    assert isinstance(terminal, SimulatedZvtTerminal)
    seen = asked(device(terminal.path, "zvt"), consents=frozenset(consents))
    assert terminal.commands == commands
    assert not terminal.registered
    assert seen.value("terminal.state") == "ready"
    if "061A" in commands and "0600" not in commands:
        assert terminal.printed
        assert "terminal.host_address" not in seen.names()
    if consents == EVERYTHING:
        assert terminal.printed == []
        assert seen.value("terminal.host") == "reachable"
        assert seen.value("terminal.host_address") == "pay.example"
        assert seen.value("terminal.gateway") == "192.0.2.1"
        assert seen.value("terminal.voltage") == 7.4


def test_a_diagnosis_that_hangs_tells_where(zvt: Callable[[ZvtFaults], Part]) -> None:
    terminal = zvt(ZvtFaults(diagnosis="dialling"))
    assert isinstance(terminal, SimulatedZvtTerminal)
    seen = asked(device(terminal.path, "zvt"), consents=frozenset({"online-diagnosis"}))
    assert seen.kind("terminal.reply") is FailureKind.SILENT
    assert seen.value("terminal.waits_for") == "dialling"
    # What was said before the hang is kept.
    assert seen.value("terminal.state") == "ready"


def test_a_refusal_is_an_answer(zvt: Callable[[ZvtFaults], Part]) -> None:
    terminal = zvt(ZvtFaults(refuse={"0501": "6B"}))
    assert isinstance(terminal, SimulatedZvtTerminal)
    seen = asked(device(terminal.path, "zvt"))
    assert seen.value("terminal.reply") is True
    assert seen.value("terminal.refused") == "refused with 6B: terminal not registered"
    assert seen.value("terminal.state") == "not_registered"


def test_silence_and_a_budget_that_ends_first(zvt: Callable[[ZvtFaults], Part]) -> None:
    terminal = zvt(ZvtFaults(silent=True))
    assert isinstance(terminal, SimulatedZvtTerminal)
    seen = asked(device(terminal.path, "zvt"))
    assert seen.kind("terminal.reply") is FailureKind.SILENT
    assert seen.value("terminal.acknowledged") is False
    assert seen.names() == {"terminal.reply", "terminal.acknowledged"}
    cut = asked(device(terminal.path, "zvt"), budget_s=0.15)
    assert cut.kind("terminal.reply") is FailureKind.CENSORED
    spent = asked(device(terminal.path, "zvt"), budget_s=0.0)
    assert spent.unmeasured("terminal.*").reason is NotRunReason.BUDGET_SPENT


def test_acknowledged_but_not_answered_is_another_fact(start: Start) -> None:
    if os.name != "posix":
        pytest.skip("other system: no pseudo terminals")
    terminal = start(SimulatedZvtTerminal(ZvtFaults(mute=True), pty=True))
    assert isinstance(terminal, SimulatedZvtTerminal)
    seen = asked(device(terminal.path, "zvt"))
    assert seen.kind("terminal.reply") is FailureKind.SILENT
    assert seen.value("terminal.acknowledged") is True


def test_nobody_is_there() -> None:
    refused = asked(device(f"socket://127.0.0.1:{free_port()}", "zvt"))
    assert refused.kind("terminal.reply") is FailureKind.REFUSED
    gone = asked(device("/dev/posdiag-no-such-port", "zvt"))
    assert gone.kind("terminal.reply") is FailureKind.NOT_FOUND


def test_a_password_that_is_none_is_said(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = start(SimulatedZvtTerminal(ZvtFaults(), pty=False))
    assert isinstance(terminal, SimulatedZvtTerminal)
    monkeypatch.setenv(VARIABLE, "not six digits")
    seen = asked(device(terminal.path, "zvt"), consents=EVERYTHING)
    assert seen.unmeasured("terminal.*").reason is NotRunReason.NOT_DECLARED
    assert terminal.commands == []
    assert "not six digits" not in repr(seen.items)


def test_what_is_not_declared() -> None:
    with pytest.raises(Exception, match="not_declared"):
        PROBE.targets(Site())
    for wrong in ("none", "enq"):
        seen = asked(device("/dev/null", wrong))
        assert seen.unmeasured("terminal.*").reason is NotRunReason.NOT_DECLARED
    frames = asked(device("/dev/null", "frames"))
    assert frames.unmeasured("terminal.*").detail == "[frames] in the terminal's profile"
    assert (
        asked(device("socket://127.0.0.1:1", "nexo"))
        .unmeasured("terminal.*")
        .detail.startswith("poi_id")
    )


# nexo


def nexo(start: Start, **faults: object) -> SimulatedNexoTerminal:
    """Start a nexo terminal over HTTPS."""
    terminal = start(SimulatedNexoTerminal(msgspec.convert(faults, NexoFaults)))
    assert isinstance(terminal, SimulatedNexoTerminal)
    return terminal


def of(terminal: SimulatedNexoTerminal, **more: object) -> Device:
    """Return the device that a site file would declare."""
    declared = {"poi_id": terminal.poi_id, "ca_file": terminal.ca_file, "key_id": "shop", **more}
    return device(f"https://127.0.0.1:{terminal.port}", "nexo", **declared)


def test_by_default_the_host_is_not_asked_for(start: Start) -> None:
    terminal = nexo(start, printer="NoPaper", host=False, additional="batteryLevel=12%25")
    seen = asked(of(terminal))
    assert seen.value("terminal.printer") == "no_paper"
    assert seen.value("terminal.line") == "ok"
    assert seen.value("terminal.battery") == 0.12
    assert seen.unmeasured("terminal.host").detail == "--allow online-diagnosis"
    assert terminal.asked == [False]
    allowed = asked(of(terminal), consents=frozenset({"online-diagnosis"}))
    assert allowed.value("terminal.host") == "unreachable"
    assert terminal.asked == [False, False, True]


def test_chunks_and_the_old_certificate_that_all_terminals_share(start: Start) -> None:
    terminal = nexo(
        start, chunked=True, common_name="legacy-terminal-certificate.live.terminal.adyen.com"
    )
    assert asked(of(terminal)).value("terminal.state") == "ready"


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"common_name": "V400m-000000002.test.terminal.adyen.com"}, "certificate_wrong_name"),
        ({"common_name": "terminal.example"}, "certificate_wrong_name"),
        (
            {"common_name": "V400m-000000001.test.terminal.adyen.com.evil.example"},
            "certificate_wrong_name",
        ),
        ({"certificate": "expired"}, "certificate_expired"),
        ({"certificate": "not_yet_valid"}, "certificate_not_yet_valid"),
        ({"certificate": "self_signed"}, "certificate_self_signed"),
    ],
)
def test_nothing_is_sent_to_a_terminal_with_a_wrong_certificate(
    start: Start, faults: dict[str, object], kind: str
) -> None:
    terminal = nexo(start, **faults)
    seen = asked(of(terminal))
    assert seen.kind("terminal.reply") == kind
    assert terminal.connects == 1
    assert terminal.journal == []


def test_another_root_is_not_trusted(start: Start) -> None:
    terminal, other = nexo(start), nexo(start)
    seen = asked(of(terminal, ca_file=other.ca_file))
    assert seen.kind("terminal.reply") is FailureKind.CERTIFICATE_CHAIN_CUT
    assert terminal.journal == []


def test_without_a_ca_file_it_is_not_run(start: Start) -> None:
    terminal = nexo(start)
    seen = asked(of(terminal, ca_file=None))
    assert seen.unmeasured("terminal.*").reason is NotRunReason.CA_MISSING
    assert terminal.connects == 0
    missing = asked(of(terminal, ca_file="/no/such/file.pem"))
    assert missing.unmeasured("terminal.*").reason is NotRunReason.NOT_DECLARED


@pytest.mark.parametrize("by", ["environment", "file"])
def test_the_envelope_with_a_passphrase_that_is_kept_nowhere(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str
) -> None:
    terminal = nexo(start, printer="PaperJam", passphrase=PASSPHRASE)
    declared = of(terminal)
    if by == "environment":
        monkeypatch.setenv(VARIABLE, PASSPHRASE)
    else:
        path = tmp_path / "passphrase"
        path.write_text(PASSPHRASE + "\n", encoding="utf-8")
        declared = of(terminal, passphrase_file=str(path))
    seen = asked(declared)
    assert seen.value("terminal.printer") == "paper_jam"
    assert "DiagnosisRequest" in terminal.journal[0]
    assert PASSPHRASE not in repr(seen.items) + repr(declared)


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"passphrase": "another"}, FailureKind.PERMISSION),
        ({"passphrase": PASSPHRASE, "tampered": True}, FailureKind.PERMISSION),
        ({"passphrase": PASSPHRASE, "clear_answer": True}, FailureKind.PROTOCOL_ERROR),
        ({}, FailureKind.PERMISSION),
        ({"passphrase": PASSPHRASE, "status": 401}, FailureKind.PERMISSION),
        ({"passphrase": PASSPHRASE, "status": 500}, FailureKind.PROTOCOL_ERROR),
    ],
)
def test_an_envelope_that_does_not_open(
    start: Start, monkeypatch: pytest.MonkeyPatch, faults: dict[str, object], kind: FailureKind
) -> None:
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    seen = asked(of(nexo(start, **faults)))
    assert seen.kind("terminal.reply") is kind
    assert seen.names() == {"terminal.reply"}


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"body": "<html>"}, FailureKind.PROTOCOL_ERROR),
        ({"body": "{}"}, FailureKind.PROTOCOL_ERROR),
        ({"other_service": True}, FailureKind.PROTOCOL_ERROR),
        ({"silent": True}, FailureKind.CLOSED),
    ],
)
def test_answers_that_are_none(start: Start, faults: dict[str, object], kind: FailureKind) -> None:
    assert asked(of(nexo(start, **faults))).kind("terminal.reply") is kind


def test_a_terminal_that_thinks_longer_than_the_run(start: Start) -> None:
    seen = asked(of(nexo(start, delay_s=5.0)), budget_s=0.8)
    assert seen.kind("terminal.reply") is FailureKind.CENSORED


@pytest.mark.parametrize("protocol", ["nexo", "nexo_xml"])
def test_plain_tcp_behind_a_length(start: Start, protocol: str) -> None:
    terminal = start(SimulatedNexoTerminal(NexoFaults(printer="NoPaper"), transport="length"))
    assert isinstance(terminal, SimulatedNexoTerminal)
    port = f"socket://127.0.0.1:{terminal.port}"
    seen = asked(device(port, protocol, poi_id="V1-2"))
    assert seen.value("terminal.printer") == "no_paper"
    assert terminal.asked == [False]


def test_a_passphrase_file_that_is_not_there(start: Start, tmp_path: Path) -> None:
    terminal = nexo(start)
    empty = tmp_path / "empty"
    empty.touch()
    for path in (tmp_path / "missing", empty):
        seen = asked(of(terminal, passphrase_file=str(path)))
        assert seen.unmeasured("terminal.*").reason is NotRunReason.NOT_DECLARED


# frames of a profile

SHIPPED: dict[str, tuple[dict[bytes, bytes | None], dict[str, str]]] = {
    "transbank_integrado": ({b"0100": None}, {}),
    "nexi_ecr17": (
        {b"123456780s": b"123456780s" + b"0" * 10 + b"2411261200" + b"4" + b"01.02"},
        {"tid": "12345678", "keys": "missing", "software": "01.02"},
    ),
    "verifone_point": (
        {b"s00": b"S1100" + b"0" + b"0" + b"0" + b"No connection", b"s02": b"Sv1.7"},
        {"host": "unreachable", "reader": "ok", "text": "No connection", "software": "v1.7"},
    ),
    "caisse_concert": ({}, {}),
    "abecs_pinpad": (
        {
            b"OPN": b"OPN000",
            b"GIN00200": b"GIN000042" + b"MAKER".ljust(20) + b"MODEL".ljust(19),
            b"CLO": b"CLO000",
        },
        {"pin_pad": "ok", "software": "MAKER               MODEL"},
    ),
    "codepay_55aa": ({b"\x01\0\0": b"\x02\0\0"}, {}),
    "mellon_ecr": (
        {b"ECR01X/posdiag": b"X/posdiag/T12345678:1.0"},
        {"software": "T12345678:1.0"},
    ),
}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_each_shipped_profile_asks_its_terminal(start: Start, name: str) -> None:
    answers, said = SHIPPED[name]
    profile = load_terminal(name, built_in_folders())
    frames = profile.frames
    assert frames is not None
    assert all(request.effect == "safe" for request in frames.requests)
    known = {request: answer for request, answer in answers.items() if answer is not None}
    terminal = start(SimulatedFrameTerminal(frames, known, FrameFaults(), pty=os.name == "posix"))
    assert isinstance(terminal, SimulatedFrameTerminal)
    seen = asked(device(terminal.path, "frames"), terminal=profile, tid="12345678")
    assert seen.value("terminal.reply") is True
    assert terminal.requests == list(answers)
    for topic, value in said.items():
        assert seen.value(f"terminal.{topic}") == value


NEW_FAMILY: dict[str, object] = {
    "kind": "stx_etx",
    "ack_s": 0.3,
    "answer_s": 0.4,
    "byte_s": 0.1,
    "requests": [
        {
            "name": "status",
            "send": "ST",
            "effect": "safe",
            "reads": [{"topic": "printer", "at": 2, "length": 1, "codes": {"1": "no_paper"}}],
        },
        {"name": "report", "send": "RP", "effect": "prints", "answer": "ack"},
        {"name": "host", "send": "HT", "effect": "goes_online", "answer": "ack"},
        {"name": "login", "send": "LG", "effect": "takes_session", "answer": "ack"},
    ],
}


def family(**more: object) -> FrameSettings:
    """Return a made-up family's frames."""
    return msgspec.convert({**NEW_FAMILY, **more}, FrameSettings)


def run_frames(
    start: Start,
    faults: FrameFaults,
    settings: FrameSettings | None = None,
    consents: frozenset[str] = frozenset(),
) -> tuple[Yielded, SimulatedFrameTerminal]:
    """Ask a simulated terminal of the made-up family over TCP."""
    settings = settings or family()
    terminal = start(SimulatedFrameTerminal(settings, {b"ST": b"ST1"}, faults, pty=False))
    assert isinstance(terminal, SimulatedFrameTerminal)
    base = load_terminal("verifone_point", built_in_folders())
    profile = msgspec.structs.replace(base, frames=settings)
    seen = asked(device(terminal.path, "frames"), terminal=profile, consents=consents)
    return seen, terminal


@pytest.mark.parametrize(
    ("consents", "requests"),
    [
        (set(), [b"ST"]),
        ({"print"}, [b"ST", b"RP"]),
        ({"online-diagnosis"}, [b"ST", b"HT"]),
        ({"terminal-session"}, [b"ST", b"LG"]),
        (EVERYTHING, [b"ST", b"RP", b"HT", b"LG"]),
    ],
)
def test_a_profile_says_which_requests_need_a_consent(
    start: Start, consents: set[str], requests: list[bytes]
) -> None:
    _, terminal = run_frames(start, FrameFaults(), consents=frozenset(consents))
    assert terminal.requests == requests


@pytest.mark.parametrize(
    "faults",
    [
        FrameFaults(naks=2),
        FrameFaults(broken=1),
        FrameFaults(split=True),
    ],
)
def test_trouble_that_is_overcome(start: Start, faults: FrameFaults) -> None:
    seen, _ = run_frames(start, faults)
    assert seen.value("terminal.printer") == "no_paper"


@pytest.mark.parametrize(
    ("faults", "kind", "acknowledged"),
    [
        (FrameFaults(silent=True), FailureKind.SILENT, False),
        (FrameFaults(mute=True), FailureKind.SILENT, True),
        (FrameFaults(naks=9), FailureKind.PROTOCOL_ERROR, False),
        (FrameFaults(broken=9), FailureKind.PROTOCOL_ERROR, True),
        (FrameFaults(echo=True), FailureKind.PROTOCOL_ERROR, False),
    ],
)
def test_trouble_that_is_not(
    start: Start, faults: FrameFaults, kind: FailureKind, *, acknowledged: bool
) -> None:
    seen, _ = run_frames(start, faults)
    assert seen.kind("terminal.reply") is kind
    assert seen.value("terminal.acknowledged") is acknowledged
    if faults.echo:
        assert seen.failed("terminal.reply").detail == "only our own request came back"


def test_an_enquiry_before_each_frame_and_progress_in_between(start: Start) -> None:
    settings = family(handshake="enq", progress=True)
    seen, terminal = run_frames(start, FrameFaults(progress="Bitte warten"), settings)
    assert seen.value("terminal.printer") == "no_paper"
    assert seen.value("terminal.text") == "Bitte warten"
    assert terminal.journal[0] == b"\x05"


def test_a_request_that_names_the_terminal_needs_its_number() -> None:
    profile = load_terminal("nexi_ecr17", built_in_folders())
    seen = asked(device("/dev/null", "frames"), terminal=profile)
    assert seen.unmeasured("terminal.*").detail.startswith("tid")


# uploads


def test_a_status_upload_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "upload.hex"
    items = {"01": "1", "02": "1", "03": "1", "04": "0", "12": "05", "13": "3"}
    path.write_text(encode_items(items).hex(" "), encoding="ascii")
    seen = asked(device(str(path), "status_upload"))
    assert seen.value("terminal.printer") == "out_of_order"
    assert seen.value("terminal.timer") == 5.0
    assert seen.value("terminal.attempts") == 3
    assert "terminal.reader" not in seen.names()


def test_a_file_that_holds_no_upload(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"nothing of the kind")
    assert asked(device(str(path), "status_upload")).kind("terminal.reply") is (
        FailureKind.PROTOCOL_ERROR
    )
    path.write_bytes(bytes(20_000))
    long = asked(device(str(path), "status_upload"))
    assert long.unmeasured("terminal.*").reason is NotRunReason.UNSUPPORTED
    missing = asked(device(str(tmp_path / "y"), "status_upload"))
    assert missing.unmeasured("terminal.*").reason is NotRunReason.NOT_DECLARED

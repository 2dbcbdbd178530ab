"""A dialogue with the simulated ZVT terminal, framed on a pseudo terminal and bare over TCP."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.device_address import device_address
from posdiag.link.serial_port import open_port, run_serial
from posdiag.link.tcp import run_tcp
from posdiag.model.observation import FailureKind
from posdiag.model.terminal_word import Saying
from posdiag.simulate.zvt_terminal import SimulatedZvtTerminal, ZvtFaults
from posdiag.wire import zvt_dialogue
from posdiag.wire.zvt import Apdu
from posdiag.wire.zvt_commands import (
    DIAGNOSIS,
    LOG_OFF,
    PRINT_SETTINGS,
    STATUS_ENQUIRY,
    registration,
    sayings_of,
)
from posdiag.wire.zvt_dialogue import Outcome, ZvtDialogue

Make = Callable[[ZvtFaults], SimulatedZvtTerminal]
ALL = [registration(), STATUS_ENQUIRY, DIAGNOSIS, PRINT_SETTINGS, LOG_OFF]


def _started(*, pty: bool) -> Iterator[Make]:
    if pty and os.name != "posix":
        pytest.skip("other system: no pseudo terminals")
    started: list[SimulatedZvtTerminal] = []

    def begin(faults: ZvtFaults) -> SimulatedZvtTerminal:
        terminal = SimulatedZvtTerminal(faults, pty=pty)
        terminal.start()
        started.append(terminal)
        return terminal

    yield begin
    for terminal in started:
        terminal.stop()


@pytest.fixture(params=["pty", "tcp"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Start simulated terminals on both kinds of line."""
    yield from _started(pty=request.param == "pty")


@pytest.fixture
def on_line() -> Iterator[Make]:
    """Start simulated terminals on pseudo terminals."""
    yield from _started(pty=True)


@pytest.fixture
def on_tcp() -> Iterator[Make]:
    """Start simulated terminals over TCP."""
    yield from _started(pty=False)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each of the protocol's waits a tenth of a second to half a second."""
    monkeypatch.setattr(zvt_dialogue, "T1_S", 0.1)
    monkeypatch.setattr(zvt_dialogue, "T2_S", 0.25)
    monkeypatch.setattr(zvt_dialogue, "T3_S", 0.4)
    monkeypatch.setattr(zvt_dialogue, "T4_S", 0.6)


def talk(
    terminal: SimulatedZvtTerminal, commands: Sequence[Apdu] = ALL, budget_s: float = 10.0
) -> ZvtDialogue:
    """Have a dialogue and return it."""
    path, deadline = terminal.path, Deadline.after(budget_s)
    if path.startswith("socket://"):
        dialogue = ZvtDialogue(commands, serial=False)
        host, port = device_address(path)
        run_tcp(host, port, dialogue, deadline, 2.0)
        return dialogue
    dialogue = ZvtDialogue(commands, serial=True)
    with open_port(path, baud=9600, deadline=deadline) as port_:
        run_serial(port_, dialogue, deadline)
    return dialogue


def said(dialogue: ZvtDialogue) -> list[Saying]:
    """Return everything that it said."""
    return [one for answer in dialogue.answers for one in sayings_of(answer)]


def test_registration_status_and_diagnosis(make: Make) -> None:
    terminal = make(ZvtFaults(status="CC", locks="0404"))
    dialogue = talk(terminal)
    assert dialogue.failure is None
    assert dialogue.acknowledged
    assert [answer.outcome for answer in dialogue.answers] == [Outcome.COMPLETED] * 5
    assert terminal.commands == ["0600", "0501", "0670", "061A", "0602"]
    assert not terminal.registered
    assert terminal.printed == []
    words = said(dialogue)
    assert Saying("printer", "not_ready") in words
    assert Saying("supply", "low") in words
    assert Saying("host", "reachable") in words
    assert Saying("host_port", "20012") in words
    assert Saying("voltage", 7.4) in words
    assert dialogue.answers[2].host_clock == "261124120000"


def test_without_a_registration_the_configuration_comes_out_on_paper(make: Make) -> None:
    terminal = make(ZvtFaults())
    dialogue = talk(terminal, [PRINT_SETTINGS])
    assert dialogue.failure is None
    assert terminal.printed
    assert dialogue.answers[0].lines == []


def test_a_refused_command_does_not_end_the_dialogue(make: Make) -> None:
    dialogue = talk(make(ZvtFaults(refuse={"0501": "6B"})), [STATUS_ENQUIRY, DIAGNOSIS])
    assert [a.outcome for a in dialogue.answers] == [Outcome.REFUSED, Outcome.COMPLETED]
    assert Saying("state", "not_registered") in sayings_of(dialogue.answers[0])


def test_an_aborted_diagnosis_tells_why(make: Make) -> None:
    dialogue = talk(make(ZvtFaults(diagnosis="no_line")), [DIAGNOSIS])
    assert dialogue.failure is None
    assert dialogue.answers[0].outcome is Outcome.ABORTED
    assert sayings_of(dialogue.answers[0]) == [Saying("code", "9B"), Saying("line", "down")]


@pytest.mark.parametrize("hang", ["dialling", "host"])
def test_a_diagnosis_that_hangs_tells_where(make: Make, hang: str) -> None:
    faults = ZvtFaults(diagnosis="dialling" if hang == "dialling" else "host")
    dialogue = talk(make(faults), [DIAGNOSIS])
    assert dialogue.failure is not None
    assert dialogue.failure.failure is FailureKind.SILENT
    assert dialogue.failure.detail.endswith(f"waiting for {hang}")
    assert dialogue.answers[0].waited_for == hang


def test_no_answer(make: Make) -> None:
    terminal = make(ZvtFaults(silent=True))
    dialogue = talk(terminal, [STATUS_ENQUIRY])
    assert dialogue.failure is not None
    assert dialogue.failure.failure is FailureKind.SILENT
    on_tcp = terminal.path.startswith("socket")
    assert dialogue.failure.detail == ("no answer" if on_tcp else "no acknowledgement")
    # On a line a frame without acknowledgement is sent three times, over TCP once.
    assert len(b"".join(terminal.journal)) == (3 if on_tcp else 27)
    assert not dialogue.acknowledged


def test_acknowledged_but_not_answered_is_another_silence(on_line: Make) -> None:
    terminal = on_line(ZvtFaults(mute=True))
    dialogue = talk(terminal, [STATUS_ENQUIRY])
    assert dialogue.acknowledged
    assert dialogue.failure is not None
    assert dialogue.failure.detail == "acknowledged, but no answer"


def test_the_run_ends_first(make: Make) -> None:
    dialogue = talk(make(ZvtFaults(silent=True)), [STATUS_ENQUIRY], budget_s=0.1)
    assert dialogue.failure is not None
    assert dialogue.failure.failure is FailureKind.CENSORED


@pytest.mark.parametrize(
    ("faults", "good"),
    [
        (ZvtFaults(naks=2), True),
        (ZvtFaults(naks=3), False),
        (ZvtFaults(broken=2), True),
        (ZvtFaults(broken=9), False),
        (ZvtFaults(ack_s=0.15), True),
        (ZvtFaults(ack_s=0.35), True),
        (ZvtFaults(echo=True), False),
    ],
)
def test_trouble_on_a_serial_line(on_line: Make, faults: ZvtFaults, *, good: bool) -> None:
    terminal = on_line(faults)
    dialogue = talk(terminal, [STATUS_ENQUIRY])
    if good:
        assert dialogue.failure is None
        assert Saying("state", "ready") in said(dialogue)
    else:
        assert dialogue.failure is not None
        assert dialogue.failure.failure is FailureKind.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("faults", "good"),
    [
        (ZvtFaults(split=True), True),
        (ZvtFaults(answer_s=0.2), True),
        (ZvtFaults(answer_s=0.9), False),
    ],
)
def test_split_merged_and_late_units(on_tcp: Make, faults: ZvtFaults, *, good: bool) -> None:
    terminal = on_tcp(faults)
    dialogue = talk(terminal, [STATUS_ENQUIRY, DIAGNOSIS])
    if good:
        assert dialogue.failure is None
        assert Saying("host", "reachable") in said(dialogue)
    else:
        assert dialogue.failure is not None
        assert dialogue.failure.detail == "no answer"

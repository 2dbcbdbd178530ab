"""The adb server's protocol: requests, refusals, output, the server's role."""

from __future__ import annotations

import random

import pytest

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.wire.adb import (
    AdbConversation,
    AdbDevice,
    AdbServer,
    DevicesConversation,
    counted,
    devices_in,
    frame,
    shell_conversation,
)
from posdiag.wire.conversation import Ended
from tests.wire.played import play

# AOSP packages/modules/adb, OVERVIEW.TXT: the length counts the payload only
FRAMES = [("host:version", b"000Chost:version"), ("host:devices", b"000Chost:devices")]


@pytest.mark.parametrize(("text", "data"), FRAMES)
def test_frames(text: str, data: bytes) -> None:
    assert frame(text) == data
    assert counted(data + b"xy") == (text.encode(), b"xy")
    for end in range(len(data)):
        assert counted(data[:end]) is None


def test_what_is_no_frame() -> None:
    with pytest.raises(RemoteWireError):
        counted(b"SSH-2.0")
    with pytest.raises(LocalWireError):
        frame("x" * 70_000)


def test_a_listing() -> None:
    listing = "emulator-5554\tdevice\n192.0.2.7:5555\toffline\nPP01\tno permissions; see\nnone\n\n"
    assert devices_in(listing) == [
        AdbDevice("emulator-5554", "device"),
        AdbDevice("192.0.2.7:5555", "offline"),
        AdbDevice("PP01", "no permissions; see"),
    ]


@pytest.mark.parametrize("piece", [1, 5, 4096])
def test_devices_of_a_server(piece: int) -> None:
    conversation = DevicesConversation(limit_s=2.0)
    play(conversation, AdbServer({"A1": "device", "B2": "unauthorized"}).feed, piece=piece)
    assert conversation.failure is not None  # the played server never closes
    assert conversation.devices() == [AdbDevice("A1", "device"), AdbDevice("B2", "unauthorized")]
    with pytest.raises(RemoteWireError):
        DevicesConversation(limit_s=1.0).devices()


class _Served:
    """An adb server that runs scripts and closes after each answer."""

    def __init__(self, output: bytes, devices: dict[str, str] | None = None) -> None:
        self.server = AdbServer(devices or {"A1": "device"})
        self._output = output

    def __call__(self, data: bytes) -> bytes:
        answer = self.server.feed(data)
        return answer + self._output if self.server.script is not None else answer


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_a_script_runs_on_a_device(piece: int) -> None:
    served = _Served(b"hello\nworld\n")
    conversation = shell_conversation("A1", "echo hello", limit_s=2.0)
    played = play(conversation, served, piece=piece, end=Ended.EOF)
    assert conversation.complete
    assert conversation.failure is None
    assert conversation.output == b"hello\nworld\n"
    assert served.server.requests == ["host:transport:A1", "shell:echo hello"]
    assert len(played.sent) == 2


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("unauthorized", FailureKind.PERMISSION),
        ("offline", FailureKind.GONE),
        (None, FailureKind.NOT_FOUND),
    ],
)
def test_refusals_of_the_server(state: str | None, kind: FailureKind) -> None:
    served = _Served(b"", {"A1": state} if state else {"OTHER": "device"})
    conversation = shell_conversation("A1", "id", limit_s=2.0)
    play(conversation, served)
    assert conversation.failure is not None
    assert conversation.failure.failure is kind
    # The name of the device stays out of what is saved.
    assert "A1" not in conversation.failure.detail
    assert served.server.script is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", FailureKind.SILENT),
        (b"SSH-2.0-x\r\n", FailureKind.PROTOCOL_ERROR),
        (b"OKAYmore", FailureKind.PROTOCOL_ERROR),
        (b"FAILzzzz", FailureKind.PROTOCOL_ERROR),
        (b"FAIL0008whatever", FailureKind.PROTOCOL_ERROR),
        (b"FAIL0000", FailureKind.PROTOCOL_ERROR),
        (b"OKA", FailureKind.SILENT),
        (b"FAIL0040cut", FailureKind.SILENT),
    ],
)
def test_answers_that_are_none(answer: bytes, kind: FailureKind) -> None:
    conversation = shell_conversation("A1", "id", limit_s=2.0)
    play(conversation, lambda _: answer)
    assert conversation.failure is not None
    assert conversation.failure.failure is kind
    assert not conversation.complete


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (Ended.EOF, FailureKind.CLOSED),
        (Ended.RESET, FailureKind.RESET),
        (Ended.BUDGET, FailureKind.CENSORED),
    ],
)
def test_why_nothing_more_comes(why: Ended, kind: FailureKind) -> None:
    conversation = shell_conversation("A1", "id", limit_s=2.0)
    play(conversation, lambda _: b"", end=why)
    assert conversation.failure is not None
    assert conversation.failure.failure is kind


def test_a_device_that_stops_in_the_middle_keeps_what_it_said() -> None:
    conversation = shell_conversation("A1", "id", limit_s=2.0)
    play(conversation, _Served(b"half"))
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.SILENT
    assert conversation.output == b"half"


def test_output_is_bounded() -> None:
    conversation = AdbConversation("host:x", limit_s=1.0, most=100)
    play(conversation, lambda _: b"OKAY" + b"x" * 1000)
    assert conversation.failure is not None
    assert len(conversation.output) == 100


@pytest.mark.parametrize("serial", ["", "a b", "x;reboot", "x" * 200, "a\n"])
def test_a_name_that_cannot_be_one_is_never_sent(serial: str) -> None:
    with pytest.raises(LocalWireError):
        shell_conversation(serial, "id", limit_s=1.0)


def test_any_answer_ends_in_output_or_a_failure() -> None:
    """20,000 here; all 200,000 by benchmarks/fuzz_power_modem_android.py."""
    drawn = random.Random(7)
    seeds = [b"OKAY", b"FAIL0007unknown", b"OKAY0010A1\tdevice\n", b"\x00" * 9]
    for _ in range(20_000):
        data = bytearray(drawn.choice(seeds))
        for _ in range(drawn.randint(0, 4)):
            data[drawn.randrange(len(data))] = drawn.randrange(256)
        conversation = shell_conversation("A1", "id", limit_s=1.0)
        conversation.step(0.0)
        conversation.receive(bytes(data), 0.0)
        conversation.step(0.0)
        conversation.ended(Ended.EOF, 1.0, 1.0)
        assert (conversation.failure is None) == conversation.complete

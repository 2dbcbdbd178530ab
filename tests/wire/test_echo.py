"""Echo tests in both roles: what goes out, what may come back, and what it says."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind, Operation
from posdiag.model.site import Dialect, EchoSettings, Framing
from posdiag.wire.conversation import Ended, Send, Wait
from posdiag.wire.echo import EchoAnswer, EchoConversation
from posdiag.wire.framing import FrameDecoder, encode_frame
from posdiag.wire.host_role import EchoHost
from posdiag.wire.iso8583 import Layout, Message, decode, encode
from tests.wire.iso8583_frames import BARE, TEXT, UNIONPAY, frame
from tests.wire.played import Late, play

AT = datetime.datetime(2026, 11, 23, 9, 30, 15, tzinfo=datetime.UTC)
HOST_AT = datetime.datetime(2026, 11, 23, 17, 30, 16, tzinfo=datetime.UTC)
PACKED = EchoSettings(
    dialect=Dialect.UNIONPAY,
    framing=Framing.BINARY2,
    tpdu="6000030000",
    header="602200000000",
)
PLAIN = EchoSettings(dialect=Dialect.ISO1987, framing=Framing.ASCII4)
WITH_HEADER = EchoSettings(
    dialect=Dialect.ISO1987, framing=Framing.BINARY2, tpdu="60000a0000", header="012345678901"
)
ALL_SETTINGS = [
    msgspec.structs.replace(one, framing=framing)
    for one in (
        PACKED,
        PLAIN,
        WITH_HEADER,
        EchoSettings(dialect=Dialect.UNIONPAY, framing=Framing.BCD2),
        EchoSettings(dialect=Dialect.HYPERCOM, framing=Framing.BCD2, tpdu="6000030000"),
        EchoSettings(dialect=Dialect.ISO1987_BCD, framing=Framing.BINARY2, ebcdic=True),
        EchoSettings(dialect=Dialect.ISO1993, framing=Framing.ASCII4, raw_bitmap=True),
        EchoSettings(dialect=Dialect.ISO1993_BCD, framing=Framing.BINARY4, tpdu="6000030000"),
    )
    for framing in Framing
]


def _conversation(
    host: EchoSettings = PACKED,
    *,
    count: int = 1,
    tid: str = "12345678",
    batch: str = "000001",
    at: datetime.datetime = AT,
    stan: int = 51,
) -> EchoConversation:
    return EchoConversation(
        host,
        tid=tid,
        mid="123456789012345",
        stan=stan,
        at=at,
        limit_s=5.0,
        count=count,
        batch=batch,
    )


class Host:
    """Answers what arrives, as the simulated host does."""

    def __init__(self, host: EchoSettings, role: EchoHost | None = None) -> None:
        self._framing = host.framing
        self._role = role or EchoHost(host)
        self._incoming = FrameDecoder(host.framing)
        self.requests: list[str] = []

    def __call__(self, data: bytes) -> bytes:
        self._incoming.feed(data)
        answers = b""
        while (body := self._incoming.next_body()) is not None:
            mti, answer = self._role.answer(body, HOST_AT)
            self.requests.append(mti)
            answers += encode_frame(self._framing, answer)
        return answers


def _fails(conversation: EchoConversation, device: Callable[[bytes], bytes]) -> FailureKind | None:
    play(conversation, device)
    assert conversation.failure is None or conversation.failure.operation is Operation.ECHO_TEST
    return conversation.failure.failure if conversation.failure else None


def test_the_request_of_a_unionpay_terminal() -> None:
    sent = play(_conversation(), lambda _: b"").sent
    assert sent == [frame("C1").data]
    other = EchoSettings(
        dialect=Dialect.UNIONPAY, framing=Framing.BINARY2, tpdu="6000060000", header="603200990002"
    )
    assert play(_conversation(other), lambda _: b"").sent[0][2:] == frame("V11").body


def test_the_request_of_iso_8583_1987() -> None:
    # Same as a published one but for time and trace number.
    sent = play(_conversation(PLAIN, at=AT.replace(month=9, day=25), stan=51), lambda _: b"").sent
    published = frame("V18").data
    assert sent == [published.replace(b"0925105308", b"0925093015")]


def test_the_requests_of_other_dialects() -> None:
    hypercom = EchoSettings(
        dialect=Dialect.HYPERCOM, framing=Framing.BINARY2, tpdu="6000030000", nii="003"
    )
    assert play(_conversation(hypercom), lambda _: b"").sent == [frame("C7").data]
    text = EchoSettings(dialect=Dialect.ISO1993, framing=Framing.ASCII4)
    assert play(_conversation(text), lambda _: b"").sent == [frame("C9").data]


@pytest.mark.parametrize("name", ["C8", "C10", "C11", "V19"])
def test_answers_of_other_dialects(name: str) -> None:
    one = frame(name)
    header = "ISO006000015" if name == "V19" else ""
    host = EchoSettings(
        dialect=one.layout.dialect,
        framing=one.framing or Framing.BINARY2,
        tpdu="6000030000" if one.layout.tpdu else "",
        header=header,
    )
    conversation = _conversation(host, stan=int(one.fields[11]))
    data = encode_frame(host.framing, one.body)
    assert _fails(conversation, lambda _: data) is None
    assert conversation.answers[0].response_code == one.fields[39]
    assert conversation.answers[0].host_time == ("093015" if name == "C8" else "")


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
    ],
)
@pytest.mark.parametrize("host", [PACKED, PLAIN])
def test_a_host_that_speaks_something_else(host: EchoSettings, answer: bytes, what: str) -> None:
    conversation = _conversation(host)
    assert _fails(conversation, lambda _: answer) is FailureKind.PROTOCOL_ERROR
    assert conversation.failure is not None
    assert conversation.failure.detail == f"the host answers in {what}"


def test_polls_are_counted() -> None:
    conversation = _conversation()
    poll = encode_frame(PACKED.framing, b"")
    play(conversation, lambda data: poll + poll + Host(PACKED)(data))
    assert (conversation.keepalives, len(conversation.answers)) == (2, 1)


def test_f7_is_in_utc() -> None:
    here = AT.astimezone(datetime.timezone(datetime.timedelta(hours=8)))
    assert here.hour == 17
    for at in (AT, here):
        sent = play(_conversation(PLAIN, at=at), lambda _: b"").sent
        assert b"1123093015" in sent[0]


def test_the_answer_of_a_unionpay_host() -> None:
    conversation = _conversation()
    play(conversation, lambda _: [Late(0.25, frame("C2").data)])
    assert conversation.failure is None
    (answer,) = conversation.answers
    assert answer.answer_s == pytest.approx(0.25)
    assert answer[1:] == ("00", "0", "093015", "1123", ())


@pytest.mark.parametrize("host", ALL_SETTINGS, ids=str)
@pytest.mark.parametrize("piece", [1, 3, 4096])
def test_terminal_and_host(host: EchoSettings, piece: int) -> None:
    conversation, device = _conversation(host, count=3), Host(host)
    played = play(conversation, device, piece=piece)
    assert conversation.failure is None
    mti = {"unionpay": "0820", "iso1993": "1804"}.get(host.dialect.family, "0800")
    assert device.requests == [mti] * 3
    assert len(conversation.answers) == len(played.sent) == 3
    clock = ("173016", "1123") if host.dialect.family in ("unionpay", "hypercom") else ("", "")
    digit = "0" if host.dialect is Dialect.UNIONPAY and host.header else ""
    code = "800" if host.dialect.family == "iso1993" else "00"
    for answer in conversation.answers:
        assert answer[1:] == (code, digit, *clock, ())
        assert 0 < answer.answer_s < 1


def test_each_echo_waits_for_the_answer_before_and_has_its_own_number() -> None:
    conversation = _conversation(PLAIN, count=3, stan=999_999)
    sent = play(conversation, Host(PLAIN)).sent
    assert [data[-9:-3] for data in sent] == [b"999999", b"000000", b"000001"]
    silent = _conversation(PLAIN, count=3)
    assert len(play(silent, lambda _: b"").sent) == 1


PREFIXES_OF_52 = [
    (Framing.BINARY2, "0034"),
    (Framing.BINARY2_INCLUSIVE, "0036"),
    (Framing.BCD2, "0052"),
    (Framing.ASCII4, "30303532"),
]


def test_every_length_prefix_is_spoken() -> None:
    assert {host.framing for host in ALL_SETTINGS} == set(Framing)
    packed = frame("C1").body
    for framing, prefix in PREFIXES_OF_52:
        host = EchoSettings(
            dialect=Dialect.UNIONPAY, framing=framing, tpdu=PACKED.tpdu, header=PACKED.header
        )
        assert play(_conversation(host), lambda _: b"").sent == [bytes.fromhex(prefix) + packed]


def test_what_the_host_says() -> None:
    role = EchoHost(PACKED, response_code="03", processing_request="3")
    conversation = _conversation()
    assert _fails(conversation, Host(PACKED, role)) is None
    assert conversation.answers[0].response_code == "03"
    assert conversation.answers[0].processing_request == "3"


def test_a_code_for_one_terminal() -> None:
    role = EchoHost(PACKED, response_codes={"99999999": "97"})
    for tid, code in (("99999999", "97"), ("12345678", "00")):
        conversation = _conversation(tid=tid)
        assert _fails(conversation, Host(PACKED, role)) is None
        assert conversation.answers[0].response_code == code


def _answered(fields: dict[int, str], *, mti: str = "0830", tpdu: str = "6000000003") -> bytes:
    base = {39: "00", 41: "12345678", 42: "123456789012345", 60: "00000001301"}
    fields = {number: value for number, value in (base | fields).items() if value}
    message = Message(mti=mti, fields=fields, tpdu=tpdu, header="602200000000")
    return encode_frame(PACKED.framing, encode(message, UNIONPAY))


def _plain(fields: dict[int, str], *, mti: str = "0810") -> bytes:
    base = {7: "1123093015", 11: "000051", 39: "00", 70: "301"}
    fields = {number: value for number, value in (base | fields).items() if value}
    return encode_frame(PLAIN.framing, encode(Message(mti=mti, fields=fields), TEXT))


# settings, answer, its kind of failure or None, source
ANSWERS = [
    (PACKED, _answered({}), None, "a plain answer without F12, F13"),
    (PACKED, _answered({42: ""}), None, "F42 is optional in 0830"),
    (PACKED, _answered({41: ""}), None, "F41 left out"),
    (PACKED, _answered({60: ""}), None, "F60 left out"),
    (PACKED, _answered({60: "00000519301"}), None, "a batch of its own, as in V06"),
    (PACKED, _answered({}, tpdu="6000030000"), None, "not swapped, as in V08"),
    (PACKED, b"\x00\x00" * 3 + _answered({}), None, "polls first, jPOS BASE24 channel"),
    (PACKED, _answered({}) + b"\r\n\r\n", None, "what follows the last answer is nobody's"),
    (PACKED, _answered({60: "00000001003"}), FailureKind.PROTOCOL_ERROR, "of a sign-on"),
    (PACKED, _answered({60: "00"}), FailureKind.PROTOCOL_ERROR, "F60 without a code"),
    (PACKED, _answered({41: "99999999"}), FailureKind.PROTOCOL_ERROR, "of another terminal"),
    (PACKED, _answered({39: ""}), FailureKind.PROTOCOL_ERROR, "no response code"),
    (PACKED, _answered({}, mti="0850"), FailureKind.PROTOCOL_ERROR, "wrong MTI"),
    (PACKED, _answered({}, mti="0810"), FailureKind.PROTOCOL_ERROR, "MTI of a sign-on"),
    (PACKED, _answered({}, mti="0820"), FailureKind.PROTOCOL_ERROR, "our own request"),
    (PACKED, frame("C1").data, FailureKind.PROTOCOL_ERROR, "a server that mirrors"),
    (PACKED, frame("C3").data, FailureKind.PROTOCOL_ERROR, "a sign-on answer"),
    (PACKED, b"SSH-2.0-OpenSSH_9.2\r\n", FailureKind.PROTOCOL_ERROR, "another service"),
    (PACKED, b"HTTP/1.1 400 Bad Request\r\n\r\n", FailureKind.PROTOCOL_ERROR, "another service"),
    (PACKED, b"\x15\x03\x03\x00\x02\x02\x32", FailureKind.PROTOCOL_ERROR, "TLS alert"),
    (PACKED, _answered({})[:-1], FailureKind.PROTOCOL_ERROR, "cut off"),
    (PACKED, b"\x00", FailureKind.PROTOCOL_ERROR, "half a length"),
    (PACKED, b"\x00\x03\x60\x00\x03", FailureKind.PROTOCOL_ERROR, "half a TPDU"),
    (PACKED, b"", FailureKind.SILENT, "nothing"),
    (PACKED, b"\x00\x00" * 3, FailureKind.SILENT, "polls are no answer"),
    (PLAIN, _plain({}), None, "a plain answer"),
    (PLAIN, _plain({39: "96", 70: ""}), None, "F70 left out"),
    (PLAIN, _plain({70: "001"}), FailureKind.PROTOCOL_ERROR, "of a sign-on"),
    (PLAIN, _plain({11: "000050"}), FailureKind.PROTOCOL_ERROR, "of another request"),
    (PLAIN, _plain({}, mti="0830"), FailureKind.PROTOCOL_ERROR, "of the other dialect"),
    (PLAIN, b"0x12", FailureKind.PROTOCOL_ERROR, "no length"),
]


@pytest.mark.parametrize(("host", "answer", "kind", "source"), ANSWERS)
def test_each_answer(
    host: EchoSettings, answer: bytes, kind: FailureKind | None, source: str
) -> None:
    for piece in (1, 4096):
        conversation = _conversation(host)
        played = play(conversation, lambda _: answer, piece=piece)
        failure = conversation.failure
        assert (failure.failure if failure else None) == kind, source
        assert len(conversation.answers) == (kind is None)
        assert len(played.sent) == 1
        waited_s = failure.waited_s if failure else None
        assert waited_s == (pytest.approx(5.0) if kind is FailureKind.SILENT else None)


def test_differences_that_do_no_harm_are_said() -> None:
    conversation = _conversation()
    play(conversation, lambda _: _answered({}, tpdu="6000030000"))
    assert conversation.answers[0].oddities == ("TPDU addresses are not swapped",)


def test_a_second_answer_is_not_that_of_the_next_echo() -> None:
    conversation = _conversation(count=2)
    play(conversation, lambda _: [Late(0.1, _answered({}) * 2)])
    assert conversation.failure is None
    assert [round(answer.answer_s, 3) for answer in conversation.answers] == [0.1, 0.1]
    assert conversation.answers[0].oddities == ()
    assert "before this echo" in conversation.answers[1].oddities[0]


def test_polls_without_an_answer_are_said() -> None:
    conversation = _conversation()
    play(conversation, lambda _: b"\x00\x00" * 3)
    assert conversation.failure is not None
    assert conversation.failure.detail == "3 keep-alives, no answer"


def test_an_answer_after_the_limit_is_none() -> None:
    conversation = _conversation()
    play(conversation, lambda _: [Late(5.5, _answered({}))])
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.SILENT
    conversation.receive(_answered({}), 200.0)
    assert conversation.answers == []


def test_the_limit_is_for_the_whole_answer() -> None:
    # One byte a second keeps nobody waiting for longer than the limit.
    conversation = _conversation()
    answer = _answered({})
    pieces = [Late(at + 0.5, answer[at : at + 1]) for at in range(len(answer))]
    played = play(conversation, lambda _: pieces)
    assert played.took_s == pytest.approx(5.0)
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.PROTOCOL_ERROR
    assert conversation.failure.detail == f"the answer stopped after 5 of {len(answer)} bytes"


ENDS = [
    (Ended.EOF, FailureKind.CLOSED),
    (Ended.RESET, FailureKind.RESET),
    (Ended.BUDGET, FailureKind.CENSORED),
    (Ended.UNREACHABLE, FailureKind.UNREACHABLE),
    (Ended.REFUSED, FailureKind.REFUSED),
    (Ended.TOO_MUCH, FailureKind.PROTOCOL_ERROR),
    (Ended.LIMIT, FailureKind.SILENT),
]


@pytest.mark.parametrize(("why", "kind"), ENDS)
def test_why_no_answer_comes(why: Ended, kind: FailureKind) -> None:
    conversation = _conversation(count=2)
    answers = iter([_answered({}), b""])
    play(conversation, lambda _: next(answers), end=why)
    assert len(conversation.answers) == 1
    assert conversation.failure is not None
    assert conversation.failure.failure is kind
    waits = kind in (FailureKind.CENSORED, FailureKind.SILENT)
    assert conversation.failure.waited_s == (pytest.approx(5.0) if waits else None)


@pytest.mark.parametrize(("why", "kind"), ENDS[:-1])
def test_half_an_answer_keeps_the_reason_why_it_is_half(why: Ended, kind: FailureKind) -> None:
    conversation = _conversation()
    play(conversation, lambda _: _answered({})[:20], end=why)
    assert conversation.failure is not None
    assert conversation.failure.failure is kind
    said = "more bytes" if why is Ended.TOO_MUCH else "stopped after 20 of"
    assert said in conversation.failure.detail


def test_the_budget_censors() -> None:
    conversation = _conversation()
    play(conversation, lambda _: b"", budget_s=2.0)
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.CENSORED
    assert conversation.failure.waited_s == pytest.approx(2.0)


def test_a_host_that_hangs_up_after_the_last_answer_did_not_fail() -> None:
    conversation = _conversation()
    play(conversation, lambda _: _answered({}))
    conversation.ended(Ended.EOF, 101.0, 0.0)
    assert conversation.failure is None


def test_bytes_before_the_first_echo() -> None:
    early = _conversation()
    early.receive(_answered({}), 99.0)
    play(early, lambda _: _answered({39: "97"}))
    assert [answer.response_code for answer in early.answers] == ["97"]
    banner = _conversation()
    banner.receive(b"220 mail ready\r\n", 99.0)
    assert play(banner, lambda _: b"").sent == []
    assert banner.failure is not None


def test_steps() -> None:
    conversation = _conversation()
    assert isinstance(conversation.step(10.0), Send)
    assert conversation.step(10.5) == Wait(4.5, Operation.ECHO_TEST)


@pytest.mark.parametrize(
    "make",
    [
        lambda: _conversation(count=0),
        lambda: _conversation(count=4),
        lambda: _conversation(tid="1234"),
        lambda: _conversation(tid="1234567\x1b"),
        lambda: _conversation(batch="1"),
        lambda: _conversation(batch="٠٠٠٠٠٠"),
        lambda: _conversation(at=AT.replace(tzinfo=None)),
        lambda: _conversation(
            EchoSettings(dialect=Dialect.UNIONPAY, framing=Framing.BCD2, tpdu="60")
        ),
        lambda: _conversation(
            EchoSettings(dialect=Dialect.UNIONPAY, framing=Framing.BCD2, header="60")
        ),
    ],
)
def test_impossible_echoes(make: Callable[[], EchoConversation]) -> None:
    with pytest.raises(LocalWireError):
        make()


def test_the_host_answers_a_sign_on_without_keys() -> None:
    settings_ = EchoSettings(
        dialect=Dialect.UNIONPAY, framing=Framing.BINARY2, tpdu="6000490000", header="603200320501"
    )
    mti, answer = EchoHost(settings_, response_code="97").answer(frame("V03").body, HOST_AT)
    message = decode(answer, Layout.of(settings_))
    assert mti == "0800"
    assert (message.mti, message.tpdu, message.dropped) == ("0810", "6000000049", {})
    assert message.fields == {
        11: "000074",
        12: "173016",
        13: "1123",
        32: "00000000",
        37: "173016000074",
        39: "97",
        41: "12345678",
        42: "123456789123456",
        60: "00000000003",
    }


@pytest.mark.parametrize(
    "body", [b"", b"\x16\x03\x01", frame("C2").body, frame("V17").body, frame("C1").body[:-1]]
)
def test_what_the_host_refuses(body: bytes) -> None:
    with pytest.raises(RemoteWireError):
        EchoHost(PACKED).answer(body, HOST_AT)


def test_a_host_that_says_another_mti() -> None:
    for host in (PACKED, PLAIN):
        conversation = _conversation(host)
        device = Host(host, EchoHost(host, wrong_mti=True))
        assert _fails(conversation, device) is FailureKind.PROTOCOL_ERROR


def test_nothing_of_the_answer_but_the_answer_is_kept() -> None:
    conversation = _conversation()
    play(conversation, lambda _: _answered({2: "6222021234567890128", 62: "00112233", 35: "12"}))
    assert conversation.failure is None
    assert "62220" not in repr(conversation.answers)
    assert set(EchoAnswer._fields) == {
        "answer_s",
        "response_code",
        "processing_request",
        "host_time",
        "host_date",
        "oddities",
    }


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(ALL_SETTINGS),
    st.text("0123456789ABCDEFGHIJ -", min_size=8, max_size=8),
    st.text("0123456789", min_size=6, max_size=6),
    st.integers(0, 2_000_000),
    st.sampled_from(["00", "03", "97", "A0"]),
)
def test_any_terminal_and_any_host(
    host: EchoSettings, tid: str, batch: str, stan: int, code: str
) -> None:
    conversation = _conversation(host, tid=tid, batch=batch, stan=stan, count=2)
    assert _fails(conversation, Host(host, EchoHost(host, response_code=code))) is None
    # In 1993 a code has three digits.
    known = {"00": "800", "91": "907", "96": "909", "97": "109"}
    said = (
        known.get(code, f"9{code}" if code.isdigit() else "909")
        if host.dialect.family == "iso1993"
        else code
    )
    assert [answer.response_code for answer in conversation.answers] == [said, said]


@pytest.mark.parametrize("host", [PACKED, PLAIN])
def test_20_000_strange_answers(host: EchoSettings) -> None:
    chance = random.Random(8583)
    good = _answered({12: "093015", 13: "1123"}) if host is PACKED else _plain({})
    outcomes = set()
    for _ in range(20_000):
        conversation = _conversation(host)
        conversation.step(0.0)
        data = bytearray(good)
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        conversation.receive(bytes(data[: chance.choice((len(data), chance.randrange(90)))]), 1.0)
        conversation.ended(Ended.LIMIT, 5.0, 4.0)
        if conversation.failure is None:
            assert len(conversation.answers) == 1
            outcomes.add("answered")
        else:
            assert conversation.answers == []
            outcomes.add(conversation.failure.failure.value)
    assert outcomes == {"answered", "protocol_error", "silent"}


def test_bare_messages_of_some_hosts() -> None:
    bare = EchoSettings(dialect=Dialect.UNIONPAY, framing=Framing.ASCII4)
    conversation = _conversation(bare)
    sent = play(conversation, Host(bare)).sent
    assert decode(sent[0][4:], BARE).fields[60] == "00000001301"
    assert conversation.answers[0].processing_request == ""

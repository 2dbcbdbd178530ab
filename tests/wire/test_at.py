"""AT commands: lines, answers, values, errors, the questions to a modem, a test dial."""

from __future__ import annotations

import contextlib
import datetime
import random
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.wire import at_values
from posdiag.wire.at import MAX_LINE, Answer, AtLines, AtModem, Reply
from posdiag.wire.at_errors import CME, NUMERIC, cme_number, dial_result
from posdiag.wire.at_talk import READS, SENT, DialConversation, ModemConversation
from posdiag.wire.conversation import Ended
from tests.wire.played import play

NOISE = b"\x00\xff\x80\x13garbage\r\n"
ZONE = datetime.timezone

# number in the fact sheet, command, bytes, decoder, value; source MM: ModemManager 9a2d586, QF:
# forums.quectel.com 54722, BG96 and Fibocom: makers' guides.
VECTORS: list[tuple[str, str, bytes, Callable[[str], object], object]] = [
    ("28 MM", "AT+CSQ", b"+CSQ: 17,99", at_values.csq, (-79.0, None)),
    ("29 BG96", "AT+CSQ", b"+CSQ: 3,99", at_values.csq, (-107.0, None)),
    ("29 Fibocom", "AT+CSQ", b"+CSQ: 23,99", at_values.csq, (-67.0, None)),
    ("30 MM", "AT+CPIN?", b"+CPIN: READY", at_values.sim_state, "READY"),
    ("31 MM", "AT+CPIN?", b"+CPIN: SIM PUK2", at_values.sim_state, "SIM PUK2"),
    ("31 MM", "AT+CPIN?", b"+CPIN: PH-NET PIN", at_values.sim_state, "PH-NET PIN"),
    (
        "32 MM",
        "AT+CREG?",
        b'+CREG: 2,1,"1234","001122BB"',
        at_values.registration,
        ("home", True, 0x1234, 0x1122BB, ""),
    ),
    (
        "33 MM",
        "AT+CREG?",
        b"+CREG: 1,3",
        at_values.registration,
        ("denied", True, None, None, ""),
    ),
    (
        "33 MM",
        "AT+CREG?",
        b"+CREG: 3",
        at_values.registration,
        ("denied", False, None, None, ""),
    ),
    (
        "34 MM",
        "AT+CREG?",
        b'+CREG:002,001,"18d8","ffff"',
        at_values.registration,
        ("home", True, 0x18D8, 0xFFFF, ""),
    ),
    (
        "35 MM",
        "AT+CREG?",
        b'+CREG: 2,5,"0502","0404736D"',
        at_values.registration,
        ("roaming", True, 0x502, 0x404736D, ""),
    ),
    (
        "36 MM",
        "AT+CEREG?",
        b"+CEREG: 2,1, 1F00, 79D903 ,7",
        at_values.registration,
        ("home", True, 0x1F00, 0x79D903, "LTE"),
    ),
    (
        "37 MM",
        "AT+CESQ",
        b"+CESQ: 99,99,255,255,20,80",
        at_values.cesq,
        (None, None, None, None, -10.0, -61.0),
    ),
    (
        "38 MM",
        "AT+CESQ",
        b"+CESQ:10,6,255,255,255,255",
        at_values.cesq,
        (-101.0, 6, None, None, None, None),
    ),
    ("39 MM", "AT+COPS?", b'+COPS: 0,2,"21401",2', at_values.operator, ("21401", "UTRAN", True)),
    (
        "39 MM",
        "AT+COPS?",
        b'+COPS: 0,0,"vodafone ES"',
        at_values.operator,
        ("vodafone ES", "", True),
    ),
    (
        "40 MM",
        "AT+CCLK?",
        b'+CCLK: "14/08/05,04:00:21+40"',
        at_values.clock,
        datetime.datetime(2014, 8, 5, 4, 0, 21, tzinfo=ZONE(datetime.timedelta(hours=10))),
    ),
    (
        "40 MM",
        "AT+CCLK?",
        b"+CCLK: 17/07/26,11:42:15+01",
        at_values.clock,
        datetime.datetime(2017, 7, 26, 11, 42, 15, tzinfo=ZONE(datetime.timedelta(minutes=15))),
    ),
    (
        "41 MM",
        "AT+CGDCONT?",
        b'+CGDCONT: 1,"IP","nate.sktelecom.com","",0,0',
        at_values.context,
        (1, "IP", "nate.sktelecom.com"),
    ),
    ("41 MM", "AT+CGDCONT?", b'+CGDCONT: 1,"IP",,,0,0', at_values.context, (1, "IP", "")),
    (
        "42 QF",
        "AT+QCSQ",
        b'+QCSQ: "LTE",77,-116,76,-17',
        at_values.quality,
        ("LTE", -77.0, -116.0, -4.8, -17.0),
    ),
    (
        "43 driver",
        "AT+QNWINFO",
        b'+QNWINFO: "FDD LTE","46011","LTE BAND 5",2452',
        at_values.network,
        "FDD LTE LTE BAND 5",
    ),
    ("43 driver", "AT+QNWINFO", b"+QNWINFO: No Service", at_values.network, ""),
]
IDS = [f"{source}:{line!r}" for source, _, line, _, _ in VECTORS]


def _answered(command: str, data: bytes, piece: int = 4096) -> Reply | None:
    lines, answer = AtLines(), Answer(command, digits=False)
    for at in range(0, len(data), piece):
        for line in lines.feed(data[at : at + piece]):
            if answer.reply is None:
                answer.take(line)
    return answer.reply


@pytest.mark.parametrize(("source", "command", "line", "decode", "value"), VECTORS, ids=IDS)
def test_vectors(
    source: str, command: str, line: bytes, decode: Callable[[str], object], value: object
) -> None:
    del source
    whole = b"\r\n" + line + b"\r\n\r\nOK\r\n"
    for data in (whole, NOISE + whole, command.encode() + b"\r" + whole):
        for piece in (1, 4096):
            reply = _answered(command, data, piece)
            assert reply is not None
            assert reply.good
            assert len(reply.lines) == 1
            assert decode(reply.lines[0]) == value
    # Cut anywhere, an answer is no answer: never half a state.
    for end in range(len(whole) - 2):
        assert _answered(command, whole[:end]) is None


def test_an_error_without_a_number_is_unsupported_and_no_fault() -> None:
    # 44, ModemManager: AT+CNMI=?
    reply = _answered("AT+CNMI=?", b"\r\nERROR\r\n")
    assert reply == Reply("AT+CNMI=?", (), "ERROR", None)


# line, decoder: what is none of its kind
WRONG: list[tuple[str, Callable[[str], object]]] = [
    ("   SIM PUK2", at_values.sim_state),
    ("+CPIN: MAYBE", at_values.sim_state),
    ("+CSQ: ,", at_values.csq),
    ("+CSQ: 45,99", at_values.csq),
    ("+CSQ: 17", at_values.csq),
    ("+CSQ: 1e1,99", at_values.csq),
    ("+CSQ: ١٧,99", at_values.csq),
    ("+CREG: x", at_values.registration),
    ("+CREG: 0,12", at_values.registration),
    ("+CREG:", at_values.registration),
    ('+CREG: 2,1,"12', at_values.registration),
    ("+CUSD: 0,1", at_values.registration),
    ("+CESQ: 99,99,255,255,20", at_values.cesq),
    ("+CESQ: 99,99,255,255,99,80", at_values.cesq),
    ("+COPS: ", at_values.operator),
    ('+QCSQ: "LTE",77,-17,76,-116', at_values.quality),
    ("+QCSQ:", at_values.quality),
    ('+CCLK: "XX/XX/XX,XX:XX:XX+40"', at_values.clock),
    ('+CCLK: "21/13/05,04:00:21+40"', at_values.clock),
    ("+CGDCONT: 1", at_values.context),
    ("+CGATT: 2", at_values.is_attached),
    ("+CMEE: yes", at_values.error_level),
    ("+QNWINFO:", at_values.network),
    ("", at_values.csq),
]


@pytest.mark.parametrize(("line", "decode"), WRONG)
def test_lines_that_are_none(line: str, decode: Callable[[str], object]) -> None:
    with pytest.raises(RemoteWireError):
        decode(line)


def test_what_is_not_known_is_none() -> None:
    assert at_values.csq("+CSQ: 99,99").rssi_dbm is None
    assert at_values.csq("+CSQ: 0,0") == (-113.0, 0)
    assert at_values.csq("+CSQ: 31,7") == (-51.0, 7)
    assert at_values.csq("+CSQ: 141,99").rssi_dbm == -75.0
    assert at_values.csq("+CSQ: 199,99").rssi_dbm is None
    assert at_values.quality('+QCSQ: "NOSERVICE"') == ("NOSERVICE", None, None, None, None)
    assert at_values.operator("+COPS: 0") == ("", "", True)
    assert not at_values.operator("+COPS: 2").is_automatic
    for unset in ("80/01/06,00:00:12+00", "70/01/01,00:00:00", "04/01/01,00:00:00+00"):
        assert at_values.clock(f'+CCLK: "{unset}"') is None
    local = at_values.clock('+CCLK: "24/02/29,23:59:59"')
    assert local is not None
    assert local.tzinfo is None


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ('+CGPADDR: 1,"10.64.3.9"', True),
        ("+CGPADDR: 1,10.64.3.9", True),
        ('+CGPADDR: 1,"0.0.0.0"', False),
        ('+CGPADDR: 1,""', False),
        ("+CGPADDR: 1", False),
        ('+CGPADDR: 1,"0.0.0.0","254.128.0.1"', True),
    ],
)
def test_an_address_of_zeros_is_no_session(line: str, *, has: bool) -> None:
    assert at_values.has_address(line) is has


def test_numbers_and_words_of_errors() -> None:
    assert cme_number(" 10") == 10
    assert CME[10] == "SIM not inserted"
    assert cme_number("SIM not inserted") == 10
    assert cme_number("no network service") == 30
    assert cme_number("516") == 516
    assert cme_number("something odd") is None
    assert {10, 11, 13, 30, 103, 107, 113, 127, 149} <= set(CME)
    assert _answered("AT+CPIN?", b"\r\n+CME ERROR: 10\r\n") == Reply("AT+CPIN?", (), "ERROR", 10)
    assert _answered("AT+CPIN?", b"\r\n+CMS ERROR: 310\r\n") == Reply("AT+CPIN?", (), "ERROR")


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("CONNECT", ("connect", None)),
        ("CONNECT 9600", ("connect", 9600)),
        ("CONNECT 33600/ARQ", ("connect", 33600)),
        ("NO CARRIER", ("no_carrier", None)),
        ("NO DIALTONE", ("no_tone", None)),
        ("NO DIAL TONE", ("no_tone", None)),
        ("BUSY", ("busy", None)),
        ("NO ANSWER", ("no_answer", None)),
        ("LINE IN USE", ("line_in_use", None)),
        ("OK", None),
        ("CONNECTED", None),
    ],
)
def test_result_words_of_dialling(line: str, result: object) -> None:
    assert dial_result(line) == result
    assert dial_result(NUMERIC["3"]) == ("no_carrier", None)


def test_a_line_and_an_answer_are_bounded() -> None:
    with pytest.raises(RemoteWireError):
        AtLines().feed(b"x" * (MAX_LINE + 1))
    with pytest.raises(RemoteWireError):
        _answered("ATI", b"x\r\n" * 300)


CELL: Mapping[str, Sequence[str]] = {
    "AT+CGMI": ["Quectel"],
    "AT+CGMM": ["EC25"],
    "AT+CGMR": ["EC25EFAR06A01M4G"],
    "AT+CPIN?": ["+CPIN: READY"],
    "AT+CSQ": ["+CSQ: 17,99"],
    "AT+CESQ": ["ERROR"],
    "AT+CREG?": ["+CREG: 0,1"],
    "AT+CGREG?": ["+CGREG: 0,1"],
    "AT+CEREG?": ["+CEREG: 0,1"],
    "AT+COPS?": ['+COPS: 0,0,"CHINA MOBILE",7'],
    "AT+CGATT?": ["+CGATT: 1"],
    "AT+CGDCONT?": ['+CGDCONT: 1,"IP","cmiot","",0,0'],
    "AT+CGPADDR=1": ['+CGPADDR: 1,"10.64.3.9"'],
    "AT+CCLK?": ['+CCLK: "26/11/24,08:00:00+32"'],
    "AT+QCSQ": ['+QCSQ: "LTE",-52,-81,195,-10'],
    "AT+QNWINFO": ['+QNWINFO: "FDD LTE","46000","LTE BAND 3",1300'],
}


@pytest.mark.parametrize("piece", [1, 3, 4096])
@pytest.mark.parametrize("echo", [False, True])
def test_a_modem_is_asked_everything_and_changed_in_nothing(*, echo: bool, piece: int) -> None:
    modem = AtModem(CELL, echo=echo, unasked=["+CREG: 5", "RING"])
    conversation = ModemConversation()
    play(conversation, modem.feed, piece=piece)
    assert conversation.failure is None
    assert conversation.silent == []
    assert conversation.told("AT+CSQ") == ("+CSQ: 17,99",)
    assert conversation.told("AT+QCSQ") == ('+QCSQ: "LTE",-52,-81,195,-10',)
    assert conversation.replies["AT+CESQ"].final == "ERROR"
    assert set(modem.commands) <= SENT
    # The one setting is set back.
    assert [c for c in modem.commands if c not in READS] == ["AT+CMEE=1", "AT+CMEE=0"]
    assert modem.commands[-1] == "AT+CMEE=0"


def test_a_modem_that_says_digits() -> None:
    modem = AtModem(CELL, digits=True)
    conversation = ModemConversation()
    play(conversation, modem.feed)
    assert conversation.told("AT+CPIN?") == ("+CPIN: READY",)
    assert conversation.replies["AT+CESQ"].final == "ERROR"


def test_a_landline_modem_is_asked_for_its_registers() -> None:
    modem = AtModem({"ATI": ["56000"], "ATS7?": ["050"], "AT+CMEE?": ["ERROR"]})
    conversation = ModemConversation()
    play(conversation, modem.feed)
    assert conversation.told("ATS7?") == ("050",)
    assert "AT+CREG?" not in modem.commands
    assert "AT+CMEE=1" not in modem.commands


def test_a_silent_modem_is_silent_and_nothing_else() -> None:
    conversation = ModemConversation()
    played = play(conversation, lambda _: b"")
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.SILENT
    assert conversation.failure.waited_s == pytest.approx(2.0)
    assert conversation.replies == {}
    assert played.sent == [b"AT\r", b"AT\r"]


def test_an_echo_alone_is_no_answer() -> None:
    conversation = ModemConversation()
    play(conversation, lambda sent: sent)
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "flowing", [b"\x7e\xff\x7d\x23\xc0\x21\x7e", b"\x7e\x21\x45\x00\x7e", b"x" * 300]
)
def test_a_line_on_which_data_flows_is_left_alone(flowing: bytes) -> None:
    conversation = ModemConversation()
    played = play(conversation, lambda _: b"", greeting=flowing)
    assert played.sent == []
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.BUSY


def test_lines_before_the_first_question_are_no_connection() -> None:
    conversation = ModemConversation()
    play(conversation, AtModem(CELL).feed, greeting=b"\r\nRDY\r\n\r\n+CPIN: READY\r\n")
    assert conversation.failure is None


@pytest.mark.parametrize(
    ("why", "kind"), [(Ended.EOF, FailureKind.GONE), (Ended.BUDGET, FailureKind.CENSORED)]
)
def test_why_nothing_more_comes(why: Ended, kind: FailureKind) -> None:
    conversation = ModemConversation()
    play(conversation, lambda _: b"", end=why)
    assert conversation.failure is not None
    assert conversation.failure.failure is kind


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    from tests.wire.played import Late

    modem = AtModem(CELL)

    def slow(data: bytes) -> list[Late]:
        after_s = 1.3 if data == b"AT+CSQ\r" else 0.001
        return [Late(after_s, modem.feed(data))]

    conversation = ModemConversation()
    play(conversation, slow)
    assert conversation.silent == ["AT+CSQ"]
    assert conversation.told("AT+CGDCONT?") == tuple(CELL["AT+CGDCONT?"])
    for command, reply in conversation.replies.items():
        name = command[2:].partition("?")[0].partition("=")[0]
        assert all(line.startswith(name) for line in reply.lines if line.startswith("+")), reply


def test_what_falls_silent_later_ends_early() -> None:
    modem, asked = AtModem(CELL), []

    def dies(data: bytes) -> bytes:
        asked.append(data)
        return modem.feed(data) if len(asked) < 5 else b""

    conversation = ModemConversation()
    play(conversation, dies)
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.MUTE
    assert len(asked) <= 9


@pytest.mark.parametrize(
    ("word", "result", "rate"),
    [
        ("CONNECT 2400", "connect", 2400),
        ("NO DIALTONE", "no_tone", None),
        ("BUSY", "busy", None),
        ("NO CARRIER", "no_carrier", None),
        ("NO ANSWER", "no_answer", None),
    ],
)
@pytest.mark.parametrize("digits", [False, True])
def test_a_dial_and_its_end(word: str, result: str, rate: int | None, *, digits: bool) -> None:
    modem = AtModem({"ATH": []}, dialled=word, digits=digits)
    conversation = DialConversation("0, 1019-5516")
    played = play(conversation, modem.feed)
    assert (conversation.result, conversation.rate) == (result, rate)
    assert played.sent[0] == b"ATDT0,10195516\r"
    assert played.sent[-1] == b"ATH\r"
    assert (b"+++" in played.sent) is (result == "connect")


def test_a_dial_without_a_result_is_given_up_and_hung_up() -> None:
    conversation = DialConversation("10195516", limit_s=5.0)
    played = play(conversation, lambda _: b"")
    assert conversation.result is None
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.SILENT
    assert played.sent == [b"ATDT10195516\r", b"\r", b"ATH\r"]


@pytest.mark.parametrize("number", ["", "110", "0,112", "911", "12\r34", "ATZ", "1;H0", "9" * 41])
def test_what_is_never_dialled(number: str) -> None:
    with pytest.raises(LocalWireError):
        DialConversation(number)


DECODERS = [decode for _, _, _, decode, _ in VECTORS]


def test_any_reply_ends_in_values_or_an_error() -> None:
    """20,000 here; all 200,000 by benchmarks/fuzz_power_modem_android.py."""
    drawn = random.Random(5)
    lines = [line for _, _, line, _, _ in VECTORS]
    for _ in range(20_000):
        data = bytearray(drawn.choice(lines))
        for _ in range(drawn.randint(0, 4)):
            data[drawn.randrange(len(data))] = drawn.randrange(256)
        reply = _answered("AT+CSQ", b"\r\n" + bytes(data) + b"\r\nOK\r\n")
        assert reply is not None
        for line in (*reply.lines, data.decode("latin-1")):
            for decode in DECODERS:
                with contextlib.suppress(RemoteWireError):
                    decode(line)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"OK\r\n", b"0\r"]), max_size=30))
def test_any_answers_end_the_conversation(answers: list[bytes]) -> None:
    left = list(answers)
    conversation = ModemConversation()
    play(conversation, lambda _: left.pop() if left else b"")
    assert conversation.failure is not None or conversation.answer_s is not None

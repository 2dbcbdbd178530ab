"""Name look-ups in both roles."""

from __future__ import annotations

import random
from collections.abc import Iterable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind, Operation
from posdiag.wire.conversation import Ended, Send, Wait
from posdiag.wire.name_lookup import NameLookupConversation, answer_query
from tests.wire.played import Late, play

NAME = "host.pos.example"
ZONES = {NAME: ["192.0.2.7", "2001:db8::7", "192.0.2.8"], "only4.pos.example": ["192.0.2.9"]}

# Written by hand from RFC 1035 section 4.1: id, flags, counts; question; answer by pointer
QUERY = bytes.fromhex("1234 0100 0001 0000 0000 0000") + b"\x04host\x03pos\x07example\x00"
QUERY += bytes.fromhex("0001 0001")
ANSWER = bytes.fromhex("1234 8180 0001 0001 0000 0000") + QUERY[12:]
ANSWER += bytes.fromhex("c00c 0001 0001 0000003c 0004 c0000207")


def _lookup(name: str = NAME, *, record: str = "A", tries: int = 2) -> NameLookupConversation:
    return NameLookupConversation(name, 0x1234, tries=tries, try_s=5.0, record=record)


def _answer(
    lines: Iterable[str] = (), *, rcode: str = "NOERROR", flags: str = "QR RD RA", also: str = ""
) -> bytes:
    text = (
        f"id 4660\nopcode QUERY\nrcode {rcode}\nflags {flags}\n;QUESTION\n{NAME}. IN A\n;ANSWER\n"
    )
    text += "".join(f"{line}\n" for line in lines) + f";AUTHORITY\n{also}\n"
    return dns.message.from_text(text).to_wire(want_shuffle=False)


def test_query_byte_by_byte() -> None:
    assert play(_lookup(), lambda _: ANSWER).sent == [QUERY]
    six = play(_lookup(record="AAAA"), lambda _: b"", end=Ended.REFUSED).sent
    assert six == [QUERY[:-4] + bytes.fromhex("001c 0001")]
    dotted = play(_lookup(NAME + "."), lambda _: b"", end=Ended.REFUSED).sent
    assert dotted == [QUERY]


def test_answered() -> None:
    lookup = _lookup()
    play(lookup, lambda _: [Late(0.25, ANSWER)])
    assert lookup.failure is None
    assert lookup.addresses == ["192.0.2.7"]
    assert lookup.answer_s == pytest.approx(0.25)
    assert lookup.tries_used == 1


@pytest.mark.parametrize(
    ("record", "addresses"), [("A", ["192.0.2.7", "192.0.2.8"]), ("AAAA", ["2001:db8::7"])]
)
def test_both_roles(record: str, addresses: list[str]) -> None:
    lookup, asked = _lookup("HOST.pos.Example", record=record), []

    def server(query: bytes) -> bytes:
        name, answer = answer_query(query, ZONES)
        asked.append(name)
        return answer

    play(lookup, server)
    assert (lookup.failure, lookup.addresses, asked) == (None, addresses, [NAME])


CNAME = f"{NAME}. 60 IN CNAME a.example."
LOOP = [CNAME, f"a.example. 60 IN CNAME {NAME}."]
REFERRAL = "example. 60 IN NS ns.example."
SOA = "example. 60 IN SOA ns.example. root.example. 1 2 3 4 5"

# answer, kind of failure or None, addresses, what it is
ANSWERS = [
    (_answer([CNAME, "a.example. 60 IN A 192.0.2.1"]), None, ["192.0.2.1"], "alias"),
    (
        _answer(["b.example. 60 IN A 192.0.2.2", "a.example. 60 IN CNAME b.example.", CNAME]),
        None,
        ["192.0.2.2"],
        "chain of aliases in any order",
    ),
    (
        _answer([f"{NAME}. 60 IN A 192.0.2.{n}" for n in (3, 1)]),
        None,
        ["192.0.2.3", "192.0.2.1"],
        "",
    ),
    (
        ANSWER[:-12] + b"\x00\x05" + ANSWER[-10:],
        FailureKind.NAME_NOT_FOUND,
        [],
        "an address of another class",
    ),
    (_answer([CNAME]), FailureKind.NAME_NOT_FOUND, [], "an alias of nothing"),
    (_answer(LOOP), FailureKind.NAME_NOT_FOUND, [], "aliases in a circle"),
    (_answer(["b.example. 60 IN A 192.0.2.2"]), FailureKind.NAME_NOT_FOUND, [], "of another name"),
    (_answer(also=SOA), FailureKind.NAME_NOT_FOUND, [], "no address of this kind"),
    (_answer(also=REFERRAL), FailureKind.NAME_NOT_FOUND, [], "it recursed"),
    (_answer(also=REFERRAL, flags="QR"), FailureKind.NAME_SERVER_FAILURE, [], "a referral"),
    (_answer(also=SOA, flags="QR AA"), FailureKind.NAME_NOT_FOUND, [], "its own zone"),
    (_answer(rcode="NXDOMAIN"), FailureKind.NAME_NOT_FOUND, [], ""),
    (_answer(rcode="SERVFAIL"), FailureKind.NAME_SERVER_FAILURE, [], ""),
    (_answer(rcode="FORMERR"), FailureKind.NAME_SERVER_FAILURE, [], ""),
    (_answer(rcode="NOTIMP"), FailureKind.NAME_SERVER_FAILURE, [], ""),
    (_answer(rcode="REFUSED"), FailureKind.REFUSED, [], ""),
    (ANSWER[:12] + b"\x00", FailureKind.PROTOCOL_ERROR, [], "cut in the question"),
    (ANSWER[:-1], FailureKind.PROTOCOL_ERROR, [], "cut in the address"),
    (ANSWER[:2] + b"\xff" * 30, FailureKind.PROTOCOL_ERROR, [], "garbage under our id"),
    (_answer(flags="QR RD RA TC"), FailureKind.PROTOCOL_ERROR, [], "cut off, nothing left"),
    (
        _answer([f"{NAME}. 60 IN A 192.0.2.1"], flags="QR TC"),
        None,
        ["192.0.2.1"],
        "cut off, enough left",
    ),
    (ANSWER + b"junk", None, ["192.0.2.7"], "bytes too many, as some routers send"),
    (
        bytes.fromhex("1234 8182 0000 0000 0000 0000"),
        FailureKind.NAME_SERVER_FAILURE,
        [],
        "SERVFAIL without question",
    ),
]


@pytest.mark.parametrize(("answer", "kind", "addresses", "what"), ANSWERS)
def test_each_answer(
    answer: bytes, kind: FailureKind | None, addresses: list[str], what: str
) -> None:
    lookup = _lookup()
    played = play(lookup, lambda _: answer)
    assert lookup.addresses == addresses, what
    assert (lookup.failure.failure if lookup.failure else None) == kind
    assert lookup.failure is None or lookup.failure.operation is Operation.RESOLVE
    assert lookup.answer_s == pytest.approx(0.001)
    assert len(played.sent) == 1


FOREIGN = [
    b"\x12",
    b"\x12\x35" + ANSWER[2:],
    ANSWER.replace(b"host", b"hots"),
    ANSWER[:6] + bytes(6) + QUERY[12:-4] + b"\x00\x1c\x00\x01",
    QUERY,
    b"garbage",
]


@pytest.mark.parametrize("foreign", FOREIGN)
def test_foreign_datagrams_are_passed_over(foreign: bytes) -> None:
    silent = _lookup()
    play(silent, lambda _: foreign)
    assert silent.failure is not None
    assert silent.failure.failure is FailureKind.SILENT
    answered = _lookup()
    play(answered, lambda _: [Late(0.1, foreign), Late(0.2, ANSWER)])
    assert (answered.failure, answered.addresses) == (None, ["192.0.2.7"])


def test_silence_is_asked_again_and_then_told() -> None:
    lookup = _lookup(tries=3)
    played = play(lookup, lambda _: b"")
    assert played.sent == [QUERY] * 3
    assert played.took_s == pytest.approx(15.0)
    assert lookup.failure is not None
    assert lookup.failure.failure is FailureKind.SILENT
    assert lookup.failure.waited_s == pytest.approx(15.0)
    assert (lookup.answer_s, lookup.tries_used) == (None, 3)


def test_foreign_datagrams_do_not_lengthen_a_try() -> None:
    lookup = _lookup()
    flood = [Late(at / 10, FOREIGN[1]) for at in range(200)]
    played = play(lookup, lambda _: flood)
    assert played.took_s == pytest.approx(10.0)
    assert len(played.sent) == 2


def test_a_late_answer_to_the_first_try_counts() -> None:
    lookup = _lookup()
    played = play(lookup, lambda _: [Late(6.0, ANSWER)])
    assert lookup.addresses == ["192.0.2.7"]
    assert lookup.answer_s == pytest.approx(6.0)
    assert (len(played.sent), lookup.tries_used) == (2, 2)


def test_the_second_try_is_answered() -> None:
    lookup, answers = _lookup(), iter([b"", ANSWER])
    play(lookup, lambda _: next(answers))
    assert (lookup.failure, lookup.addresses) == (None, ["192.0.2.7"])
    assert lookup.answer_s == pytest.approx(5.001)


def test_the_budget_censors() -> None:
    for budget_s, tries in ((2.0, 1), (7.0, 2)):
        lookup = _lookup()
        play(lookup, lambda _: b"", budget_s=budget_s)
        assert lookup.failure is not None
        assert lookup.failure.failure is FailureKind.CENSORED
        assert lookup.failure.waited_s == pytest.approx(budget_s)
        assert lookup.tries_used == tries


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (Ended.REFUSED, FailureKind.REFUSED),
        (Ended.RESET, FailureKind.REFUSED),
        (Ended.UNREACHABLE, FailureKind.UNREACHABLE),
        (Ended.EOF, FailureKind.CLOSED),
        (Ended.TOO_MUCH, FailureKind.PROTOCOL_ERROR),
    ],
)
def test_why_nothing_comes(why: Ended, kind: FailureKind) -> None:
    lookup = _lookup()
    played = play(lookup, lambda _: b"", end=why)
    assert len(played.sent) == 1
    assert lookup.failure is not None
    assert (lookup.failure.failure, lookup.failure.waited_s) == (kind, None)


def test_after_the_answer_nothing_changes_it() -> None:
    lookup = _lookup()
    play(lookup, lambda _: ANSWER)
    lookup.receive(_answer(rcode="NXDOMAIN"), 200.0)
    lookup.ended(Ended.LIMIT, 200.0, 1.0)
    assert (lookup.failure, lookup.addresses) == (None, ["192.0.2.7"])


def test_steps() -> None:
    lookup = _lookup()
    assert lookup.step(10.0) == Send(QUERY)
    assert lookup.step(11.0) == Wait(4.0, Operation.RESOLVE)


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".".join(["x" * 60] * 5), "\udc80.example"])
def test_names_that_cannot_be_asked_for(name: str) -> None:
    with pytest.raises(LocalWireError):
        _lookup(name)


@pytest.mark.parametrize(
    ("query_id", "tries", "record"), [(-1, 1, "A"), (65536, 1, "A"), (1, 0, "A"), (1, 1, "MX")]
)
def test_impossible_queries(query_id: int, tries: int, record: str) -> None:
    with pytest.raises(LocalWireError):
        NameLookupConversation(NAME, query_id, tries=tries, try_s=1.0, record=record)


def test_what_the_server_says() -> None:
    for rcode in ("SERVFAIL", "REFUSED", "NXDOMAIN"):
        _, answer = answer_query(QUERY, ZONES, rcode=rcode)
        assert dns.rcode.to_text(dns.message.from_wire(answer).rcode()) == rcode
    _, answer = answer_query(QUERY, {})
    assert dns.message.from_wire(answer).rcode() == dns.rcode.NXDOMAIN
    query = QUERY.replace(b"\x04host", b"\x05only4").replace(
        b"\x00\x01\x00\x01", b"\x00\x1c\x00\x01"
    )
    name, answer = answer_query(query, ZONES)
    message = dns.message.from_wire(answer)
    assert (name, message.rcode(), message.answer) == ("only4.pos.example", dns.rcode.NOERROR, [])
    _, answer = answer_query(QUERY, {NAME: ["192.0.2.7"]})
    assert answer == ANSWER


@pytest.mark.parametrize(
    "query", [b"", b"\x12\x34", QUERY[:-1], QUERY + b"x", ANSWER, QUERY[:5] + b"\x00" + QUERY[6:12]]
)
def test_what_the_server_refuses(query: bytes) -> None:
    with pytest.raises(RemoteWireError):
        answer_query(query, ZONES)


_LABEL = st.text("abcXYZ019-", min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(_LABEL, min_size=1, max_size=5),
    st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=8, unique=True),
    st.integers(0, 0xFFFF),
)
def test_any_name_and_any_addresses(labels: list[str], addresses: list[str], number: int) -> None:
    name = ".".join(labels)
    lookup = NameLookupConversation(name, number, tries=1, try_s=1.0)
    play(lookup, lambda query: answer_query(query, {name.lower(): addresses})[1])
    assert (lookup.failure, lookup.addresses) == (None, addresses)


def test_20_000_strange_datagrams() -> None:
    chance = random.Random(1035)
    samples = [ANSWER, _answer(rcode="SERVFAIL"), *(answer for answer, _, _, _ in ANSWERS[:3])]
    outcomes: set[str] = set()
    for _ in range(10_000):
        data = bytearray(chance.choice(samples))
        for _ in range(chance.randrange(5)):
            data[chance.randrange(2, len(data))] = chance.randrange(256)
        lookup = _lookup()
        lookup.step(0.0)
        lookup.receive(bytes(data[: chance.choice((len(data), chance.randrange(60)))]), 1.0)
        outcomes.add(str(lookup.failure.failure) if lookup.failure else str(bool(lookup.addresses)))
    assert outcomes >= {"True", "False", "protocol_error", "name_server_failure", "name_not_found"}
    refused = 0
    for _ in range(10_000):
        data = bytearray(QUERY)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            _, answer = answer_query(bytes(data), ZONES)
        except RemoteWireError:
            refused += 1
        else:
            assert answer[:2] == data[:2]
    assert 1000 < refused < 9500

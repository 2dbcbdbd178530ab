"""Name look-up over UDP (RFC 1035), both roles, with dnspython's messages."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

_TTL_S = 60
_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.REFUSED,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}
_RCODES = {
    dns.rcode.NXDOMAIN: FailureKind.NAME_NOT_FOUND,
    dns.rcode.REFUSED: FailureKind.REFUSED,
}


class NameLookupConversation:
    """Asks one name server for the addresses of one name, as often as a terminal would.

    Every try carries the same id, so that a late answer to an earlier try counts, as it does for
    a terminal.

    Attributes:
        addresses: in the order of the answer.
        answer_s: seconds from the first query to the answer, whatever it said; None without one.
        tries_used: queries sent.
        failure: None if there are addresses or nothing is decided yet.
    """

    def __init__(
        self, name: str, query_id: int, *, tries: int, try_s: float, record: str = "A"
    ) -> None:
        """Prepare the query; nothing is sent yet.

        Args:
            name: what to look up; a final dot is not needed.
            query_id: 0 to 65535, drawn by the caller.
            tries: queries at most, at least 1.
            try_s: how long each try waits.
            record: ``A`` or ``AAAA``.

        Raises:
            LocalWireError: no name, id, number of tries or record that can be asked for.
        """
        if not 0 <= query_id <= 0xFFFF or tries < 1 or record not in ("A", "AAAA"):
            raise LocalWireError("id, tries or record out of range")
        try:
            self._query = dns.message.make_query(
                dns.name.from_text(name), dns.rdatatype.from_text(record), id=query_id
            )
        except dns.exception.DNSException as error:
            raise LocalWireError(f"no name that can be asked for: {error}", field="name") from None
        self._tries = tries
        self._try_s = try_s
        self._first_s: float | None = None
        self._try_ends_s: float | None = None
        self._over = False
        self.addresses: list[str] = []
        self.answer_s: float | None = None
        self.tries_used = 0
        self.failure: Failed | None = None

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._over:
            return Done()
        if self._try_ends_s is not None and now_s >= self._try_ends_s:
            # Foreign datagrams filled the try to its end.
            self.ended(Ended.LIMIT, now_s, self._try_s)
            if self.failure is not None:
                return Done()
        if self._try_ends_s is None:
            self._first_s = now_s if self._first_s is None else self._first_s
            self._try_ends_s = now_s + self._try_s
            self.tries_used += 1
            return Send(self._query.to_wire())
        return Wait(self._try_ends_s - now_s, Operation.RESOLVE)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take one datagram; one with a foreign id or question is passed over."""
        if self._over or data[:2] != self._query.id.to_bytes(2):
            return
        try:
            answer = dns.message.from_wire(data, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError) as error:
            self._answered(now_s, FailureKind.PROTOCOL_ERROR, f"no DNS: {type(error).__name__}")
            return
        if not answer.flags & dns.flags.QR or (
            answer.question and answer.question != self._query.question
        ):
            return
        self._read(answer, now_s)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record why no answer comes; ask again where only this try is over."""
        if self._over:
            return
        if why is Ended.LIMIT and self.tries_used < self._tries:
            self._try_ends_s = None
            return
        self._over = True
        since_s = now_s - self._first_s if self._first_s is not None else waited_s
        waits = why in (Ended.LIMIT, Ended.BUDGET)
        detail = f"{self.tries_used} queries" if waits else ""
        self.failure = Failed(_KINDS[why], Operation.RESOLVE, detail, since_s if waits else None)

    def _read(self, answer: dns.message.Message, now_s: float) -> None:
        if answer.rcode() != dns.rcode.NOERROR:
            kind = _RCODES.get(answer.rcode(), FailureKind.NAME_SERVER_FAILURE)
            self._answered(now_s, kind, f"rcode {dns.rcode.to_text(answer.rcode())}")
            return
        question = self._query.question[0]
        self.addresses = _addresses(answer.answer, question.name, question.rdtype)
        if self.addresses:
            self._answered(now_s)
        elif answer.flags & dns.flags.TC:
            self._answered(now_s, FailureKind.PROTOCOL_ERROR, "cut off, without an address")
        elif _is_referral(answer):
            self._answered(now_s, FailureKind.NAME_SERVER_FAILURE, "it looks up nothing for others")
        else:
            self._answered(now_s, FailureKind.NAME_NOT_FOUND, "no address of this kind")

    def _answered(self, now_s: float, kind: FailureKind | None = None, detail: str = "") -> None:
        self._over = True
        self.answer_s = now_s - self._first_s if self._first_s is not None else 0.0
        if kind is not None:
            self.failure = Failed(kind, Operation.RESOLVE, detail)


def _addresses(
    records: Sequence[dns.rrset.RRset], name: dns.name.Name, wanted: dns.rdatatype.RdataType
) -> list[str]:
    """Return the addresses of a name, following its aliases inside the answer."""
    # A chain cannot be longer than the answer; one that goes in circles ends here too.
    for _ in range(len(records) + 1):
        own = [one for one in records if one.name == name and one.rdclass == dns.rdataclass.IN]
        found = [rdata.address for one in own if one.rdtype == wanted for rdata in one]
        aliases = [
            rdata.target for one in own if one.rdtype == dns.rdatatype.CNAME for rdata in one
        ]
        if found or not aliases:
            return found
        name = aliases[0]
    return []


def _is_referral(answer: dns.message.Message) -> bool:
    """Return whether a server that does not recurse only names others (RFC 1034 section 4.3.1)."""
    recurses = answer.flags & dns.flags.RA or answer.flags & dns.flags.AA
    return not recurses and any(one.rdtype == dns.rdatatype.NS for one in answer.authority)


def answer_query(
    query: bytes, zones: Mapping[str, Sequence[str]], *, rcode: str = "NOERROR"
) -> tuple[str, bytes]:
    """Return (name asked for, answer) as a name server that knows ``zones`` gives it.

    Args:
        query: one datagram.
        zones: lower-case name without final dot -> IP addresses; others are NXDOMAIN.
        rcode: say this instead, for every name (``SERVFAIL``, ``REFUSED``, ``NXDOMAIN``).

    Raises:
        RemoteWireError: the datagram is no query with one question.
    """
    try:
        asked = dns.message.from_wire(query)
    except (dns.exception.DNSException, ValueError) as error:
        raise RemoteWireError(f"no DNS: {type(error).__name__}") from None
    if asked.flags & dns.flags.QR or len(asked.question) != 1:
        raise RemoteWireError("no query with one question")
    question = asked.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    answer = dns.message.make_response(asked, recursion_available=True)
    if rcode != "NOERROR":
        answer.set_rcode(dns.rcode.from_text(rcode))
    elif name not in zones:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    else:
        version = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}.get(question.rdtype)
        texts = [text for text in zones[name] if ipaddress.ip_address(text).version == version]
        if texts:
            answer.answer.append(
                dns.rrset.from_text_list(question.name, _TTL_S, "IN", question.rdtype, texts)
            )
    # dnspython would shuffle them: nothing here is random.
    return name, answer.to_wire(want_shuffle=False)

"""Judges a certificate chain that TLS only read."""

from __future__ import annotations

import datetime
import ipaddress
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from posdiag.model.observation import FailureKind

_MAX_DEPTH = 8
_MAX_SENT = 20
"""Certificates of a chain that are looked at; a hostile one must not cost minutes."""
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_DAY_S = 86400.0


class CertificateVerdict(NamedTuple):
    """What there is to say about a host's certificate.

    Attributes:
        failure: None if a terminal that knows the roots would trust it.
        detail: for people: which certificate, which names it has instead.
        days_left: until the host's own certificate ends, negative after; None if it is unreadable.
    """

    failure: FailureKind | None
    detail: str
    days_left: float | None


def verify_chain(
    chain: Sequence[bytes], expected_name: str, roots: Sequence[bytes], now: datetime.datetime
) -> CertificateVerdict:
    """Return whether a host's certificate is one to trust, and if not, the first reason.

    The order is: expired, not yet valid, untrusted, wrong name. An expired certificate of a
    stranger is called expired. The rules are those of terminals, not of web browsers: a private
    root without key usage and a common name instead of an alternative name pass, and the detail
    then says what a browser would refuse. Revocation is not checked.

    Args:
        chain: DER, the host's own certificate first, then intermediates in any order.
        expected_name: DNS name or IP address that was to be reached.
        roots: DER, or PEM with any number of certificates.
        now: with time zone.
    """
    if not chain:
        return CertificateVerdict(
            FailureKind.CERTIFICATE_UNTRUSTED, "the host sent no certificate", None
        )
    with warnings.catch_warnings():
        # About a peer's certificate (a serial number of zero, a country of six letters): nothing
        # that our user can act on. Deprecations of cryptography are of this class too.
        warnings.simplefilter("ignore", UserWarning)
        return _verdict(chain, expected_name, roots, now)


def _verdict(
    chain: Sequence[bytes], expected_name: str, roots: Sequence[bytes], now: datetime.datetime
) -> CertificateVerdict:
    days_left = None
    try:
        own = x509.load_der_x509_certificate(chain[0])
        others = [one for der in chain[1:_MAX_SENT] for one in _load(der)]
        trusted = [root for blob in roots for root in _load(blob)]
        days_left = (own.not_valid_after_utc - now).total_seconds() / _DAY_S
        failure, detail = _judge(own, others, expected_name, trusted, now)
    except _UNREADABLE as error:
        return CertificateVerdict(
            FailureKind.CERTIFICATE_UNTRUSTED, f"unreadable: {type(error).__name__}", days_left
        )
    return CertificateVerdict(failure, detail, days_left)


def certificate_names(der: bytes) -> list[str]:
    """Return the names of a certificate, the common one last; none where it is unreadable."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = [*_names(certificate), *(str(attribute.value) for attribute in common)]
    except _UNREADABLE:
        return []
    return list(dict.fromkeys(names))


def _load(blob: bytes) -> Iterable[x509.Certificate]:
    """Yield the readable ones: one strange root of a system must not hide the others."""
    blocks = _PEM.findall(blob)
    for block in blocks or [blob]:
        try:
            if blocks:
                yield x509.load_pem_x509_certificate(block)
            else:
                yield x509.load_der_x509_certificate(block)
        except _UNREADABLE:
            continue


def _judge(
    own: x509.Certificate,
    others: list[x509.Certificate],
    expected_name: str,
    roots: list[x509.Certificate],
    now: datetime.datetime,
) -> tuple[FailureKind | None, str]:
    path = _path(own, others, roots, now)
    checked = [own, *(others if path is None else path)]
    for certificate in checked:
        if now > certificate.not_valid_after_utc:
            return FailureKind.CERTIFICATE_EXPIRED, (
                f"{_called(certificate)} ended {certificate.not_valid_after_utc:%Y-%m-%d}"
            )
    for certificate in checked:
        if now < certificate.not_valid_before_utc:
            return FailureKind.CERTIFICATE_NOT_YET_VALID, (
                f"{_called(certificate)} begins {certificate.not_valid_before_utc:%Y-%m-%d}"
            )
    if path is None:
        return _without_path(own, others)
    if not _matches(own, expected_name):
        names = ", ".join(sorted(_names(own))) or "no name"
        return FailureKind.CERTIFICATE_WRONG_NAME, f"{names} instead of {expected_name}"
    return None, _browsers_say(own, others, roots, expected_name, now)


def _without_path(own: x509.Certificate, others: list[x509.Certificate]) -> tuple[FailureKind, str]:
    """Return why no way leads to a root: no authority at all, one not sent, or one not known."""
    what = f"issued by {own.issuer.rfc4514_string()}"
    if own.issuer == own.subject:
        return FailureKind.CERTIFICATE_SELF_SIGNED, "signed by itself"
    last, left = own, list(others)
    while (issuer := next((one for one in left if _issued(last, one)), None)) is not None:
        left.remove(issuer)
        last = issuer
    if last.issuer == last.subject:
        return FailureKind.CERTIFICATE_UNTRUSTED, what
    return FailureKind.CERTIFICATE_CHAIN_CUT, what


def _path(
    own: x509.Certificate,
    others: list[x509.Certificate],
    roots: list[x509.Certificate],
    now: datetime.datetime,
) -> list[x509.Certificate] | None:
    """Return the issuers up to a root, None without a way; one where all are valid is preferred."""
    valid = [one for one in others if _is_valid(one, now)]
    valid_roots = [root for root in roots if _is_valid(root, now)]
    path = _shortest_path(own, valid, valid_roots)
    return _shortest_path(own, others, roots) if path is None else path


def _is_valid(certificate: x509.Certificate, now: datetime.datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _shortest_path(
    own: x509.Certificate, others: list[x509.Certificate], roots: list[x509.Certificate]
) -> list[x509.Certificate] | None:
    """Search level by level; each certificate is reached once, so loops end."""
    if own in roots:
        return []
    left = [one for one in others if one not in roots]
    paths: list[list[x509.Certificate]] = [[]]
    for _ in range(_MAX_DEPTH):
        longer = []
        for path in paths:
            last = path[-1] if path else own
            for root in roots:
                if _issued(last, root):
                    return [*path, root]
            found = [one for one in left if _issued(last, one)]
            left = [one for one in left if one not in found]
            longer += [[*path, one] for one in found]
        paths = longer
    return None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        if certificate.issuer != issuer.subject:
            return False
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        if not constraints.ca:
            return False
    except x509.ExtensionNotFound:
        # A version 1 root of an acquirer has no extensions at all.
        if issuer.version is not x509.Version.v1:
            return False
    except _UNREADABLE:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [str(attribute.value) for attribute in common]
    return [
        *found.get_values_for_type(x509.DNSName),
        *(str(address) for address in found.get_values_for_type(x509.IPAddress)),
    ]


def _matches(certificate: x509.Certificate, expected: str) -> bool:
    """Return whether a name of the certificate is the expected one (RFC 6125 section 6.4)."""
    address = _address(expected)
    if address is not None:
        return any(_address(name) == address for name in _names(certificate))
    wanted = expected.rstrip(".").lower()
    for name in _names(certificate):
        known = name.rstrip(".").lower()
        if known == wanted:
            return True
        # A star stands for exactly the leftmost label.
        if known.startswith("*.") and "." in known[2:] and wanted.partition(".")[2] == known[2:]:
            return True
    return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _browsers_say(
    own: x509.Certificate,
    others: list[x509.Certificate],
    roots: list[x509.Certificate],
    expected_name: str,
    now: datetime.datetime,
) -> str:
    """Return what the rules of the web would refuse, empty if nothing."""
    address = _address(expected_name)
    try:
        subject = x509.DNSName(expected_name) if address is None else x509.IPAddress(address)
        verifier = PolicyBuilder().store(Store(roots)).time(now).build_server_verifier(subject)
        verifier.verify(own, others)
    except VerificationError as error:
        return f"browsers would refuse it: {str(error)[:160]}"
    except _UNREADABLE as error:
        return f"browsers would refuse it: {type(error).__name__}"
    return ""


def _called(certificate: x509.Certificate) -> str:
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if common:
        return str(common[0].value)
    return certificate.subject.rfc4514_string() or "a certificate without a name"


_INSPECTORS = (
    "fortinet", "fortigate", "sophos", "zscaler", "sangfor", "深信服", "奇安信", "kaspersky",
    "eset ssl filter", "avast", "avg technologies", "bitdefender", "blue coat", "check point",
    "watchguard", "sonicwall", "cisco umbrella", "netskope", "untangle", "mitmproxy",
    "charles proxy", "fiddler",
)  # fmt: skip
"""Makers of boxes and programs that open TLS with an authority of their own. Source: the names of
their default authorities, as their makers document them; far from complete."""
_LOCAL_NAME = re.compile(r"\.(local|lan|home|internal|intranet|corp)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])", re.ASCII)


class ChainFacts(NamedTuple):
    """What a chain says of itself, believed or not.

    Attributes:
        issuer: of the host's own certificate, RFC 4514; empty if it is unreadable.
        subjects: of what was sent, in that order.
        is_local: the issuer's name is that of a box or program on the way, or of a private network.
    """

    issuer: str
    subjects: tuple[str, ...]
    is_local: bool


def chain_facts(chain: Sequence[bytes]) -> ChainFacts:
    """Return names of a chain as it was sent; what cannot be read is left out.

    Args:
        chain: DER, the host's own certificate first.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            read = [one for der in chain[:_MAX_SENT] for one in _load(der)]
            subjects = tuple(one.subject.rfc4514_string() for one in read)
            issuer = x509.load_der_x509_certificate(chain[0]).issuer.rfc4514_string()
        except (*_UNREADABLE, IndexError):
            return ChainFacts("", (), is_local=False)
    return ChainFacts(issuer, subjects, is_local=_is_local(issuer))


def _is_local(issuer: str) -> bool:
    lower = issuer.casefold()
    if any(maker in lower for maker in _INSPECTORS) or _LOCAL_NAME.search(issuer):
        return True
    addresses = (_address(text) for text in _ADDRESS.findall(issuer))
    return any(address is not None and address.is_private for address in addresses)


def same_name(one: str, other: str) -> bool:
    """Return whether two RFC 4514 names are the same but for order, blanks and case."""
    parts = [
        sorted(part.strip().casefold() for part in re.split(r"(?<!\\),", text) if part.strip())
        for text in (one, other)
    ]
    return parts[0] == parts[1]

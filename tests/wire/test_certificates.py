"""Chains of certificates and what is said of them."""

from __future__ import annotations

import datetime
import random
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from posdiag.model.observation import FailureKind
from posdiag.wire.certificates import CertificateVerdict, chain_facts, same_name, verify_chain
from tests.wire.authority import HOST, NOW, Issued, issue, names

DAY = datetime.timedelta(days=1)
ROOT = issue("Root", ca=True, ends=NOW + 3000 * DAY)
MIDDLE = issue("Middle", ROOT, ca=True)
STRANGER = issue("Stranger", ca=True)
GOOD = issue(by=ROOT, alternative=names(HOST, "192.0.2.7", "2001:db8::7"))
UNDER_MIDDLE = issue(by=MIDDLE, alternative=names(HOST))

# A root and a host's certificate of version 1, made with ``openssl x509 -req`` (no extensions)
VERSION_1 = b"""-----BEGIN CERTIFICATE-----
MIIBIjCByQIUC7ghPXkVZ0NqYYFDOlwgRUrdmcAwCgYIKoZIzj0EAwIwEzERMA8G
A1UEAwwIT2xkIHJvb3QwIBcNMjYxMTI0MjMxMDQ4WhgPMjEyNjEwMzEyMzEwNDha
MBMxETAPBgNVBAMMCE9sZCByb290MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
9OFpSGxAum6W+HSl7yh3qbSnvwCnbG8sYcQOXYgC1hXfPW/0vz5dloTSe9esS0Yo
XGXBVT+fWqXT+LQ8gZF/8zAKBggqhkjOPQQDAgNIADBFAiEAsMXPFOk8cXwASaPI
Qi8iZJ70hY5KH3U0G4uWCbPN2BcCIFjEHdQHdJmjxHVjK67PhVGUZ8vEXF12XLyK
YdMIOr7Q
-----END CERTIFICATE-----
"""
VERSION_1_HOST = b"""-----BEGIN CERTIFICATE-----
MIIBKzCB0QIUFIf/V+T1+mtKU92Toy8nLEUQnTswCgYIKoZIzj0EAwIwEzERMA8G
A1UEAwwIT2xkIHJvb3QwIBcNMjYxMTI0MjMxMDQ4WhgPMjEyNjEwMzEyMzEwNDha
MBsxGTAXBgNVBAMMEGhvc3QucG9zLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASKnEmJUtmOnaCbVxhacBA5SgjfhGp3GsNHOIH0X4mwn1rv4r7GhsPj
1hQxpeIZ5Eg6l0Ti6LM0mLVqHX0SFfAnMAoGCCqGSM49BAMCA0kAMEYCIQDZNvWn
ujVuhe4njUT0ffCQvHBKtwBqLqYWGHPH02cZDAIhAJwMd5lb35UmTB0Mg6cOVMnJ
QaePcgEpk19oNH5EVvB3
-----END CERTIFICATE-----
"""


def _verdict(
    *chain: Issued,
    name: str = HOST,
    roots: tuple[Issued, ...] = (ROOT,),
    now: datetime.datetime = NOW,
) -> CertificateVerdict:
    return verify_chain([one.der for one in chain], name, [root.der for root in roots], now)


@pytest.mark.parametrize("name", [HOST, HOST.upper(), HOST + ".", "192.0.2.7", "2001:DB8:0::7"])
def test_good(name: str) -> None:
    verdict = _verdict(GOOD, name=name)
    assert verdict.failure is None
    assert verdict.days_left == pytest.approx(300)


def test_good_in_a_browser_too_says_nothing_more() -> None:
    assert _verdict(GOOD)[:2] == (None, "")
    assert _verdict(UNDER_MIDDLE, MIDDLE)[:2] == (None, "")


def test_roots_as_one_pem_file_with_others_and_a_strange_one() -> None:
    broken = STRANGER.pem.replace(STRANGER.pem[40:60], b"A" * 20)
    file = b"# a comment\n" + broken + b"\n" + STRANGER.pem + ROOT.pem
    assert verify_chain([GOOD.der], HOST, [file], NOW).failure is None
    assert verify_chain([GOOD.der], HOST, [b"no certificate", ROOT.der], NOW).failure is None


@pytest.mark.parametrize(
    ("begins", "ends", "kind", "detail"),
    [
        (-30, -1, FailureKind.CERTIFICATE_EXPIRED, f"{HOST} ended 2026-11-22"),
        (1, 30, FailureKind.CERTIFICATE_NOT_YET_VALID, f"{HOST} begins 2026-11-24"),
    ],
)
def test_outside_its_time(begins: int, ends: int, kind: FailureKind, detail: str) -> None:
    own = issue(by=ROOT, alternative=names(HOST), begins=NOW + begins * DAY, ends=NOW + ends * DAY)
    assert _verdict(own)[:2] == (kind, detail)
    assert _verdict(own).days_left == pytest.approx(ends)
    # Its dates come first, whoever signed it and whatever it is called.
    assert _verdict(own, roots=(STRANGER,), name="other.example").failure is kind


def test_to_the_second() -> None:
    ends, begins = GOOD.certificate.not_valid_after_utc, GOOD.certificate.not_valid_before_utc
    second = datetime.timedelta(seconds=1)
    assert _verdict(GOOD, now=ends).failure is None
    assert _verdict(GOOD, now=ends + second).failure is FailureKind.CERTIFICATE_EXPIRED
    assert _verdict(GOOD, now=begins).failure is None
    assert _verdict(GOOD, now=begins - second).failure is FailureKind.CERTIFICATE_NOT_YET_VALID


def test_the_laptops_time_zone_does_not_matter() -> None:
    here = datetime.timezone(datetime.timedelta(hours=8))
    assert _verdict(GOOD, now=NOW.astimezone(here)) == _verdict(GOOD)


def test_untrusted() -> None:
    own = issue(alternative=names(HOST))
    assert _verdict(own)[:2] == (FailureKind.CERTIFICATE_SELF_SIGNED, "signed by itself")
    stranger = issue(by=STRANGER, alternative=names(HOST))
    for chain, kind in (
        ((stranger,), FailureKind.CERTIFICATE_CHAIN_CUT),
        ((stranger, STRANGER), FailureKind.CERTIFICATE_UNTRUSTED),
    ):
        assert _verdict(*chain)[:2] == (kind, "issued by CN=Stranger")
    assert _verdict(GOOD, roots=()).failure is FailureKind.CERTIFICATE_CHAIN_CUT
    assert _verdict() == (FailureKind.CERTIFICATE_UNTRUSTED, "the host sent no certificate", None)


def test_a_forged_signature_and_an_issuer_that_is_none() -> None:
    forged = issue(by=ROOT, alternative=names(HOST), signer=STRANGER.key)
    assert _verdict(forged).failure is FailureKind.CERTIFICATE_CHAIN_CUT
    no_ca = issue("No CA", ROOT)
    below = issue(by=no_ca, alternative=names(HOST))
    assert _verdict(below, no_ca).failure is FailureKind.CERTIFICATE_CHAIN_CUT


def test_an_intermediate_that_is_not_sent() -> None:
    verdict = _verdict(UNDER_MIDDLE)
    assert verdict[:2] == (FailureKind.CERTIFICATE_CHAIN_CUT, "issued by CN=Middle")
    assert _verdict(UNDER_MIDDLE, STRANGER, ROOT, MIDDLE).failure is None


def test_a_certificate_that_is_itself_trusted() -> None:
    own = issue(alternative=names(HOST))
    assert _verdict(own, roots=(own,)).failure is None


def test_an_expired_issuer_is_named() -> None:
    old = issue("Old middle", ROOT, ca=True, ends=NOW - DAY)
    own = issue(by=old, alternative=names(HOST))
    verdict = _verdict(own, old)
    assert verdict[:2] == (FailureKind.CERTIFICATE_EXPIRED, "Old middle ended 2026-11-22")
    assert verdict.days_left == pytest.approx(300)
    root = issue("Old root", ca=True, ends=NOW - DAY)
    verdict = _verdict(issue(by=root, alternative=names(HOST)), roots=(root,))
    assert verdict[:2] == (FailureKind.CERTIFICATE_EXPIRED, "Old root ended 2026-11-22")


def test_a_way_around_an_expired_issuer_is_found() -> None:
    # As in 2021, when a root ended and hosts kept sending the certificate that it had signed.
    old_root = issue("Old root", ca=True, ends=NOW - DAY)
    crossed = issue("Root", old_root, ca=True, key=ROOT.key)
    own = issue(by=ROOT, alternative=names(HOST))
    assert _verdict(own, crossed, old_root, roots=(old_root, ROOT)).failure is None
    assert _verdict(own, crossed, roots=(old_root,)).failure is FailureKind.CERTIFICATE_EXPIRED
    # An expired one that is on no way to a root does no harm.
    assert _verdict(GOOD, issue("Root", STRANGER, ca=True, ends=NOW - DAY)).failure is None
    renewed = issue("Root", ca=True, key=ROOT.key, ends=NOW - DAY)
    assert _verdict(GOOD, roots=(renewed, ROOT)).failure is None
    assert _verdict(GOOD, roots=(renewed,)).failure is FailureKind.CERTIFICATE_EXPIRED


# names in the certificate, name that was to be reached, whether it fits
NAMES = [
    (("*.pos.example",), HOST, True),
    (("*.pos.example",), "pos.example", False),
    (("*.pos.example",), "a.host.pos.example", False),
    (("*.example",), HOST, False),
    (("*.example",), "host.example", False),
    (("h*.pos.example",), HOST, False),
    (("*.*.example",), HOST, False),
    (("other.example", "HOST.pos.example"), HOST, True),
    (("xn--fsqu00a.example",), "xn--fsqu00a.example", True),
    (("other.example",), HOST, False),
    (("192.0.2.7",), "192.0.2.7", True),
    (("192.0.2.7",), "192.0.2.8", False),
    (("192.0.2.7",), HOST, False),
    (("2001:db8::7",), "2001:db8:0:0::7", True),
    ((HOST,), "192.0.2.7", False),
    (("*.2.7",), "192.0.2.7", False),
]


@pytest.mark.parametrize(("alternative", "name", "fits"), NAMES)
def test_each_name(*, alternative: tuple[str, ...], name: str, fits: bool) -> None:
    own = issue("cn.example", ROOT, alternative=names(*alternative))
    verdict = _verdict(own, name=name)
    if fits:
        assert verdict.failure is None
    else:
        said = ", ".join(sorted(alternative)) + f" instead of {name}"
        assert verdict[:2] == (FailureKind.CERTIFICATE_WRONG_NAME, said)


def test_alternative_names_rule_out_the_common_name() -> None:
    own = issue(HOST, ROOT, alternative=names("other.example"))
    assert _verdict(own).failure is FailureKind.CERTIFICATE_WRONG_NAME


def test_a_common_name_alone_passes_and_is_said() -> None:
    for common in (HOST, "192.0.2.7"):
        verdict = _verdict(issue(common, ROOT), name=common)
        assert verdict.failure is None
        assert verdict.detail.startswith("browsers would refuse it: ")
    nameless = issue("", ROOT)
    assert _verdict(nameless).detail == f"no name instead of {HOST}"


def test_a_root_of_version_1() -> None:
    now = NOW + 10 * DAY
    chain = [_der(VERSION_1_HOST)]
    verdict = verify_chain(chain, HOST, [VERSION_1], now)
    assert verdict.failure is None
    assert verdict.detail.startswith("browsers would refuse it: ")
    assert verify_chain(chain, HOST, [ROOT.der], now).detail == "issued by CN=Old root"


def _der(pem: bytes) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def test_names_that_cannot_be_compared() -> None:
    assert _verdict(GOOD, name="主机.example").failure is FailureKind.CERTIFICATE_WRONG_NAME
    assert _verdict(GOOD, name="").failure is FailureKind.CERTIFICATE_WRONG_NAME


def test_unreadable() -> None:
    for der in (b"", b"garbage", GOOD.der[:-1], GOOD.der + b"x"):
        verdict = verify_chain([der], HOST, [ROOT.der], NOW)
        assert verdict == (FailureKind.CERTIFICATE_UNTRUSTED, "unreadable: ValueError", None)


def test_an_unreadable_issuer_does_not_hide_a_good_one() -> None:
    # The same extension twice: the object id 2.5.29.35 is turned into 2.5.29.14.
    twice = MIDDLE.der.replace(b"\x55\x1d\x23", b"\x55\x1d\x0e")
    assert twice != MIDDLE.der
    for strange in (b"garbage", twice):
        chain = [UNDER_MIDDLE.der, strange, MIDDLE.der]
        assert verify_chain(chain, HOST, [ROOT.der], NOW).failure is None
        verdict = verify_chain(chain[:2], HOST, [ROOT.der], NOW)
        assert verdict.failure is FailureKind.CERTIFICATE_CHAIN_CUT
        assert verdict.days_left == pytest.approx(300)
    # A name as BIT STRING, on which the library raises TypeError.
    strange = UNDER_MIDDLE.der.replace(b"\x0c\x10host", b"\x03\x10host")
    verdict = verify_chain([strange, MIDDLE.der], HOST, [ROOT.der], NOW)
    assert verdict.failure is FailureKind.CERTIFICATE_UNTRUSTED
    assert verdict.detail == "unreadable: TypeError"
    own = GOOD.der.replace(b"\x55\x1d\x23", b"\x55\x1d\x0e")
    verdict = verify_chain([own], HOST, [own], NOW)
    assert verdict.failure is FailureKind.CERTIFICATE_UNTRUSTED
    assert verdict.detail == "unreadable: DuplicateExtension"
    assert verdict.days_left == pytest.approx(300)


def test_what_a_chain_says_of_itself() -> None:
    facts = chain_facts([UNDER_MIDDLE.der, MIDDLE.der])
    assert facts == ("CN=Middle", (f"CN={HOST}", "CN=Middle"), False)
    assert chain_facts([]) == ("", (), False)
    assert chain_facts([b"garbage"]) == ("", (), False)


@pytest.mark.parametrize(
    ("authority", "is_local"),
    [
        ("FortiGate CA", True),
        ("深信服 SSL 根证书", True),
        ("router.lan", True),
        ("gateway 192.168.1.1", True),
        ("gateway 8.8.8.8", False),
        ("Bank CA 2.10.1.0.3", False),
        ("DigiCert Global Root G2", False),
    ],
)
def test_an_authority_on_the_way(authority: str, is_local: bool) -> None:
    box = issue(authority, ca=True)
    own = issue(by=box, alternative=names(HOST))
    assert chain_facts([own.der]).is_local is is_local


def test_names_that_are_the_same() -> None:
    assert same_name("CN=Bank CA, O=Bank,C=CN", "C=CN,O=bank,CN=Bank CA")
    assert not same_name("CN=Bank CA,O=Bank", "CN=Bank CA")
    assert not same_name("", "CN=Bank CA")


def test_issuers_that_sign_each_other_cost_little() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    first = issue("First", ca=True, key=keys[0])
    second = issue("Second", ca=True, key=keys[1])
    ring = [
        issue(subject, by, ca=True, key=key)
        for subject, by, key in (("First", second, keys[0]), ("Second", first, keys[1]))
        for _ in range(30)
    ]
    started_s = time.perf_counter()
    verdict = _verdict(issue(by=first, alternative=names(HOST)), *ring)
    assert verdict.failure is FailureKind.CERTIFICATE_CHAIN_CUT
    assert time.perf_counter() - started_s < 10


def test_strange_certificates_give_a_verdict() -> None:
    chance = random.Random(5280)
    kinds = set()
    for _ in range(3000):
        chain = [bytearray(UNDER_MIDDLE.der), bytearray(MIDDLE.der)]
        for _ in range(chance.randrange(3)):
            part = chance.choice(chain)
            part[chance.randrange(len(part))] = chance.randrange(256)
        verdict = verify_chain([bytes(part) for part in chain], HOST, [ROOT.der], NOW)
        kinds.add(verdict.failure)
    assert kinds >= {None, FailureKind.CERTIFICATE_UNTRUSTED}

"""Certificates of the simulated host: made at start with fresh keys, and thrown away at the end."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

Kind = Literal[
    "good", "expired", "not_yet_valid", "wrong_name", "self_signed", "intermediate_missing"
]

_DAY = datetime.timedelta(days=1)
_ROOT_NAME = "posdiag simulated root"
_INTERMEDIATE_NAME = "posdiag simulated intermediate"
_OTHER_NAME = "another.host.example"


class Files(NamedTuple):
    """Where they were written, as PEM.

    Attributes:
        ca: the root.
        certificate: the host's own certificate.
        key: its private key.
    """

    ca: Path
    certificate: Path
    key: Path


def write_certificates(
    folder: Path, kind: Kind, server_name: str, days: float, *, address: bool = True
) -> Files:
    """Make a root and a host's certificate, and return where they are.

    Args:
        folder: an existing folder that nobody else can read.
        kind: what is wrong with the host's certificate.
        server_name: name in it, beside 127.0.0.1; a wrong name has neither.
        days: until a certificate ends that is not expired.
        address: false: only a common name, as certificates of terminals have it.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(tz=datetime.UTC)
    root_key, issuer_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    long = (now - 3650 * _DAY, now + 3650 * _DAY)
    root = _certificate(_ROOT_NAME, root_key, span=long)
    issuer = root, root_key
    if kind == "intermediate_missing":
        signed = _certificate(_INTERMEDIATE_NAME, issuer_key, span=long, issued_by=issuer)
        issuer = signed, issuer_key
    names = [_OTHER_NAME] if kind == "wrong_name" else [server_name, "127.0.0.1"]
    own = _certificate(
        names[0],
        key,
        span=_span(kind, now, days),
        names=names if address else names[:0],
        issued_by=None if kind == "self_signed" else issuer,
    )
    files = Files(folder / "ca.pem", folder / "host.pem", folder / "host_key.pem")
    pem = serialization.Encoding.PEM
    files.ca.write_bytes(root.public_bytes(pem))
    files.certificate.write_bytes(own.public_bytes(pem))
    files.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _span(
    kind: Kind, now: datetime.datetime, days: float
) -> tuple[datetime.datetime, datetime.datetime]:
    """Return begin and end."""
    if kind == "expired":
        return now - 400 * _DAY, now - 5 * _DAY
    if kind == "not_yet_valid":
        return now + 5 * _DAY, now + 400 * _DAY
    end = now + days * _DAY
    return min(now, end) - 30 * _DAY, end


def _certificate(
    common_name: str,
    key: EllipticCurvePrivateKey,
    *,
    span: tuple[datetime.datetime, datetime.datetime],
    names: list[str] | None = None,
    issued_by: tuple[x509.Certificate, EllipticCurvePrivateKey] | None = None,
) -> x509.Certificate:
    """Return a certificate: of an authority without ``names``, else of a server."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer = issued_by[0].subject if issued_by else subject
    issuer_key = issued_by[1] if issued_by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
    )
    # The rules of the web (CA/Browser Forum) ask for these; an acquirer's private root may lack
    # them, and the judge of certificates says so in a detail.
    for extension, critical in _extensions(key, names, issuer_key):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _extensions(
    key: EllipticCurvePrivateKey, names: list[str] | None, issuer_key: EllipticCurvePrivateKey
) -> list[tuple[x509.ExtensionType, bool]]:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usage = x509.KeyUsage(
        digital_signature=names is not None,
        key_cert_sign=names is None,
        crl_sign=names is None,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    found: list[tuple[x509.ExtensionType, bool]] = [
        (usage, True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
    ]
    if names:
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        found.append((alternatives, False))
    if names is not None:
        found.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
    return found


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

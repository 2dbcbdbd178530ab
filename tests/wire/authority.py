"""Throw-away certificates for tests; the same ones each time."""

from __future__ import annotations

import datetime
import ipaddress
import zlib
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime(2026, 11, 23, 9, 30, tzinfo=datetime.UTC)
HOST = "host.pos.example"
_DAY = datetime.timedelta(days=1)


class Issued(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def names(*texts: str) -> list[x509.GeneralName]:
    """Return alternative names: IP addresses where they look like one, else DNS names."""
    found: list[x509.GeneralName] = []
    for text in texts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(text)))
        except ValueError:
            found.append(x509.DNSName(text))
    return found


def issue(
    common: str = HOST,
    by: Issued | None = None,
    *,
    alternative: list[x509.GeneralName] | None = None,
    ca: bool = False,
    begins: datetime.datetime = NOW - 30 * _DAY,
    ends: datetime.datetime = NOW + 300 * _DAY,
    key: ec.EllipticCurvePrivateKey | None = None,
    signer: ec.EllipticCurvePrivateKey | None = None,
) -> Issued:
    """Return a certificate, signed by itself without ``by``; ``signer`` forges the signature."""
    key = key or ec.derive_private_key(zlib.crc32(f"{common} {ca}".encode()) + 1, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
    issuer = by.certificate.subject if by else subject
    issuer_key = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(zlib.crc32(f"{common} {begins} {ends}".encode()) + 1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if alternative:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(alternative), critical=not common
        )
    if ca:
        usage = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = builder.add_extension(
            x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True
        )
    signed = builder.sign(signer or issuer_key, hashes.SHA256(), ecdsa_deterministic=True)
    return Issued(signed, key)

"""What TLS needs from this machine: a client context and the roots to trust."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

if TYPE_CHECKING:
    import ssl


def client_context() -> ssl.SSLContext:
    """Return a context that verifies nothing, of TLS 1.2 and newer.

    A host with a 1024-bit key is to be measured and named, not refused by us. Nothing secret
    passes: an echo test carries no key and no card.
    """
    import ssl

    context = _context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def legacy_context() -> ssl.SSLContext:
    """Return a context of TLS 1.0 and 1.1 alone, for hosts that speak nothing newer.

    Raises:
        CannotRun: unsupported: this Python's OpenSSL has neither.
    """
    import ssl
    import warnings

    if not (ssl.HAS_TLSv1 or ssl.HAS_TLSv1_1):
        raise CannotRun(NotRunReason.UNSUPPORTED, f"TLS 1.0 and 1.1 in {ssl.OPENSSL_VERSION}")
    context = _context()
    with warnings.catch_warnings():
        # Python warns of every version below 1.2, which is the point here.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _context() -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def trusted_roots(ca_file: str | None) -> list[bytes]:
    """Return the roots that a host's certificate may lead to.

    Args:
        ca_file: file of the acquirer's own root, PEM or DER; None: the system's roots.

    Returns:
        one file, or each root of the system; may be empty where the system has none.

    Raises:
        CannotRun: no_permission, or not_declared where there is no such file or no certificate in
            it: what is declared can't be used, which says nothing about the host.
    """
    if ca_file is None:
        return _system_roots()
    try:
        content = Path(ca_file).read_bytes()
    except PermissionError:
        raise CannotRun(NotRunReason.NO_PERMISSION, ca_file) from None
    except OSError as error:
        raise CannotRun(NotRunReason.NOT_DECLARED, f"{ca_file}: {error.strerror}") from None
    if not _holds_certificates(content):
        raise CannotRun(NotRunReason.NOT_DECLARED, f"{ca_file}: no certificate that can be read")
    return [content]


def _holds_certificates(content: bytes) -> bool:
    from cryptography import x509

    if b"-----BEGIN" not in content:
        with contextlib.suppress(ValueError):
            x509.load_der_x509_certificate(content)
            return True
        return False
    try:
        return bool(x509.load_pem_x509_certificates(content))
    except ValueError:
        return False


def _system_roots() -> list[bytes]:
    import ssl

    context = ssl.create_default_context()
    roots = context.get_ca_certs(binary_form=True)
    folder = ssl.get_default_verify_paths().capath
    if not roots and folder is not None:
        # A folder of hashed files is read by OpenSSL only when a chain is verified.
        for path in sorted(Path(folder).glob("*.pem")):
            with contextlib.suppress(OSError):  # one broken link must not hide the others
                roots.append(path.read_bytes())
    return roots

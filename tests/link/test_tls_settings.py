"""The client context, and which roots are trusted."""

from __future__ import annotations

import datetime
import os
import ssl
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from posdiag.link.tls_settings import client_context, legacy_context, trusted_roots
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason


def certificate(encoding: Encoding) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    now = datetime.datetime.now(tz=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(encoding)
    )


def test_the_context_measures_and_does_not_refuse() -> None:
    context = client_context()
    assert context.verify_mode is ssl.CERT_NONE
    assert context.check_hostname is False
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.security_level == 0
    assert client_context() is not context


def test_the_context_of_old_hosts_has_nothing_newer() -> None:
    context = legacy_context()
    assert context.maximum_version is ssl.TLSVersion.TLSv1_1
    assert context.verify_mode is ssl.CERT_NONE
    assert context.security_level == 0


def test_a_python_without_old_tls_cannot_ask_old_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "HAS_TLSv1", False)
    monkeypatch.setattr(ssl, "HAS_TLSv1_1", False)
    with pytest.raises(CannotRun) as caught:
        legacy_context()
    assert caught.value.reason is NotRunReason.UNSUPPORTED


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_the_acquirers_own_root(encoding: Encoding, tmp_path: Path) -> None:
    file = tmp_path / "root"
    file.write_bytes(certificate(encoding))
    assert trusted_roots(str(file)) == [file.read_bytes()]


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nx\n", bytes(100)]
)
def test_a_file_without_certificates_judges_no_host(content: bytes, tmp_path: Path) -> None:
    # With no root at all every host would look untrusted.
    file = tmp_path / "root.pem"
    file.write_bytes(content)
    with pytest.raises(CannotRun) as caught:
        trusted_roots(str(file))
    assert caught.value.reason is NotRunReason.NOT_DECLARED
    assert str(file) in caught.value.detail


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", tmp_path):
        with pytest.raises(CannotRun) as caught:
            trusted_roots(str(path))
        assert caught.value.reason is NotRunReason.NOT_DECLARED


def test_a_file_that_must_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(CannotRun) as caught:
        trusted_roots("root.pem")
    assert caught.value.reason is NotRunReason.NO_PERMISSION


class NoBundle:
    """Stands in for a context that loaded no bundle of roots."""

    def get_ca_certs(self, *, binary_form: bool) -> list[bytes]:
        assert binary_form
        return []


def test_a_system_with_a_folder_of_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = certificate(Encoding.PEM)
    (tmp_path / "a.pem").write_bytes(root)
    (tmp_path / "README").write_text("no root")
    if os.name == "posix":
        (tmp_path / "broken.pem").symlink_to(tmp_path / "gone")
    monkeypatch.setattr(ssl, "create_default_context", NoBundle)
    folders = [SimpleNamespace(capath=None), SimpleNamespace(capath=str(tmp_path))]
    monkeypatch.setattr(ssl, "get_default_verify_paths", folders.pop)
    assert trusted_roots(None) == [root]
    assert trusted_roots(None) == [], "a system without either"


def test_the_systems_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bundle:
        def get_ca_certs(self, *, binary_form: bool) -> list[bytes]:
            return [b"der"] if binary_form else []

    monkeypatch.setattr(ssl, "create_default_context", Bundle)
    assert trusted_roots(None) == [b"der"]

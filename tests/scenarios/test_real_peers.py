"""A site file that points at things that posdiag did not make."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.scenarios.demo_runs import ROOT, Run, run_json


def _site(
    folder: Path, hosts: str, *, extra: str = "", acquirer: str = "unionpay_tls_public"
) -> Path:
    path = folder / "site.toml"
    path.write_text(
        f"""
terminal = "generic_countertop_eth"
acquirer = "{acquirer}"
laptop_at = "same_lan"
[network]
gateway = "127.0.0.1"
resolvers = ["127.0.0.1:9"]
method = "tcp"
[set]
"acquirer.hosts" = [{hosts}]
"acquirer.echo.test_tid" = "12345678"
"acquirer.echo.test_mid" = "123456789012345"
"acquirer.limits.connect_s" = 2.0
"acquirer.limits.tls_s" = 2.0
"acquirer.limits.echo_s" = 1.5
{extra}
""",
        encoding="utf-8",
    )
    return path


def _run(site: Path, *options: str) -> Run:
    argv = [sys.executable, "-m", "posdiag", "run", str(site), "--json", "--no-save", "--no-input"]
    run = run_json([*argv, *options])
    assert run.code == run.report["exit_code"]
    assert run.code in (0, 1, 2, 3)
    assert run.report["diagnoses"]
    return run


def _result(run: Run, name: str) -> dict[str, Any]:
    return next(
        observation["result"]
        for outcome in run.report["outcomes"]
        for observation in outcome["observations"]
        if observation["name"] == name
    )


@pytest.fixture
def quiet_port() -> Iterator[int]:
    """A port that accepts and never says a word."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
    for link in held:
        link.close()


def _host(port: int, *, tls: bool = False) -> str:
    return f'{{ address = "127.0.0.1", port = {port}, tls = {str(tls).lower()} }}'


def test_port_where_nothing_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run = _run(_site(tmp_path, _host(port)))
    assert _result(run, "host_tcp.connect_time")["failure"] == "refused"


def test_port_that_accepts_and_stays_silent(tmp_path: Path, quiet_port: int) -> None:
    run = _run(_site(tmp_path, _host(quiet_port)))
    result = _result(run, "host_echo.answer_time")
    assert result["failure"] == "silent"
    assert 1.4 <= result["waited_s"] <= 2.5


def test_the_same_cut_by_the_budget(tmp_path: Path, quiet_port: int) -> None:
    site = _site(tmp_path, _host(quiet_port))
    run = _run(site, "--set", "acquirer.limits.echo_s=60", "--budget", "2")
    result = _result(run, "host_echo.answer_time")
    assert result["failure"] == "censored"
    assert result["waited_s"] < 2.2


def _write_expired(key: Path, cert: Path) -> None:
    """Write a key and a certificate that ran out years ago (old versions of openssl make none)."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    there = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2021, 1, 1, tzinfo=UTC))
        .add_extension(there, critical=False)
        .sign(own, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    key.write_bytes(own.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    cert.write_bytes(made.public_bytes(pem))


@pytest.fixture
def expired_server(tmp_path: Path) -> Iterator[int]:
    """``openssl s_server`` with a certificate that ran out."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    _write_expired(key, cert)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(cert)]
    with subprocess.Popen(
        [*command, "-key", str(key), "-quiet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.05)
        yield port
        server.terminate()


def test_expired_certificate_of_another_server(tmp_path: Path, expired_server: int) -> None:
    run = _run(_site(tmp_path, _host(expired_server, tls=True)))
    assert _result(run, "host_tls.verification")["failure"] == "certificate_expired"
    assert _result(run, "host_tls.certificate_days_left")["value"] < 0
    assert "sec_cert_expired" in run.order(2)


def test_serial_path_that_does_not_exist(tmp_path: Path) -> None:
    extra = '[[devices]]\nkind = "serial"\nport = "/dev/ttyNOSUCH9"\n'
    run = _run(_site(tmp_path, _host(9), extra=extra))
    assert _result(run, "serial.open")["failure"] == "not_found"


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("setpriv"),
    reason="needs root and setpriv to become another user",
)
def test_serial_path_without_permission(tmp_path: Path) -> None:
    master, slave = os.openpty()
    port = os.ttyname(slave)
    Path(port).chmod(0o600)
    extra = f'[[devices]]\nkind = "serial"\nport = "{port}"\n'
    site = _site(tmp_path, _host(9), extra=extra)
    # Another user who may read files anywhere: the interpreter may stand in a private folder. It
    # still may not write to the port.
    reads = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *reads]
    command = [sys.executable, "-m", "posdiag", "run", str(site), "--json", "--no-save"]
    try:
        run = run_json([*user, *command, "--no-input"])
    finally:
        os.close(master)
        os.close(slave)
    assert _result(run, "serial.open")["failure"] == "permission"


def test_nut_port_with_garbage_on_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    link.sendall(b"\x00\xff\x10HTTP/1.1 400 what\n" * 20)

        threading.Thread(target=babble, daemon=True).start()
        port = listener.getsockname()[1]
        extra = f'[[devices]]\nkind = "ups"\nport = "127.0.0.1:{port}"\npart = "counter_ups"\n'
        run = _run(_site(tmp_path, _host(9), extra=extra))
    assert _result(run, "ups.status")["failure"] == "protocol_error"


def test_private_host_from_the_shops_lan(tmp_path: Path) -> None:
    hits: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        site = _site(tmp_path, _host(port), acquirer="unionpay_tcp_private_apn")
        run = _run(site)
        with contextlib.suppress(TimeoutError):
            hits.append(listener.accept())
    host = next(outcome for outcome in run.report["outcomes"] if outcome["probe"] == "host")
    assert host["status"] == "not_run"
    assert host["reason"] == "not_reachable_from_here"
    assert hits == []
    assert "host_tcp" in {unknown["variable"] for unknown in run.report["unknown"]}


def test_the_text_names_what_could_not_be_checked(tmp_path: Path) -> None:
    site = _site(tmp_path, _host(9), acquirer="unionpay_tcp_private_apn")
    done = subprocess.run(
        [sys.executable, "-m", "posdiag", "run", str(site), "--no-save", "--no-input"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode in (1, 2, 3)
    assert "Not checked" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr

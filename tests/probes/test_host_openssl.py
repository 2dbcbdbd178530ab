"""The host probe against ``openssl s_server``: eight wrongs of TLS are eight observations."""

from __future__ import annotations

import datetime
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from posdiag.model.observation import Failed, Measured
from posdiag.model.site import HostEndpoint
from tests.probes.device_runs import Yielded
from tests.probes.host_runs import HOME, PATIENT, run, site
from tests.wire.authority import HOST, Issued, issue, names

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
NOW = datetime.datetime.now(tz=datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
BEGINS, ENDS = NOW - 900 * DAY, NOW + 900 * DAY
ROOT = issue("Root of the test", ca=True, begins=BEGINS, ends=ENDS)
MIDDLE = issue("Middle of the test", ROOT, ca=True, begins=BEGINS, ends=ENDS)
LIMITS = msgspec.structs.replace(PATIENT, echo_s=0.3)


class Server(NamedTuple):
    """What a server shows and wants."""

    certificate: Issued
    options: tuple[str, ...] = ()


def _own(by: Issued | None = ROOT, name: str = HOST, begins: int = -9, ends: int = 99) -> Issued:
    return issue(
        name, by, alternative=names(name), begins=NOW + begins * DAY, ends=NOW + ends * DAY
    )


SERVERS = {
    "good": Server(_own()),
    "expired": Server(_own(begins=-99, ends=-3)),
    "not_yet_valid": Server(_own(begins=3)),
    "wrong_name": Server(_own(name="other.example")),
    "self_signed": Server(_own(by=None)),
    "intermediate_missing": Server(_own(by=MIDDLE)),
    "tls_1_0_only": Server(_own(), ("-tls1", "-cipher", "DEFAULT:@SECLEVEL=0")),
    "client_certificate_1_2": Server(_own(), ("-tls1_2", "-Verify", "1")),
    "client_certificate_1_3": Server(_own(), ("-tls1_3", "-Verify", "1")),
}


@contextmanager
def serving(folder: Path, server: Server) -> Iterator[int]:
    """Start ``openssl s_server`` on a free port of loopback; give the port."""
    own, key, root = folder / "own.pem", folder / "key.pem", folder / "root.pem"
    own.write_bytes(server.certificate.pem)
    key.write_bytes(server.certificate.key_pem)
    root.write_bytes(ROOT.pem)
    with socket.create_server((HOME, 0)) as probe:
        port = int(probe.getsockname()[1])
    argv = ["openssl", "s_server", "-accept", f"{HOME}:{port}", "-cert", str(own), "-key", str(key)]
    argv += ["-CAfile", str(root), "-verify_return_error", "-quiet", *server.options]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        try:
            _await(port, child)
            yield port
        finally:
            child.kill()


def _await(port: int, child: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + 10
    while time.monotonic() < until_s:
        assert child.poll() is None, "s_server ended"
        try:
            socket.create_connection((HOME, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("s_server does not listen")


def _seen(yielded: Yielded) -> dict[str, str]:
    """Return what was seen of TLS, without times."""
    wanted = ("verification", "version", "handshake_time", "client_certificate")
    found = {}
    for name in [f"host_tls{old}.{label}" for label in wanted for old in ("", "_legacy")]:
        for one in yielded.observations(name):
            match one.result:
                case Failed(failure=kind):
                    found[name] = str(kind)
                case Measured(value=value) if isinstance(value, str):
                    found[name] = value
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Return what the probe saw of each server."""
    found = {}
    for name, server in SERVERS.items():
        folder = tmp_path_factory.mktemp(name)
        with serving(folder, server) as port:
            host = HostEndpoint(
                address=HOME,
                port=port,
                tls=True,
                server_name=HOST,
                ca_file=str(folder / "root.pem"),
            )
            # The server never answers an echo.
            found[name] = _seen(run(site(host, limits=LIMITS)))
    return found


@pytest.mark.parametrize(
    ("server", "name", "value"),
    [
        ("good", "host_tls.verification", "trusted"),
        ("expired", "host_tls.verification", "certificate_expired"),
        ("not_yet_valid", "host_tls.verification", "certificate_not_yet_valid"),
        ("wrong_name", "host_tls.verification", "certificate_wrong_name"),
        ("self_signed", "host_tls.verification", "certificate_self_signed"),
        ("intermediate_missing", "host_tls.verification", "certificate_chain_cut"),
        ("client_certificate_1_2", "host_tls.handshake_time", "client_certificate_required"),
        ("client_certificate_1_2", "host_tls.client_certificate", "required in TLS 1.2 or older"),
        ("client_certificate_1_3", "host_tls.handshake_time", "client_certificate_required"),
        ("client_certificate_1_3", "host_tls.client_certificate", "required in TLS 1.3"),
    ],
)
def test_each_is_seen(seen: dict[str, dict[str, str]], server: str, name: str, value: str) -> None:
    assert seen[server][name] == value


@pytest.mark.skipif(not ssl.HAS_TLSv1, reason="other system: this Python has no TLS 1.0")
def test_tls_1_0_only(seen: dict[str, dict[str, str]]) -> None:
    assert "host_tls.version" not in seen["tls_1_0_only"]
    assert seen["tls_1_0_only"]["host_tls.handshake_time"] in ("tls_alert", "protocol_error")
    assert seen["tls_1_0_only"]["host_tls_legacy.version"] == "TLSv1"


def test_eight_wrongs_are_eight_different_observations(seen: dict[str, dict[str, str]]) -> None:
    assert len(seen) == 9
    assert len({frozenset(found.items()) for found in seen.values()}) == 9

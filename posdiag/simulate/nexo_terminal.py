"""A terminal that answers nexo diagnoses over HTTPS, or over plain TCP behind a length."""

from __future__ import annotations

import contextlib
import json
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from posdiag.model.errors import RemoteWireError
from posdiag.simulate.listener import Listener
from posdiag.simulate.throwaway_certificates import Kind, write_certificates
from posdiag.wire.nexo import Json, parse_json
from posdiag.wire.nexo_envelope import EnvelopeKeys, derive_keys, is_sealed, seal, unseal
from posdiag.wire.nexo_xml import parse_xml

if TYPE_CHECKING:
    import ssl

NONCE = bytes(range(16))
_TIMEOUT_S = 2.0


class NexoFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the terminal or its certificate.

    Attributes:
        state: GlobalStatus.
        printer: PrinterStatus, empty: not told.
        communication: CommunicationOKFlag.
        host: IsReachableFlag of its host.
        additional: AdditionalResponse.
        certificate: what is wrong with its certificate.
        common_name: in it, instead of its own.
        passphrase: of the envelope; empty: it speaks in clear.
        tampered: one byte of its envelope is turned.
        clear_answer: it answers in clear although it was asked in an envelope.
        status: HTTP status.
        body: sent instead of an answer.
        chunked: the answer comes in chunks.
        silent: nothing is answered.
        delay_s: before an answer.
        other_service: the answer is to another request.
    """

    state: str = "OK"
    printer: str = "OK"
    communication: bool = True
    host: bool = True
    additional: str = ""
    certificate: Kind = "good"
    common_name: str = ""
    passphrase: str = ""
    tampered: bool = False
    clear_answer: bool = False
    status: int = 200
    body: str = ""
    chunked: bool = False
    silent: bool = False
    delay_s: float = 0.0
    other_service: bool = False


class SimulatedNexoTerminal:
    """Serves one terminal on loopback.

    Attributes:
        port: after ``start``.
        ca_file: PEM file of the root of its certificate, after ``start``.
        asked: HostDiagnosisFlag of each request that came.
        journal: each request as it came, in clear.
        connects: connections that came, also those that said nothing.
    """

    address = Listener.address
    poi_id = "V400m-000000001"

    def __init__(
        self, faults: NexoFaults, *, transport: Literal["https", "length"] = "https"
    ) -> None:
        """Keep the faults; nothing is bound yet."""
        self._faults = faults
        self._https = transport == "https"
        self._listener = Listener(self._serve)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._context: ssl.SSLContext | None = None
        self._keys: EnvelopeKeys | None = None
        if faults.passphrase:
            self._keys = derive_keys(faults.passphrase, "shop", 1)
        self.port = 0
        self.ca_file = ""
        self.connects = 0
        self.asked: list[bool] = []
        self.journal: list[str] = []

    def start(self) -> None:
        """Make its certificate, bind a free port and serve it."""
        if self._https:
            self._prepare_tls()
        self._listener.start()
        self.port = self._listener.port

    def stop(self) -> None:
        """Close everything."""
        self._listener.stop()
        if self._folder is not None:
            self._folder.cleanup()

    def _prepare_tls(self) -> None:
        import ssl

        faults = self._faults
        self._folder = tempfile.TemporaryDirectory(prefix="posdiag-nexo-")
        name = faults.common_name or f"{self.poi_id}.test.terminal.adyen.com"
        files = write_certificates(
            Path(self._folder.name), faults.certificate, name, 365.0, address=False
        )
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files.certificate, files.key)
        self.ca_file = str(files.ca)

    def _serve(self, link: socket.socket) -> None:
        import ssl

        self.connects += 1
        link.settimeout(_TIMEOUT_S)
        if self._context is None:
            self._talk_length(link)
            return
        with (
            contextlib.suppress(ssl.SSLError, TimeoutError),
            self._context.wrap_socket(link, server_side=True) as tls,
        ):
            self._talk_http(tls)
            with contextlib.suppress(OSError):
                tls.unwrap().close()

    def _talk_http(self, link: socket.socket) -> None:
        raw = b""
        while b"\r\n\r\n" not in raw:
            piece = link.recv(4096)
            if not piece:
                return
            raw += piece
        head, _, body = raw.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += link.recv(4096)
        answer = self._answer(body)
        if answer is None or self._listener.stopping.wait(self._faults.delay_s):
            return
        start = f"HTTP/1.1 {self._faults.status} X\r\nContent-Type: application/json\r\n"
        if self._faults.chunked:
            half = len(answer) // 2
            parts = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (answer[:half], answer[half:]))
            link.sendall(start.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
            link.sendall(parts + b"0\r\n\r\n")
        else:
            link.sendall(start.encode() + b"Content-Length: %d\r\n\r\n" % len(answer) + answer)

    def _talk_length(self, link: socket.socket) -> None:
        raw = b""
        while len(raw) < 4 or len(raw) < 4 + int.from_bytes(raw[:4]):
            piece = link.recv(4096)
            if not piece:
                return
            raw += piece
        answer = self._answer(raw[4:])
        if answer is not None and not self._listener.stopping.wait(self._faults.delay_s):
            link.sendall(len(answer).to_bytes(4) + answer)

    def _answer(self, body: bytes) -> bytes | None:
        faults = self._faults
        is_xml = body.startswith(b"<")
        try:
            message: Json = parse_xml(body) if is_xml else parse_json(body)
            if is_sealed(message):
                if self._keys is None:
                    return b'{"error":"crypto error 2"}'
                message = unseal(message, self._keys)
        except RemoteWireError:
            self.journal.append("unreadable")
            return b"crypto error 2"
        self.journal.append(json.dumps(message))
        request = message["SaleToPOIRequest"]
        if not isinstance(request, dict):
            return b""
        flag = request.get("DiagnosisRequest", {}).get("HostDiagnosisFlag")
        self.asked.append(flag in (True, "true"))
        if faults.silent:
            return None
        if faults.body:
            return faults.body.encode()
        header = {**request["MessageHeader"], "MessageType": "Response"}
        if faults.other_service:
            header["ServiceID"] = "OTHER"
        if is_xml:
            return self._xml(header, ask_host=self.asked[-1])
        plain = self._json(header, ask_host=self.asked[-1])
        if self._keys is None or faults.clear_answer:
            return plain
        return self._sealed(plain, self._keys)

    def _json(self, header: dict[str, object], *, ask_host: bool) -> bytes:
        faults = self._faults
        status: dict[str, object] = {
            "GlobalStatus": faults.state,
            "CommunicationOKFlag": faults.communication,
        }
        if faults.printer:
            status["PrinterStatus"] = faults.printer
        body: dict[str, object] = {
            "Response": {"Result": "Success", "AdditionalResponse": faults.additional},
            "POIStatus": status,
        }
        if ask_host:
            body["HostStatus"] = [{"AcquirerID": "0", "IsReachableFlag": faults.host}]
        message = {"MessageHeader": header, "DiagnosisResponse": body}
        return json.dumps({"SaleToPOIResponse": message}).encode()

    def _xml(self, header: dict[str, object], *, ask_host: bool) -> bytes:
        faults = self._faults
        attributes = " ".join(f'{name}="{text}"' for name, text in header.items())
        flag = "true" if faults.host else "false"
        host = f'<HostStatus AcquirerID="0" IsReachableFlag="{flag}"/>' if ask_host else ""
        line = "true" if faults.communication else "false"
        return (
            f"<SaleToPOIResponse><MessageHeader {attributes}/><DiagnosisResponse>"
            f'<Response Result="Success"/><POIStatus GlobalStatus="{faults.state}" '
            f'CommunicationOKFlag="{line}" PrinterStatus="{faults.printer}"/>{host}'
            "</DiagnosisResponse></SaleToPOIResponse>"
        ).encode()

    def _sealed(self, plain: bytes, keys: EnvelopeKeys) -> bytes:
        sealed = seal(plain, keys, NONCE)
        if not self._faults.tampered:
            return sealed
        # Another letter of base64 in the first block of the blob.
        at = sealed.index(b'"NexoBlob":"') + len(b'"NexoBlob":"')
        other = b"B" if sealed[at : at + 1] != b"B" else b"C"
        return sealed[:at] + other + sealed[at + 1 :]

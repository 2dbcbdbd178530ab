"""nexo Sale to POI: the diagnosis of a terminal, as JSON (Adyen Terminal API) or XML.

    {"SaleToPOIRequest": {"MessageHeader": {..., "MessageCategory": "Diagnosis"},
                          "DiagnosisRequest": {"HostDiagnosisFlag": false}}}
    {"SaleToPOIResponse": {"MessageHeader": {...}, "DiagnosisResponse": {"Response": {...},
                          "POIStatus": {...}, "HostStatus": [...]}}}

Only this request can be written here. An answer may come in clear or in the envelope of
``posdiag.wire.nexo_envelope``.

Source: Adyen documentation of the Terminal API and its Node library's types; the XML form by the
same names as attributes, as other speakers of nexo write it (unconfirmed).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import parse_qsl
from xml.sax.saxutils import quoteattr

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.terminal_word import Saying, is_sayable
from posdiag.wire.iso8583_fields import without_pans
from posdiag.wire.nexo_xml import parse_xml

MAX_BYTES: Final = 262144
_MAX_DEPTH: Final = 30
_MAX_TEXT: Final = 200
_SECRET_KEYS = frozenset({"merchantaccount", "store", "storeid"})
"""Parts of AdditionalResponse that name the shop."""

Json = Mapping[str, object]

_PRINTER: Mapping[str, str] = MappingProxyType(
    {
        "OK": "ok",
        "PaperLow": "paper_low",
        "NoPaper": "no_paper",
        "PaperJam": "paper_jam",
        "OutOfOrder": "out_of_order",
    }
)
_GLOBAL: Mapping[str, str] = MappingProxyType(
    {"OK": "ready", "Busy": "busy", "Maintenance": "maintenance", "Unreachable": "unreachable"}
)
_FLAGS: tuple[tuple[str, str, str, str], ...] = (
    ("CommunicationOKFlag", "line", "ok", "down"),
    ("CardReaderOKFlag", "reader", "ok", "defective"),
    ("PEDOKFlag", "pin_pad", "ok", "defective"),
    ("SecurityOKFlag", "keys", "ok", "missing"),
)
_CONDITIONS: Mapping[str, Saying] = MappingProxyType(
    {
        "Busy": Saying("state", "busy"),
        "InProgress": Saying("state", "busy"),
        "DeviceOut": Saying("state", "out_of_order"),
        "LoggedOut": Saying("state", "not_registered"),
        "NotAllowed": Saying("state", "locked"),
        "UnavailableDevice": Saying("state", "out_of_order"),
        "UnreachableHost": Saying("host", "unreachable"),
        "InsertedCard": Saying("reader", "card_inserted"),
        "InvalidCard": Saying("card", "invalid"),
    }
)


class Header(NamedTuple):
    """What names an exchange.

    Attributes:
        service_id: 1 to 10 letters and digits, new for every request in 48 hours.
        sale_id: our name.
        poi_id: the terminal's.
    """

    service_id: str
    sale_id: str
    poi_id: str


class DiagnosisAnswer(NamedTuple):
    """What an answer holds.

    Attributes:
        result: ``Success``, ``Partial``, ``Failure``; empty for a notification.
        condition: why it is not a success, empty if it is.
        said: what it says.
        loggers: names of the tills that are logged in.
    """

    result: str
    condition: str
    said: tuple[Saying, ...]
    loggers: tuple[str, ...] = ()


def header_fields(header: Header) -> dict[str, object]:
    """Return the message header of a diagnosis request.

    Raises:
        LocalWireError: a service id that the protocol does not allow.
    """
    if not (header.service_id.isascii() and header.service_id.isalnum()):
        raise LocalWireError("letters and digits only", field="ServiceID")
    if len(header.service_id) > 10:
        raise LocalWireError("at most 10 characters", field="ServiceID")
    return {
        "ProtocolVersion": "3.0",
        "MessageClass": "Service",
        "MessageCategory": "Diagnosis",
        "MessageType": "Request",
        "SaleID": header.sale_id,
        "ServiceID": header.service_id,
        "POIID": header.poi_id,
    }


def diagnosis_request(header: Header, *, ask_host: bool) -> bytes:
    """Return the request as JSON.

    Args:
        header: of this exchange.
        ask_host: the terminal goes online and tests its host.

    Raises:
        LocalWireError: a service id that the protocol does not allow.
    """
    body = {"HostDiagnosisFlag": ask_host}
    message = {"MessageHeader": header_fields(header), "DiagnosisRequest": body}
    return json.dumps({"SaleToPOIRequest": message}, separators=(",", ":")).encode()


def diagnosis_request_xml(header: Header, *, ask_host: bool) -> bytes:
    """Return the request as XML; arguments and errors as :func:`diagnosis_request`."""
    fields = header_fields(header)
    attributes = " ".join(f"{name}={quoteattr(str(text))}" for name, text in fields.items())
    flag = "true" if ask_host else "false"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><SaleToPOIRequest><MessageHeader {attributes}/>'
        f'<DiagnosisRequest HostDiagnosisFlag="{flag}"/></SaleToPOIRequest>'
    ).encode()


def parse_json(data: bytes) -> Json:
    """Return a message as JSON.

    Raises:
        RemoteWireError: too long, nested too deep, or no JSON object.
    """
    if len(data) > MAX_BYTES:
        raise RemoteWireError("a message of too many bytes", field="message")
    depth = deepest = 0
    for byte in data:
        depth += (byte in b"[{") - (byte in b"]}")
        deepest = max(deepest, depth)
    if deepest > _MAX_DEPTH:
        raise RemoteWireError("nested too deep", field="message")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise RemoteWireError("no JSON", field="message") from None
    if not isinstance(value, dict):
        raise RemoteWireError("no JSON object", field="message")
    return value


def decode_answer(data: bytes, header: Header) -> DiagnosisAnswer:
    """Return what an answer in clear says, JSON or XML.

    Raises:
        RemoteWireError: no message, or one that is no answer to this request.
    """
    is_xml = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return read_answer(parse_xml(data) if is_xml else parse_json(data), header)


def read_answer(message: Json, header: Header) -> DiagnosisAnswer:
    """Return what a message says; errors as :func:`decode_answer`."""
    notice = _table(_table(message, "SaleToPOIRequest"), "EventNotification")
    if notice:
        text = f"{_text(notice, 'EventToNotify')} {_text(notice, 'EventDetails')}".strip()
        shown = without_pans(text[:_MAX_TEXT])
        return DiagnosisAnswer("", "", (Saying("text", shown),) if shown else ())
    response = _table(message, "SaleToPOIResponse")
    if not response:
        raise RemoteWireError("no answer in it", field="SaleToPOIResponse")
    given = _table(response, "MessageHeader")
    for name, expected in (("ServiceID", header.service_id), ("SaleID", header.sale_id)):
        if _text(given, name) != expected:
            raise RemoteWireError("an answer to another request", field=name)
    body = _table(response, "DiagnosisResponse")
    if not body:
        raise RemoteWireError("no diagnosis in it", field="DiagnosisResponse")
    outcome = _table(body, "Response")
    condition = _text(outcome, "ErrorCondition")
    said = [*_status_sayings(body), *_additional(_text(outcome, "AdditionalResponse"))]
    if condition:
        said.append(Saying("code", condition[:_MAX_TEXT]))
        said += [_CONDITIONS[condition]] if condition in _CONDITIONS else []
    logged = body.get("LoggedSaleID", [])
    names = logged if isinstance(logged, list) else [logged]
    loggers = tuple(str(name)[:64] for name in names[:20] if isinstance(name, str))
    return DiagnosisAnswer(_text(outcome, "Result"), condition, tuple(dict.fromkeys(said)), loggers)


def _status_sayings(body: Json) -> Iterator[Saying]:
    """Yield what the parts say; a flag that is absent says nothing, least of all "good"."""
    status = _table(body, "POIStatus")
    if (word := _text(status, "GlobalStatus")) in _GLOBAL:
        yield Saying("state", _GLOBAL[word])
    if (word := _text(status, "PrinterStatus")) in _PRINTER:
        yield Saying("printer", _PRINTER[word])
    for name, topic, good, bad in _FLAGS:
        flag = _flag(status.get(name))
        if flag is not None:
            yield Saying(topic, good if flag else bad)
    hosts = body.get("HostStatus", [])
    flags = [
        _flag(host.get("IsReachableFlag"))
        for host in (hosts if isinstance(hosts, list) else [hosts])
        if isinstance(host, dict)
    ]
    if False in flags:
        yield Saying("host", "unreachable")
    elif True in flags:
        yield Saying("host", "reachable")


def _additional(text: str) -> Iterator[Saying]:
    """Yield what AdditionalResponse says: form-encoded, or base64 of JSON in newer versions."""
    pairs = _pairs(text[:MAX_BYTES])
    for key, value in pairs[:50]:
        name = key.casefold()
        if name == "batterylevel" and (level := _percent(value)) is not None:
            yield Saying("battery", level)
        elif name == "unconfirmedbatchcount" and value.isascii() and value.isdecimal():
            yield Saying("unsent", int(value[:9]))
        elif name == "firmwareversion":
            yield Saying("software", value[:_MAX_TEXT])
        elif name == "networkprofile":
            yield from _addresses(value)
        elif name == "message" or ("wifi" in name and "ssid" not in name):
            yield Saying("text", without_pans(f"{key[:40]}={value}"[:_MAX_TEXT]))


def _pairs(text: str) -> list[tuple[str, str]]:
    if "=" not in text.rstrip("="):
        decoded = _from_base64(text)
        if decoded:
            return [(key, str(value)) for key, value in decoded.items()]
    try:
        return [
            (key, value)
            for key, value in parse_qsl(text, max_num_fields=200)
            if key.casefold() not in _SECRET_KEYS
        ]
    except ValueError:
        return []


def _from_base64(text: str) -> dict[str, object]:
    try:
        value = parse_json(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RemoteWireError):
        return {}
    return {key: one for key, one in value.items() if key.casefold() not in _SECRET_KEYS}


def _percent(text: str) -> float | None:
    digits = text.strip().removesuffix("%").strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 3):
        return None
    return min(int(digits), 100) / 100


def _addresses(text: str) -> Iterator[Saying]:
    """Yield the own addresses in ``networkProfile``: base64 of a JSON list."""
    try:
        raw = base64.b64decode(text, validate=True)
        profile = parse_json(b'{"list":' + raw + b"}").get("list")
    except (binascii.Error, ValueError, RemoteWireError):
        return
    for entry in profile[:8] if isinstance(profile, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("Address"), str):
            saying = Saying("own_address", str(entry["Address"])[:64])
            if is_sayable(*saying):
                yield saying


def _table(value: Json, key: str) -> Json:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _text(value: Json, key: str) -> str:
    inner = value.get(key)
    return inner if isinstance(inner, str) else ""


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None

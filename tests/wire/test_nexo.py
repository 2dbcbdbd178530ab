"""nexo: requests, answers in JSON and XML, the envelope."""

from __future__ import annotations

import base64
import json
import random

import pytest

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.terminal_word import Saying, is_sayable
from posdiag.wire.nexo import (
    Header,
    decode_answer,
    diagnosis_request,
    diagnosis_request_xml,
    parse_json,
)
from posdiag.wire.nexo_envelope import derive_keys, open_parts, seal, sealed_parts, unseal
from posdiag.wire.nexo_xml import parse_xml

HEADER = Header("A1B2C3", "posdiag", "V400m-000000001")
PASSPHRASE = "mysupersecretpassphrase"  # noqa: S105  (of the public sample)
NONCE = bytes(range(16))


def answer(**parts: object) -> bytes:
    """Return an answer to ``HEADER`` with these parts of the diagnosis."""
    header = {"ServiceID": HEADER.service_id, "SaleID": HEADER.sale_id, "POIID": HEADER.poi_id}
    body = {"Response": {"Result": "Success"}, **parts}
    message = {"MessageHeader": header, "DiagnosisResponse": body}
    return json.dumps({"SaleToPOIResponse": message}).encode()


def said(data: bytes) -> dict[str, object]:
    """Return topic -> value of an answer."""
    found = decode_answer(data, HEADER).said
    assert all(is_sayable(*one) for one in found)
    return {one.topic: one.value for one in found}


def test_the_request_asks_the_host_only_if_told_to() -> None:
    quiet = json.loads(diagnosis_request(HEADER, ask_host=False))["SaleToPOIRequest"]
    assert quiet["DiagnosisRequest"] == {"HostDiagnosisFlag": False}
    assert quiet["MessageHeader"]["MessageCategory"] == "Diagnosis"
    assert quiet["MessageHeader"]["ProtocolVersion"] == "3.0"
    loud = parse_xml(diagnosis_request_xml(HEADER, ask_host=True))
    assert loud["SaleToPOIRequest"]["DiagnosisRequest"] == {  # type: ignore[index]
        "HostDiagnosisFlag": "true"
    }
    for wrong in ("", "A-1", "A1B2C3D4E5F"):
        with pytest.raises(LocalWireError):
            diagnosis_request(Header(wrong, "a", "b"), ask_host=False)


def test_the_documented_answer() -> None:
    profile = base64.b64encode(b'[{"Address":"192.0.2.2","Iface":"wlan0"}]').decode()
    data = answer(
        Response={
            "Result": "Success",
            "AdditionalResponse": "batteryLevel=12%25&unconfirmedBatchCount=3&terminalId=V400m-1"
            f"&firmwareVersion=adyen_v1_99p9&merchantAccount=Shop&networkProfile={profile}",
        },
        POIStatus={"GlobalStatus": "OK", "CommunicationOKFlag": True, "PrinterStatus": "PaperLow"},
        HostStatus=[{"AcquirerID": "0", "IsReachableFlag": False}],
    )
    assert said(data) == {
        "state": "ready",
        "printer": "paper_low",
        "line": "ok",
        "host": "unreachable",
        "battery": 0.12,
        "unsent": 3,
        "software": "adyen_v1_99p9",
        "own_address": "192.0.2.2",
    }
    assert "Shop" not in str(decode_answer(data, HEADER))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("OK", "ok"),
        ("PaperLow", "paper_low"),
        ("NoPaper", "no_paper"),
        ("PaperJam", "paper_jam"),
        ("OutOfOrder", "out_of_order"),
    ],
)
def test_printer_words(word: str, expected: str) -> None:
    assert said(answer(POIStatus={"PrinterStatus": word})) == {"printer": expected}


def test_a_flag_that_is_absent_says_nothing() -> None:
    assert said(answer(POIStatus={"GlobalStatus": "Busy"})) == {"state": "busy"}
    assert said(answer()) == {}
    flags = {"CardReaderOKFlag": False, "PEDOKFlag": False, "SecurityOKFlag": False}
    assert said(answer(POIStatus=flags)) == {
        "reader": "defective",
        "pin_pad": "defective",
        "keys": "missing",
    }


def test_a_refusal_and_a_notification() -> None:
    refused = decode_answer(
        answer(Response={"Result": "Failure", "ErrorCondition": "UnreachableHost"}), HEADER
    )
    assert refused.result == "Failure"
    assert Saying("host", "unreachable") in refused.said
    event = {"EventNotification": {"EventToNotify": "Reject", "EventDetails": "bad"}}
    notice = decode_answer(json.dumps({"SaleToPOIRequest": event}).encode(), HEADER)
    assert notice.said == (Saying("text", "Reject bad"),)


def test_the_same_in_xml() -> None:
    data = (
        b'<?xml version="1.0"?><n:SaleToPOIResponse xmlns:n="urn:x"><MessageHeader '
        b'ServiceID="A1B2C3" SaleID="posdiag"/><DiagnosisResponse><Response Result="Success"/>'
        b'<POIStatus GlobalStatus="OK" PrinterStatus="NoPaper" CommunicationOKFlag="true"/>'
        b'<HostStatus AcquirerID="0" IsReachableFlag="true"/>'
        b'<HostStatus AcquirerID="1" IsReachableFlag="false"/>'
        b"<LoggedSaleID>till 1</LoggedSaleID></DiagnosisResponse></n:SaleToPOIResponse>"
    )
    found = decode_answer(data, HEADER)
    assert {one.topic: one.value for one in found.said} == {
        "state": "ready",
        "printer": "no_paper",
        "line": "ok",
        "host": "unreachable",
    }
    assert found.loggers == ("till 1",)


LAUGHS = "".join(f'<!ENTITY e{n} "&e{n - 1};&e{n - 1};">' for n in range(1, 40))
BOMBS = [
    '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>',
    '<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd"><x/>',
    '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><x>&f;</x>',
    f"<!DOCTYPE x [{LAUGHS}]><x>&e39;</x>",
    "<a>" * 5000 + "</a>" * 5000,
    "<x>" + "<y/>" * 5000 + "</x>",
    "<x>&undefined;</x>",
    "<x",
    "",
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_entity_bombs_and_nests_are_refused(bomb: str) -> None:
    with pytest.raises(RemoteWireError):
        parse_xml(bomb.encode())


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"1", b"{", b"[" * 100_000, b'{"a":' * 50 + b"1" + b"}" * 50, b" " * 300_000],
)
def test_json_that_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteWireError):
        parse_json(data)


def test_an_answer_to_another_request_is_refused() -> None:
    for other in (Header("OTHER", "posdiag", ""), Header("A1B2C3", "till", "")):
        with pytest.raises(RemoteWireError):
            decode_answer(answer(), other)


def test_the_vector_of_the_envelope() -> None:
    keys = derive_keys(PASSPHRASE, "shop", 1)
    hmac_key = "633651f2a778f91ef37ca2eae92d2f8e58073b766d26899967dc1202c1444742"
    assert keys.hmac_key.hex() == hmac_key
    aes_key = "89b3399a5c77fc0c38762ba1529488d19b4daf8360a2ef3f7a0b06d23c89b12a"
    assert keys.aes_key.hex() == aes_key
    assert keys.iv.hex() == "17be85c2e52ba327bdce1910f4c2c7de"
    parts = sealed_parts(b'{"a":1}', keys, NONCE)
    assert parts["NexoBlob"] == "jsckSt34Ox4bLXzWFkYbGw=="
    trailer = parts["SecurityTrailer"]
    assert isinstance(trailer, dict)
    assert trailer["Hmac"] == "7FkD85J9v/mjOBPUVg0R4H7cJYzYg+a1kbOFzYgN9Sk="
    assert open_parts(parts, keys) == b'{"a":1}'
    # Neither key nor passphrase shows where keys are printed.
    assert hmac_key not in repr(keys)
    assert str(keys.hmac_key) not in f"{keys}"


def test_an_envelope_that_was_tampered_with_is_refused() -> None:
    keys = derive_keys(PASSPHRASE, "shop", 1)
    request = diagnosis_request(HEADER, ask_host=True)
    sealed = json.loads(seal(request, keys, NONCE))
    assert unseal(sealed, keys) == json.loads(request)
    outer = sealed["SaleToPOIRequest"]
    blob = base64.b64decode(outer["NexoBlob"])
    for at in range(len(blob)):
        turned = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        forged = {**outer, "NexoBlob": base64.b64encode(turned).decode()}
        with pytest.raises(RemoteWireError):
            unseal({"SaleToPOIRequest": forged}, keys)
    for key, value in (
        ("MessageHeader", {**outer["MessageHeader"], "ServiceID": "FORGED"}),
        ("NexoBlob", "!"),
        ("NexoBlob", ""),
        ("SecurityTrailer", None),
        ("SecurityTrailer", {**outer["SecurityTrailer"], "Nonce": "AAAA"}),
        ("SecurityTrailer", {**outer["SecurityTrailer"], "KeyVersion": 2}),
        ("SecurityTrailer", {**outer["SecurityTrailer"], "Hmac": "AAAA"}),
    ):
        with pytest.raises(RemoteWireError):
            unseal({"SaleToPOIRequest": {**outer, key: value}}, keys)
    with pytest.raises(RemoteWireError):
        unseal(sealed, derive_keys("another", "shop", 1))


def test_random_and_mutated_messages_give_a_value_or_a_refusal() -> None:
    # 3,000 each here; 200,000 in benchmarks/fuzz_terminal_protocols.py.
    draw = random.Random(61)
    xml = b'<SaleToPOIResponse><MessageHeader ServiceID="A1B2C3" SaleID="posdiag"/><D a="&lt;"/>'
    for seed in (answer(POIStatus={"PrinterStatus": "OK"}), xml + b"</SaleToPOIResponse>"):
        for _ in range(3000):
            data = bytearray(seed)
            for _ in range(draw.randrange(1, 6)):
                data[draw.randrange(len(data))] = draw.randrange(256)
            try:
                decode_answer(bytes(data), HEADER)
            except RemoteWireError:
                continue

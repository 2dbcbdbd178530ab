"""Sign-on: what goes out in each dialect, and that no key survives the answer."""

from __future__ import annotations

import datetime
import random

import pytest

from posdiag.model.observation import FailureKind, Operation
from posdiag.model.site import Dialect, EchoSettings, Framing
from posdiag.wire.framing import encode_frame
from posdiag.wire.host_role import EchoHost
from posdiag.wire.iso8583 import Layout, decode
from posdiag.wire.iso8583_fields import key_check_values
from posdiag.wire.sign_on import SignOnConversation, sign_on_request
from tests.wire.iso8583_frames import frame
from tests.wire.played import play
from tests.wire.test_echo import Host

AT = datetime.datetime(2026, 11, 23, 9, 30, 15, tzinfo=datetime.UTC)
PACKED = EchoSettings(
    dialect=Dialect.UNIONPAY,
    framing=Framing.BINARY2,
    tpdu="6000030000",
    header="602200000000",
)
KEYS = random.Random(8583).randbytes(60)


def _conversation(host: EchoSettings = PACKED) -> SignOnConversation:
    request = sign_on_request(
        host, tid="12345678", mid="123456789012345", stan=1, at=AT, batch="000001"
    )
    return SignOnConversation(host, [request], limit_s=5.0)


def test_the_request_of_a_unionpay_terminal() -> None:
    (sent,) = play(_conversation(), lambda _: b"").sent
    message = decode(sent[2:], Layout.of(PACKED))
    published = decode(frame("V04").body, Layout.of(PACKED))
    assert (message.mti, message.fields[60]) == (published.mti, published.fields[60])
    assert message.fields[63] == published.fields[63]
    assert set(published.fields) - set(message.fields) == {62}


@pytest.mark.parametrize(
    ("dialect", "mti", "field", "code"),
    [
        (Dialect.ISO1987, "0800", 70, "001"),
        (Dialect.ISO1993_BCD, "1804", 24, "801"),
        (Dialect.HYPERCOM, "0800", 3, "920000"),
    ],
)
def test_the_requests_of_other_dialects(dialect: Dialect, mti: str, field: int, code: str) -> None:
    host = EchoSettings(dialect=dialect, framing=Framing.BINARY2)
    conversation = _conversation(host)
    (sent,) = play(conversation, Host(host)).sent
    message = decode(sent[2:], Layout.of(host))
    assert (message.mti, message.fields[field]) == (mti, code)
    assert len(conversation.answers) == 1
    assert (conversation.keys_size, conversation.check_values) == (0, {})


# frame, bytes of keys, what the fact sheet says of its check values
ANSWERS = [
    ("V06", 40, {"PIK": "900ECC", "MAK": "CFF159"}),
    ("V08", 60, {"PIK": "9CA2C6", "MAK": "A246BB", "TDK": "9CA2C6"}),
    ("V10", 40, {"PIK": "EF8DE2", "MAK": "A4DAAB"}),
    ("C3", 0, {}),
    ("C6", 0, {}),
]


@pytest.mark.parametrize(("name", "size", "values"), ANSWERS)
def test_check_values_and_no_keys(name: str, size: int, values: dict[str, str]) -> None:
    message = decode(frame(name).body, Layout.of(PACKED))
    assert message.dropped.get(62, 0) == size
    assert set(message.check_values) == set(values)
    for key, value in values.items():
        assert message.check_values[key] == value
    keys = frame(name).body[-size:] if size else b""
    shown = repr(message)
    parts = [keys[at : at + 4] for at in range(0, size, 4) if (at // 4) % 5 != 4]
    assert not any(part.hex().upper() in shown for part in parts if part != bytes(4))


def test_the_check_values_of_the_sheet_verify() -> None:
    # V08's author published the master key: 16 times 0x11.
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    def crypt(key: bytes, block: bytes, *, encrypt: bool) -> bytes:
        cipher = Cipher(TripleDES(key + key[:8]), modes.ECB())  # noqa: S305
        worker = cipher.encryptor() if encrypt else cipher.decryptor()
        return worker.update(block) + worker.finalize()

    keys = frame("V08").body[-60:]
    clear = crypt(b"\x11" * 16, keys[:16], encrypt=False)
    value = crypt(clear, bytes(8), encrypt=True)[:3].hex().upper()
    assert key_check_values(keys)["PIK"] == value


@pytest.mark.parametrize("size", [0, 23, 41, 56, 84])
def test_other_lengths_give_no_check_values(size: int) -> None:
    assert key_check_values(KEYS + KEYS if size > 60 else KEYS[:size]) == {}


def test_an_accepted_sign_on() -> None:
    role = EchoHost(PACKED, keys=KEYS)
    conversation = _conversation()
    play(conversation, Host(PACKED, role))
    assert conversation.failure is None
    assert conversation.answers[0].response_code == "00"
    assert conversation.keys_size == 60
    expected = [KEYS[at : at + 3].hex().upper() for at in (16, 36, 56)]
    assert list(conversation.check_values.values()) == expected


def test_a_refused_one_gives_no_keys() -> None:
    conversation = _conversation()
    play(conversation, Host(PACKED, EchoHost(PACKED, keys=KEYS, response_code="97")))
    assert conversation.answers[0].response_code == "97"
    assert conversation.keys_size == 0


def test_silence_is_the_sign_ons() -> None:
    conversation = _conversation()
    play(conversation, lambda _: b"")
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.SILENT
    assert conversation.failure.operation is Operation.SIGN_ON


def test_no_error_and_no_state_tells_a_key() -> None:
    chance, role = random.Random(8583), EchoHost(PACKED, keys=KEYS)
    request = play(_conversation(), lambda _: b"").sent[0]
    good = role.answer(request[2:], AT)[1]
    secret = {KEYS[at : at + 4].hex().upper() for at in range(0, 60, 20)}
    for _ in range(3_000):
        data = bytearray(good)
        data[chance.randrange(len(data) - 60)] = chance.randrange(256)
        conversation = _conversation()
        conversation.step(0.0)
        conversation.receive(encode_frame(PACKED.framing, bytes(data)), 1.0)
        shown = f"{conversation.failure} {conversation.messages}"
        assert not any(text in shown.upper() for text in secret)

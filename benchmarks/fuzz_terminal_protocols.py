"""Feeds the codecs of terminal protocols with random and mutated messages."""

from __future__ import annotations

import os
import platform
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

import posdiag
from posdiag.model.errors import RemoteWireError
from posdiag.model.frames import FrameKind, FrameSettings
from posdiag.wire.ecr_frames import FrameReader, encode_frame
from posdiag.wire.nexo import Header, decode_answer, parse_json
from posdiag.wire.nexo_envelope import derive_keys, seal, unseal
from posdiag.wire.status_upload import decode_file, encode_items, sayings_of
from posdiag.wire.zvt import ApduStream, decode_apdu, decode_fields
from posdiag.wire.zvt_serial import SerialFrames, encode_serial
from posdiag.wire.zvt_words import message_sayings, status_sayings

RESULT = Path(__file__).parent / "results" / "fuzz_terminal_protocols.txt"
SLOWEST_S = 0.25
SEED = 20261124

Read = Callable[[bytes], object]

STATUS = bytes.fromhex("060F15F0F0F3763132CC060C1F550204041F440412345678")
HEADER = Header("A1B2C3", "posdiag", "V1-2")
JSON = (
    b'{"SaleToPOIResponse":{"MessageHeader":{"ServiceID":"A1B2C3","SaleID":"posdiag"},'
    b'"DiagnosisResponse":{"Response":{"Result":"Success","AdditionalResponse":'
    b'"batteryLevel=12%25&networkProfile=W10="},"POIStatus":{"GlobalStatus":"OK",'
    b'"PrinterStatus":"NoPaper"},"HostStatus":[{"IsReachableFlag":false}]}}}'
)
XML = (
    b'<SaleToPOIResponse><MessageHeader ServiceID="A1B2C3" SaleID="posdiag"/><DiagnosisResponse>'
    b'<Response Result="Success"/><POIStatus GlobalStatus="OK" PrinterStatus="NoPaper"/>'
    b'<HostStatus IsReachableFlag="false"/></DiagnosisResponse></SaleToPOIResponse>'
)
BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
KEYS = derive_keys("fuzz", "shop", 1)
UPLOAD = encode_items({"01": "1", "02": "0", "12": "60", "13": "3", "14": "057112345678"})


def frame_settings(kind: FrameKind) -> FrameSettings:
    """Return settings of one kind of frame."""
    bare = kind is FrameKind.LENGTH
    sums: dict[FrameKind, Mapping[str, object]] = {
        FrameKind.SYN_ETB: {"kind": "crc16"},
        FrameKind.MARKED_55AA: {"covers": "data"},
        FrameKind.LENGTH: {"kind": "none"},
    }
    table = {
        "kind": kind,
        "checksum": sums.get(kind, {}),
        "handshake": "none" if bare else "ack",
        "progress": not bare,
        "requests": [{"name": "x", "send": "x", "effect": "safe"}],
    }
    return msgspec.convert(table, FrameSettings)


def read_zvt_unit(data: bytes) -> object:
    """Read a unit and what it may say."""
    unit = decode_apdu(data)
    for read in (decode_fields, status_sayings, message_sayings):
        try:
            read(unit.data)
        except RemoteWireError:
            continue
    return unit


def protocols() -> dict[str, tuple[Read, Sequence[bytes]]]:
    """Return per protocol how a message is read, and good ones to start from."""
    found: dict[str, tuple[Read, Sequence[bytes]]] = {
        "zvt, serial": (
            lambda data: SerialFrames().feed(data),
            [encode_serial(STATUS), encode_serial(bytes.fromhex("050100"))],
        ),
        "zvt, units": (read_zvt_unit, [STATUS, bytes.fromhex("061E04B887FFFF")]),
        "zvt, stream": (lambda data: ApduStream().feed(data), [STATUS * 2]),
        "nexo json": (lambda data: decode_answer(data, HEADER), [JSON]),
        "nexo xml": (lambda data: decode_answer(data, HEADER), [XML, BOMB]),
        "nexo envelope": (
            lambda data: unseal(parse_json(data), KEYS),
            [seal(b'{"A":{"MessageHeader":{}}}', KEYS, bytes(16))],
        ),
        "field 62": (lambda data: sayings_of(decode_file(data)), [UPLOAD]),
    }
    for kind in FrameKind:
        settings = frame_settings(kind)
        good = encode_frame(settings, b"abc\x1c123")
        found[f"frames, {kind}"] = (
            lambda data, settings=settings: FrameReader(settings).feed(data),  # type: ignore[misc]
            [good, good * 2],
        )
    return found


def mutated(draw: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a random message, or a good one with up to eight changes."""
    if draw.random() < 0.2:
        return draw.randbytes(draw.randrange(200))
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.randrange(1, 9)):
        at = draw.randrange(len(data) + 1)
        match draw.randrange(4):
            case 0 if at < len(data):
                data[at] = draw.randrange(256)
            case 1 if at < len(data):
                data[at] ^= 1 << draw.randrange(8)
            case 2:
                del data[at : at + draw.randrange(8)]
            case _:
                data[at:at] = draw.randbytes(draw.randrange(8))
    return bytes(data)


def fuzz(name: str, read: Read, seeds: Sequence[bytes], messages: int) -> tuple[str, bool]:
    """Return a line of the result, and whether all was well."""
    draw = random.Random(f"{SEED} {name}")  # noqa: S311  (no secret)
    values = refused = 0
    slowest_s = 0.0
    for _ in range(messages):
        data = mutated(draw, seeds)
        begun_s = time.process_time()
        try:
            read(data)
            values += 1
        except RemoteWireError:
            refused += 1
        except Exception as error:  # noqa: BLE001  (that is what is looked for)
            return f"{name}: {type(error).__name__} on {data.hex()}", False
        slowest_s = max(slowest_s, time.process_time() - begun_s)
    line = (
        f"{name:24} {messages:7} messages  {values:7} values {refused:7} refused  "
        f"slowest {slowest_s * 1000:6.1f} ms of CPU"
    )
    return line, slowest_s < SLOWEST_S


def main(messages: int) -> int:
    """Fuzz every protocol and write down what came of it."""
    lines, good = [], True
    for name, (read, seeds) in protocols().items():
        line, well = fuzz(name, read, seeds, messages)
        print(line, flush=True)
        lines.append(line)
        good = good and well
    lines += [
        f"machine: {platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        f"python {platform.python_version()}; posdiag {posdiag.__version__}; seed {SEED}",
        "within limits" if good else "NOT within limits",
    ]
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))

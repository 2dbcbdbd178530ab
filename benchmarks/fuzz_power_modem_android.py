"""Feeds codecs of devices with random and mutated replies. Results go to ``benchmarks/results``."""

from __future__ import annotations

import contextlib
import platform
import random
import sys
import time
from collections.abc import Callable

from posdiag.model.errors import RemoteWireError
from posdiag.wire import adb, android, at, at_errors, at_values, nut
from posdiag.wire.conversation import Conversation, Done, Ended, Send

_NUT = [
    (
        b'BEGIN LIST VAR shop\nVAR shop ups.status "OL CHRG"\nVAR shop ups.load "21"\n'
        b"END LIST VAR shop\n"
    ),
    b'BEGIN LIST UPS\nUPS shop "Counter \\"S\\""\nEND LIST UPS\n',
    b"ERR DATA-STALE\n",
    b"ERR DRIVER-NOT-CONNECTED\r\n",
]
_AT = [
    b"\r\n+CSQ: 17,99\r\n\r\nOK\r\n",
    b'AT+CREG?\r\r\n+CREG: 2,1,"1234","001122BB"\r\n\r\nOK\r\n',
    b"\r\n+CEREG: 2,1, 1F00, 79D903 ,7\r\n\r\nOK\r\n",
    b"\r\n+CESQ: 99,99,255,255,20,80\r\n\r\nOK\r\n",
    b'\r\n+QCSQ: "LTE",77,-116,76,-17\r\n\r\nOK\r\n',
    b'\r\n+CCLK: "14/08/05,04:00:21+40"\r\n\r\nOK\r\n',
    b'\r\n+CGDCONT: 1,"IP","cmnet","",0,0\r\n\r\nOK\r\n',
    b"\r\n+CPIN: SIM PUK2\r\n\r\nOK\r\n",
    b"\r\n+CME ERROR: 10\r\n",
    b"\r\nCONNECT 2400\r\n",
    b"0\r",
]
_ANDROID = [
    b"Current Battery Service state:\n  AC powered: true\n  status: 2\n  level: 84\n  scale: 100\n",
    b'Wi-Fi is enabled\nmWifiInfo SSID: "x", Supplicant state: COMPLETED, RSSI: -52, Link speed: 7',
    (
        b"mServiceState={mVoiceRegState=0(IN_SERVICE), mDataRegState=0(IN_SERVICE)}\n"
        b"mSignalStrength=SignalStrength:{mLte=CellSignalStrengthLte: rssi=-51 rsrp=-77 rsrq=-9 "
        b"rssnr=26,primary=CellSignalStrengthLte}\nmDataConnectionState=2\n"
    ),
    (
        b"mSignalStrength=SignalStrength: 99 -1 -1 -1 -1 -1 -1 28 -87 -7 236 -1 gsm|lte\n"
        b"mServiceState=0 home X X 310260 LTE"
    ),
    b"3 packets transmitted, 2 received, 33% packet loss\n64 bytes: time=3.41 ms",
]
_ADB = [b"OKAY", b"FAIL0007unknown", b"OKAY0010A1\tdevice\n", b"FAIL001Adevice 'A1' not found"]
_DECODERS: list[Callable[[str], object]] = [
    *(at_values.csq, at_values.cesq, at_values.registration, at_values.sim_state),
    *(at_values.operator, at_values.quality, at_values.network, at_values.context),
    *(at_values.has_address, at_values.is_attached, at_values.error_level, at_values.clock),
]
_TEXTS: list[Callable[[str], object]] = [
    *(android.battery, android.wifi, android.telephony, android.ping, android.gateway),
    *(android.flag, android.seconds, android.free_ratio, android.version_name),
]


def _converse(conversation: Conversation, data: bytes) -> None:
    """Hand a reply to each question, then the end."""
    for _ in range(200):
        match conversation.step(0.0):
            case Send():
                conversation.receive(data, 0.0)
            case Done():
                return
            case _:
                conversation.ended(Ended.EOF, 1.0, 1.0)
    raise SystemExit("a conversation does not end")


def _modem(data: bytes) -> None:
    answer = at.Answer("AT+CSQ", digits=False)
    lines = at.AtLines().feed(data)
    for line in lines:
        at_errors.dial_result(line)
        answer.take(line)
        for decode in _DECODERS:
            try:
                decode(line)
            except RemoteWireError:
                continue


def _terminal(data: bytes) -> None:
    text = data.decode("utf-8", errors="replace")
    android.parts_of(text)
    for decode in _TEXTS:
        try:
            decode(text)
        except RemoteWireError:
            continue


def _ups(data: bytes) -> None:
    _converse(nut.UpsConversation("shop", limit_s=1.0), data)


def _server(data: bytes) -> None:
    _converse(adb.shell_conversation("A1", "id", limit_s=1.0), data)


def _mutated(drawn: random.Random, seeds: list[bytes]) -> bytes:
    if drawn.random() < 0.1:
        return drawn.randbytes(drawn.randint(0, 120))
    data = bytearray(drawn.choice(seeds))
    for _ in range(drawn.randint(0, 5)):
        at_ = drawn.randrange(len(data)) if data else 0
        kind = drawn.randrange(3)
        if kind == 0 and data:
            data[at_] = drawn.randrange(256)
        elif kind == 1:
            data[at_:at_] = drawn.randbytes(drawn.randint(1, 3))
        else:
            del data[at_ : at_ + drawn.randint(1, 4)]
    return bytes(data[: drawn.randint(0, len(data))]) if drawn.random() < 0.2 else bytes(data)


def main(replies: int) -> None:
    """Run all codecs."""
    codecs = (
        ("nut", _NUT, _ups),
        ("at", _AT, _modem),
        ("adb", _ADB, _server),
        ("android", _ANDROID, _terminal),
    )
    print(f"python {platform.python_version()}, {platform.machine()}")
    for name, seeds, feed in codecs:
        drawn = random.Random(1)  # noqa: S311  (replies, no secrets)
        since_s = time.perf_counter()
        longest_s = 0.0
        for _ in range(replies):
            data = _mutated(drawn, seeds)
            begun_s = time.perf_counter()
            with contextlib.suppress(RemoteWireError):
                feed(data)
            longest_s = max(longest_s, time.perf_counter() - begun_s)
        took_s = time.perf_counter() - since_s
        print(
            f"{name:8} {replies} replies: values or the codec's error, "
            f"{took_s:.0f} s, longest {1000 * longest_s:.1f} ms"
        )


main(int(sys.argv[1]))

"""What Android's commands say, on public dumps with their source, and on constructed ones.

Names of networks, addresses and cells in the public ones are replaced.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable

import pytest

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.wire import android
from posdiag.wire.android import Battery, Telephony, Wifi

# github.com/clusterfuzz pull request 4327 (Android 14): extra keys below
BATTERY_14 = """Current Battery Service state:
  AC powered: true
  USB powered: false
  Wireless powered: false
  Dock powered: false
  Max charging current: 1500000
  Max charging voltage: 5000000
  Charge counter: 3376000
  status: 4
  health: 3
  present: true
  level: 80
  scale: 100
  voltage: 4200
  temperature: 180
  technology: Li-ion
  Charging state: 4
  Charging policy: 1
  Capacity level: 3
"""
# github.com/zebrunner/mcloud-device issue 150 (Samsung): lines of the maker's own
BATTERY_SAMSUNG = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 0
  Max charging voltage: 0
  Charge counter: 2967000
  status: 5
  health: 2
  present: true
  level: 100
  scale: 100
  voltage: 4312
  temperature: 309
  technology: Li-ion
  batterySWSelfDischarging: false
  LED Low Battery: true
  current now: 0
  charge counter: 2967000
USE_FAKE_BATTERY: false
BatteryInfoBackUp
  mSavedBatteryAsoc: 96
  mSavedBatteryMaxTemp: 534
"""
# github.com/google/syzkaller issue 79 (Pixel C)
BATTERY_LOW = """Current Battery Service state:
  AC powered: true
  USB powered: false
  Wireless powered: false
  Max charging current: 2400000
  Max charging voltage: 5000000
  Charge counter: 0
  status: 2
  health: 2
  present: true
  level: 19
  scale: 100
  voltage: 3764
  temperature: 275
  technology: Li-ion
"""
# github.com/appium/appium issue 7389 (emulator): no voltage, no temperature
BATTERY_EMULATOR = """Current Battery Service state:
  AC powered: true
  USB powered: false
  Wireless powered: false
  status: 2
  health: 2
  present: true
  level: 89
  scale: 100
  voltage: 0
  temperature: 0
  technology: Li-ion
"""
# constructed: fact sheet vectors 55 and 56
BATTERY_55 = (
    "Current Battery Service state:\n  USB powered: true\n  status: 2\n  health: 2\n"
    "  level: 84\n  scale: 100\n  voltage: 4063\n  temperature: 326\n"
)
BATTERY_56 = (
    "Current Battery Service state:\n  status: 4\n  level: 90\n  voltage: 13\n  temperature: 26\n"
)
# constructed: a charger that cannot keep up, on a scale of 255, with an event log below
BATTERY_WEAK = (
    "Current Battery Service state:\n  AC powered: true\n  status: 3\n  health: 4\n"
    "  level: 51\n  scale: 255\n  temperature: 455\n  level: 100\n"
)

BATTERIES = [
    (BATTERY_14, Battery(0.8, True, "not_charging", "overheat", 4.2, 18.0), "charger"),
    (BATTERY_SAMSUNG, Battery(1.0, True, "full", "good", 4.312, 30.9), "charger"),
    (BATTERY_LOW, Battery(0.19, True, "charging", "good", 3.764, 27.5), "charger"),
    (BATTERY_EMULATOR, Battery(0.89, True, "charging", "good", None, None), "charger"),
    (BATTERY_55, Battery(0.84, True, "charging", "good", 4.063, 32.6), "charger"),
    (BATTERY_56, Battery(0.9, None, "not_charging", "", None, None), ""),
    (BATTERY_WEAK, Battery(0.2, True, "discharging", "dead", None, 45.5), "too_weak"),
]


@pytest.mark.parametrize(("text", "state", "supply"), BATTERIES)
def test_batteries(text: str, state: Battery, supply: str) -> None:
    assert android.battery(text) == state
    assert android.battery(text.replace("\n", "\r\n").replace("\r", "")) == state
    assert android.battery(f"noise\n{text}").level == state.level
    assert android.battery(text).supply == supply


def test_what_is_no_battery() -> None:
    faked = "Current Battery Service state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n"
    for text in ("", "Can't find service: battery", faked + "  level: 100\n"):
        with pytest.raises(RemoteWireError):
            android.battery(text)
    assert android.battery("Current Battery Service state:\n  level: 300\n").level is None


# github.com/microsoft/WSA issue 57: a Pixel, and the Windows subsystem
WIFI_PIXEL = (
    'mWifiInfo SSID: "shop", BSSID: 02:00:00:00:01:00, MAC: <none>, Security type: 2, '
    "Supplicant state: COMPLETED, Wi-Fi standard: 6, RSSI: -27, Link speed: 1020Mbps, Tx Link "
    "speed: 1020Mbps, Max Supported Tx Link speed: 1200Mbps, Rx Link speed: 360Mbps, Frequency: "
    "5745MHz, Net ID: 44, Metered hint: false, score: 60, IsPrimary: 1"
)
# AUEB-BALab/barista SvcWifiStatusTest (emulator, Android 9): joined, and not
WIFI_9 = (
    "mWifiInfo SSID: AndroidWifi, BSSID: 02:00:00:00:01:00, MAC: 02:00:00:44:55:66, Supplicant "
    "state: COMPLETED, RSSI: -50, Link speed: 58Mbps, Frequency: 2447MHz, Net ID: 0, score: 60"
)
WIFI_9_OUT = (
    "mWifiInfo SSID: <unknown ssid>, BSSID: <none>, MAC: 02:00:00:44:55:66, Supplicant state: "
    "DISCONNECTED, RSSI: -127, Link speed: -1Mbps, Frequency: -1MHz, Net ID: -1, score: 0"
)
# constructed after `cmd wifi status`; a network whose name looks like a state
WIFI_STATUS = (
    "Wifi is enabled\nWifi scanning is always available\n"
    'WifiInfo: SSID: "a, Supplicant state: DISCONNECTED, RSSI: -1", BSSID: 02:00:00:00:01:00, '
    "Supplicant state: COMPLETED, RSSI: -71, Link speed: 65Mbps"
)
WIFIS = [
    (WIFI_PIXEL, Wifi(None, True, -27.0, 1020.0)),
    (WIFI_9, Wifi(None, True, -50.0, 58.0)),
    (WIFI_9_OUT, Wifi(None, False, None, None)),
    (WIFI_STATUS, Wifi(True, True, -71.0, 65.0)),
    ("Wi-Fi is disabled", Wifi(False, None, None, None)),
    (f"Wi-Fi is enabled\n{WIFI_9_OUT}\n{WIFI_9}", Wifi(True, True, -50.0, 58.0)),
]


@pytest.mark.parametrize(("text", "state"), WIFIS)
def test_wifi(text: str, state: Wifi) -> None:
    assert android.wifi(text) == state


# A payment terminal, V2 PRO (Android 7.1) with a dead eSIM: blog post "VSIM Debug", 2019-08-28
PHONE_V2_PRO = """  mServiceState=1 1 voice home data home null null null null null null  Unknown \
Unknown CSS not supported -1 -1 RoamInd=-1 DefRoamInd=-1 EmergOnly=false
  mSignalStrength=SignalStrength: 99 0 -120 -160 -120 -1 -1 99 2147483647 2147483647 2147483647 \
2147483647 2147483647 gsm|lte
  mDataConnectionState=-1
"""
# the numbers of a logcat in github.com/signalapp/Signal-Android issue 1913 (Android 4)
PHONE_4 = """  mServiceState=0 home Operator Operator 310260 LTE CSS not supported -1 -1
  mSignalStrength=SignalStrength: 99 -1 -1 -1 -1 -1 -1 28 -87 -7 236 -1 2147483647 gsm|lte 0x3
  mDataConnectionState=2
"""
# github.com/Genymobile/gnirehtet issue 327 (Android 10, ServiceState), with a signal line of
# a published collector's sample (Android 12, one slot empty)
PHONE_10 = """    mServiceState={mVoiceRegState=0(IN_SERVICE), mDataRegState=0(IN_SERVICE), \
mChannelNumber=2568, duplexMode()=1, mIsEmergencyOnly=false}
    mSignalStrength=SignalStrength:{mCdma=Invalid,mGsm=Invalid,mWcdma=Invalid,mTdscdma=Invalid,\
mLte=CellSignalStrengthLte: rssi=-51 rsrp=-77 rsrq=-9 rssnr=26 cqiTableIndex=2147483647 \
cqi=2147483647 ta=2147483647 level=4 parametersUseForLevel=0,mNr=Invalid,\
primary=CellSignalStrengthLte}
    mDataConnectionState=2
    mServiceState={mVoiceRegState=1(OUT_OF_SERVICE), mDataRegState=1(OUT_OF_SERVICE)}
    mSignalStrength=SignalStrength:{mLte=Invalid,mNr=Invalid,primary=CellSignalStrengthLte}
    mDataConnectionState=0
"""
# a 5G modem's dump in a public test (Flymodem U20); its unknown values are 2147483647
PHONE_5G = """    mServiceState={mVoiceRegState=0(IN_SERVICE), mDataRegState=0(IN_SERVICE)}
    mSignalStrength=SignalStrength:{mCdma=CellSignalStrengthCdma: cdmaDbm=2147483647,\
mLte=CellSignalStrengthLte: rsrp=2147483647,mNr=CellSignalStrengthNr:{ csiRsrp = 2147483647 \
csiRsrq = 2147483647 ssRsrp = -73 ssRsrq = 2147483647 ssSinr = 2147483647 level = 3 },\
primary=CellSignalStrengthNr}
"""
# constructed: the radio off, the dead slot first
PHONE_OFF = "mServiceState={mVoiceRegState=3(POWER_OFF), mDataRegState=3(POWER_OFF)}\n"
PHONES = [
    (PHONE_V2_PRO, Telephony("out_of_service", None, None, None, None)),
    (PHONE_4, Telephony("in_service", True, -87.0, -7.0, 24.0)),
    (PHONE_10, Telephony("in_service", True, -77.0, -9.0, 26.0)),
    (PHONE_5G, Telephony("in_service", None, -73.0, None, None)),
    (PHONE_OFF, Telephony("power_off", None, None, None, None)),
    (PHONE_OFF + PHONE_4, Telephony("in_service", True, -87.0, -7.0, 24.0)),
]


@pytest.mark.parametrize(("text", "state"), PHONES)
def test_telephony(text: str, state: Telephony) -> None:
    assert android.telephony(text) == state


# constructed after toybox, iputils and AOSP's ip
SMALL: list[tuple[Callable[[str], object], str, object]] = [
    (android.flag, "1\n", True),
    (android.flag, "0", False),
    (android.seconds, "1795000000\n", 1795000000.0),
    (android.seconds, "88211.52 301222.10", 88211.52),
    (
        android.free_ratio,
        "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/block/dm-0 100 99 1 99% /data",
        0.01,
    ),
    (
        android.gateway,
        "192.0.2.1 via 192.168.1.1 dev wlan0 table 1021 src 192.168.1.23",
        "192.168.1.1",
    ),
    (android.version_name, "    versionName=3.2.1-prod\n", "3.2.1-prod"),
]


@pytest.mark.parametrize(("decode", "text", "value"), SMALL)
def test_small_parts(decode: Callable[[str], object], text: str, value: object) -> None:
    assert decode(text) == value


@pytest.mark.parametrize(
    ("decode", "text"),
    [
        (android.flag, "null"),
        (android.flag, ""),
        (android.seconds, "date: not found"),
        (android.free_ratio, "df: /data: Permission denied"),
        (android.gateway, "RTNETLINK answers: Network is unreachable"),
        (android.version_name, "Unable to find package"),
        (android.wifi, "Can't find service: wifi"),
        (android.telephony, ""),
        (android.ping, "ping: permission denied"),
    ],
)
def test_parts_that_are_none(decode: Callable[[str], object], text: str) -> None:
    with pytest.raises(RemoteWireError):
        decode(text)


# iputils as Android has it, toybox, and a name that nobody knows; constructed
PINGS = [
    (
        (
            "PING 192.168.1.1 (192.168.1.1) 56(84) bytes of data.\n"
            "64 bytes from 192.168.1.1: icmp_seq=1 ttl=64 time=3.41 ms\n"
            "64 bytes from 192.168.1.1: icmp_seq=3 ttl=64 time=12 ms\n\n"
            "--- 192.168.1.1 ping statistics ---\n"
            "3 packets transmitted, 2 received, 33% packet loss, time 2003ms\n"
        ),
        (True, 3, 1, (0.00341, 0.012)),
    ),
    ("ping: unknown host signon.example", (False, 0, 0, ())),
    ("ping: bad address 'signon.example'", (False, 0, 0, ())),
    (
        (
            "PING signon.example (192.0.2.9) 56(84) bytes of data.\n\n"
            "1 packets transmitted, 0 received, 100% packet loss, time 0ms"
        ),
        (True, 1, 1, ()),
    ),
    ("PING signon.example (192.0.2.9) 56(84) bytes of data.", (True, 0, 0, ())),
]


@pytest.mark.parametrize(("text", "value"), PINGS)
def test_pings(text: str, value: tuple[object, ...]) -> None:
    assert tuple(android.ping(text)) == value


def test_the_script_only_reads_and_its_parts_come_back() -> None:
    script = android.script("com.example.pay")
    words = ("reboot", "svc ", " put ", "install", "pm ", "am ", "input ", "rm ", ">", "su ")
    plain = script.replace("2>&1", "")
    assert not [word for word in words if word in plain]
    said = "@posdiag battery\na\nb\n@posdiag wifi\n\n@posdiag clock\n17"
    assert android.parts_of(said.replace("\n", "\r\n")) == {"battery": "a\nb", "wifi": ""}
    assert android.parts_of("") == {}


@pytest.mark.parametrize("app", ["com.x; reboot", "x", "com.x'$(id)", "com.x\n"])
def test_what_cannot_be_a_package_is_never_sent(app: str) -> None:
    with pytest.raises(LocalWireError):
        android.script(app)


@pytest.mark.parametrize(("host", "count"), [("a;b", 1), ("-f", 1), ("", 1), ("x", 0), ("x", 99)])
def test_what_cannot_be_pinged_is_never_sent(host: str, count: int) -> None:
    with pytest.raises(LocalWireError):
        android.ping_script(host, count=count)


def test_any_text_gives_values_or_an_error() -> None:
    """20,000 here; all 200,000 by benchmarks/fuzz_power_modem_android.py."""
    drawn = random.Random(11)
    seeds = [row[0] for row in BATTERIES] + [row[0] for row in WIFIS]
    seeds += [row[0] for row in PHONES] + [row[0] for row in PINGS] + [row[1] for row in SMALL]
    decoders: list[Callable[[str], object]] = [
        *(android.battery, android.wifi, android.telephony, android.ping),
        *(decode for decode, _, _ in SMALL),
    ]
    for _ in range(20_000 // len(decoders)):
        signs = list(drawn.choice(seeds))
        for _ in range(drawn.randint(0, 6)):
            signs[drawn.randrange(len(signs))] = chr(drawn.randrange(0x250))
        text = "".join(signs[: drawn.randint(1, len(signs))])
        for decode in decoders:
            with contextlib.suppress(RemoteWireError):
                decode(text)
        android.parts_of(text)


def test_a_script_that_was_cut_gives_complete_parts_only() -> None:
    said = f"@posdiag battery\n{BATTERY_55}@posdiag wifi\n{WIFI_9}\n@posdiag end\n"
    whole = android.parts_of(said)
    assert set(whole) == {"battery", "wifi"}
    for end in range(len(said)):
        parts = android.parts_of(said[:end])
        for name, text in parts.items():
            assert text == whole[name]
    noisy = android.parts_of("\x00\xffnoise\n" + said)
    assert noisy == whole

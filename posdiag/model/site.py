"""What is known about a shop before anything is measured: profiles, site, facts, complaint.

These are the checked and merged values; the files they come from are read by ``posdiag.site``.
"""

from __future__ import annotations

import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from posdiag.model.frames import FrameSettings
from posdiag.model.maintenance import HostStatus, MaintenanceRule, MaintenanceWindow
from posdiag.model.observation import Part, Value
from posdiag.model.text import Text

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
CardCount = Annotated[int, msgspec.Meta(ge=1, le=5)]
Identifier = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]


class LinkClass(StrEnum):
    """How a terminal reaches its host."""

    ETH = "eth"
    DIAL = "dial"
    WIFI = "wifi"
    CELL = "cell"
    BT = "bt"
    ANDROID = "android"


class YesNo(StrEnum):
    """A fact that may not be known."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class LaptopAt(StrEnum):
    """Where the laptop stands on the network."""

    TERMINAL_CABLE = "terminal_cable"
    SAME_LAN = "same_lan"
    SAME_WIFI = "same_wifi"
    TERMINAL_SIM = "terminal_sim"
    HOTSPOT = "hotspot"
    ELSEWHERE = "elsewhere"
    UNKNOWN = "unknown"


class Reach(StrEnum):
    """From where a host can be reached at all."""

    PUBLIC = "public"
    PRIVATE_APN = "private_apn"
    LEASED_LINE = "leased_line"


class HostRole(StrEnum):
    """What a host of an acquirer is for."""

    PRIMARY = "primary"
    BACKUP = "backup"
    TMS = "tms"


class Dialect(StrEnum):
    """Message dialects of the echo test (fact sheet sections 2 and 3).

    ``_bcd`` is the same table of fields with packed digits; UnionPay and Hypercom are packed too.
    """

    UNIONPAY = "unionpay"
    ISO1987 = "iso1987"
    ISO1987_BCD = "iso1987_bcd"
    ISO1993 = "iso1993"
    ISO1993_BCD = "iso1993_bcd"
    HYPERCOM = "hypercom"

    @property
    def packed(self) -> bool:
        """Whether two digits share a byte."""
        return self not in (Dialect.ISO1987, Dialect.ISO1993)

    @property
    def family(self) -> str:
        """The name under which the meanings of its response codes are known."""
        return self.value.removesuffix("_bcd")


class Framing(StrEnum):
    """Length prefixes (fact sheet section 1)."""

    BINARY2 = "binary2"
    BINARY2_INCLUSIVE = "binary2_inclusive"
    BINARY2_LE = "binary2_le"
    BCD2 = "bcd2"
    ASCII4 = "ascii4"
    HEX4 = "hex4"
    BINARY3 = "binary3"
    BINARY4 = "binary4"
    BINARY2_FILLER2 = "binary2_filler2"


class ComplaintKind(StrEnum):
    """What the merchant complains about."""

    SIGN_ON = "sign_on"
    TRANSACTION = "transaction"
    SIGNATURE = "signature"
    UNKNOWN = "unknown"


class ComplaintOutcome(StrEnum):
    """Whether it failed."""

    FAILED = "failed"
    NONE = "none"
    UNKNOWN = "unknown"


class Complaint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a cause must explain.

    Attributes:
        hour: local hour of day (0-23) of the complaint, None if it is now or not known.
    """

    kind: ComplaintKind = ComplaintKind.SIGN_ON
    outcome: ComplaintOutcome = ComplaintOutcome.FAILED
    hour: Annotated[int, msgspec.Meta(ge=0, le=23)] | None = None


class TerminalTimers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terminal family's default timers; the shop's own come as facts.

    Attributes:
        response_s: wait for the host's answer.
        connect_s: wait for one TCP connect.
        attempts: connects before it gives up, at least 1.
        dns_try_s: wait for one name server answer.
        dns_tries: queries per name server.
        syn_waits_s: when a SYN is sent again within one connect, ascending from 0; a stack with
            ``tcp_syn_linear_timeouts`` of 4 has 0, 1, 2, 3, 4, 5, 7, 11.
        least_rto_s: least time-out of a segment: 1 in RFC 6298, 0.2 in Linux.
    """

    response_s: Seconds = 60.0
    connect_s: Seconds = 10.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=20)] = 3
    dns_try_s: Seconds = 5.0
    dns_tries: Annotated[int, msgspec.Meta(ge=1, le=10)] = 2
    syn_waits_s: Annotated[
        list[Annotated[float, msgspec.Meta(ge=0, le=3600)]], msgspec.Meta(min_length=1)
    ] = msgspec.field(default_factory=lambda: [0.0, 1.0, 3.0, 7.0, 15.0, 31.0])
    least_rto_s: Annotated[float, msgspec.Meta(ge=0.05, le=10)] = 0.2


class TerminalProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a terminal family is.

    Attributes:
        sources: where each value comes from: key -> document, or ``assumption: why``.
        end_of_support: date after which the maker mends nothing, if known.
        frames: how it is asked for its health by request and answer, if that is known.
    """

    id: Identifier
    title: Text
    link_class: LinkClass
    mobile: bool = False
    signon_needs_card: YesNo = YesNo.UNKNOWN
    signon_needs_printer: YesNo = YesNo.UNKNOWN
    tid_length: Annotated[int, msgspec.Meta(ge=1, le=16)] = 8
    timers: TerminalTimers = TerminalTimers()
    printer_dialect: str = "escpos"
    frames: FrameSettings | None = None
    sources: dict[str, str]
    verified_on: datetime.date | None = None
    end_of_support: datetime.date | None = None


class HostEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One host of an acquirer.

    Attributes:
        address: name or IP address; an empty address means "ask the acquirer".
        server_name: name for TLS where it differs from ``address``.
        ca_file: PEM file with the acquirer's own root, else the system's roots are used.
        issuer: the issuer that the host's certificate is known to have, as RFC 4514 text
            (``CN=Bank CA,O=Bank,C=CN``); another one is told.
        http_path: messages go in HTTP POST requests to this path; empty: they go bare.
    """

    role: HostRole = HostRole.PRIMARY
    address: str
    port: Port
    tls: bool = False
    server_name: str | None = None
    ca_file: str | None = None
    issuer: str | None = None
    http_path: Annotated[str, msgspec.Meta(pattern="^(/[!-~]*)?$")] = ""


class EchoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an echo test (回响测试) is said to this host.

    Attributes:
        tpdu: 10 hex digits, empty where the dialect has none.
        header: UnionPay: 12 digits of the application header; ASCII dialects: the characters before
            the MTI, such as ``ISO006000075`` (BASE24); empty where there is none.
        raw_bitmap: ASCII dialects: the bitmaps are raw bytes instead of hex digits.
        ebcdic: packed ISO dialects: text fields are in EBCDIC.
        nii: Hypercom: field 24, empty where the host wants none.
        sign_on_code: UnionPay: F60.3 of a sign-on (001 single-length keys, 003 double-length, 004
            with a track key); a sign-on is sent with ``--allow sign-on`` only.
        test_tid: 8 characters; empty means no echo without ``--allow echo-live-tid``.
        test_mid: 15 characters.
    """

    dialect: Dialect
    framing: Framing
    tpdu: Annotated[str, msgspec.Meta(pattern="^([0-9A-Fa-f]{10})?$")] = ""
    header: Annotated[str, msgspec.Meta(pattern="^[ -~]{0,32}$")] = ""
    raw_bitmap: bool = False
    ebcdic: bool = False
    nii: Annotated[str, msgspec.Meta(pattern="^([0-9]{3})?$")] = ""
    sign_on_code: Annotated[str, msgspec.Meta(pattern="^[0-9]{3}$")] = "003"
    test_tid: Annotated[str, msgspec.Meta(pattern="^([ -~]{8})?$")] = ""
    test_mid: Annotated[str, msgspec.Meta(pattern="^([ -~]{15})?$")] = ""


class StepLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long a step may be silent before silence is a fact (seconds)."""

    dns_try_s: Seconds = 5.0
    dns_tries: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    connect_s: Seconds = 10.0
    tls_s: Seconds = 10.0
    echo_s: Seconds = 60.0


class Politeness(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Per host and run, and per hour where runs repeat. A profile may lower, never raise them."""

    connects: Annotated[int, msgspec.Meta(ge=1, le=20)] = 20
    echoes: Annotated[int, msgspec.Meta(ge=0, le=3)] = 3
    connects_per_hour: Annotated[int, msgspec.Meta(ge=1, le=60)] = 60
    echoes_per_hour: Annotated[int, msgspec.Meta(ge=0, le=20)] = 20


class SignOnShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a sign-on asks of the host.

    Attributes:
        messages: requests, each with its answer.
        service_sigma: log-normal spread of the time that the host works on one; its scale is
            measured. The default is an assumption (diagnosis science, section 3.2).
    """

    messages: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    service_sigma: Annotated[float, msgspec.Meta(gt=0, le=2)] = 0.5


class MenuSheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the acquirer's sheet says that a terminal's menu should hold, beside host and TPDU.

    Attributes:
        apn: access point name of the SIM; empty: not said.
        dial_number: with the digit for an outside line; empty: not said.
        attempts: connects or redials; None: not said.
    """

    apn: str = ""
    dial_number: str = ""
    attempts: Annotated[int, msgspec.Meta(ge=1, le=20)] | None = None


class AcquirerProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a host is: addresses, reach, framing, dialect, maintenance, hotline.

    Attributes:
        maintenance: single windows.
        maintenance_rules: windows that recur.
        maintenance_calendar: iCalendar file, or its ``https://`` address, with more of both.
        maintenance_zone: IANA name of the zone of times in the calendar that name none.
    """

    id: Identifier
    title: Text
    reach: Reach
    hosts: list[HostEndpoint]
    echo: EchoSettings
    menu: MenuSheet = MenuSheet()
    limits: StepLimits = StepLimits()
    politeness: Politeness = Politeness()
    sign_on: SignOnShape = SignOnShape()
    maintenance: list[MaintenanceWindow] = []
    maintenance_rules: list[MaintenanceRule] = []
    maintenance_calendar: str = ""
    maintenance_zone: str = ""
    hotline: str = ""
    sources: dict[str, str]
    verified_on: datetime.date | None = None


class DeviceKind(StrEnum):
    """Devices that a site file can declare."""

    PRINTER = "printer"
    SERIAL = "serial"
    UPS = "ups"
    CARD_READER = "card_reader"
    MODEM = "modem"
    ANDROID = "android"
    STRIPE_READER = "stripe_reader"
    TERMINAL = "terminal"


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A device that may be asked.

    Attributes:
        port: ``/dev/ttyUSB0``, ``COM3``, ``socket://host:port`` (printer, serial, card_reader,
            terminal, modem), ``host:port`` (ups), ``https://host:port`` (terminal, nexo), a file
            (terminal, status_upload), ``pcsc`` or ``pcsc:part of its name`` (card_reader),
            ``keyboard`` (stripe_reader that types, or text that somebody pastes), or what
            ``adb devices`` calls it, with ``@host:port`` where its adb server is not the usual
            one (android).
        part: whose it is; only ``terminal`` is evidence for the terminal's own causes unless
            ``shared`` is true. A site file's card and stripe readers are the laptop's unless it
            says otherwise.
        protocol: serial devices: ``none`` (only open it and look at its lines), ``enq``
            (send ENQ, expect ACK: a PIN pad or terminal in basic mode link control) or ``loop``
            (nothing but a loopback plug is on the cable: a bit-error test). Terminals:
            ``zvt``, ``nexo`` (JSON), ``nexo_xml``, ``frames`` (as the terminal's profile says) or
            ``status_upload`` (field 62 of an upload, kept in a file).
        dialect: printers: ``escpos`` or ``star``; empty: the terminal profile's for the terminal's
            own printer, ``escpos`` for any other.
        ups: name of the UPS in the NUT server, empty for the first one.
        app: android: package of the payment application, whose version is asked for.
        baud: bits per second; None: what is usual for it.
        poi_id: nexo: the terminal's name for itself, ``<model>-<serial>``.
        ca_file: nexo over HTTPS: PEM file with the root of the terminal's certificate.
        passphrase_file: file that holds the passphrase of the till integration; the passphrase
            itself never stands in a site file. Else it is taken from the environment.
        key_id: nexo: name of the shared key.
        key_version: nexo: version of the shared key.
    """

    kind: DeviceKind
    port: str
    part: Part = Part.TERMINAL
    shared: bool = False
    protocol: Annotated[
        str, msgspec.Meta(pattern="^(none|enq|loop|zvt|nexo|nexo_xml|frames|status_upload)$")
    ] = "none"
    dialect: Annotated[str, msgspec.Meta(pattern="^(escpos|star)?$")] = ""
    ups: str = ""
    app: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z][A-Za-z0-9_.]*)?$")] = ""
    baud: Annotated[int, msgspec.Meta(ge=50, le=4_000_000)] | None = None
    poi_id: Annotated[str, msgspec.Meta(pattern="^[ -~]{0,64}$")] = ""
    ca_file: str | None = None
    passphrase_file: str | None = None
    key_id: Annotated[str, msgspec.Meta(pattern="^[ -~]{0,64}$")] = ""
    key_version: Annotated[int, msgspec.Meta(ge=0, le=9999)] = 1


class NetworkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The shop's network, as far as it is known. Addresses: ``ip``, ``ip:port``, ``[ip6]:port``.

    Attributes:
        interface: the interface that path probes are bound to; None: the system's choice.
        gateway: asked for round trips; None: the system's default route.
        resolvers: name servers in order; empty: the system's.
        time_servers: asked for the time, so that the laptop's clock is known; empty: none.
        reference: an address beyond the gateway for round trips; None: no such test.
        portal_check: ``http://host/path`` that answers 204 and nothing else, to find a login page
            in the way; None: no such test.
        load_sink: ``ip:port`` that swallows an upload, for the delay under load (with consent).
        idle_s: how long a connection to the host rests before it is used again (with consent).
        series: round trips per series, 5 to 2000; the 99th percentile needs 300.
        stalls_s: seconds of a long series to the reference that shows bursts and stalls; 0: none.
        method: how round trips are taken: ``auto`` (ICMP where allowed, else TCP connect),
            ``icmp``, ``tcp``, or ``dns`` (one query per round trip, for devices that answer names).
    """

    interface: str | None = None
    gateway: str | None = None
    resolvers: list[str] = []
    time_servers: list[str] = []
    reference: str | None = None
    portal_check: str | None = None
    load_sink: str | None = None
    idle_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 300.0
    series: Annotated[int, msgspec.Meta(ge=5, le=2000)] = 300
    stalls_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    method: Annotated[str, msgspec.Meta(pattern="^(auto|icmp|tcp|dns)$")] = "auto"


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A shop, merged from profiles, the site file, ``--set`` and facts.

    Attributes:
        terminal: None where it is not said.
        acquirer: None where it is not said.
        tid: the terminal's own number (text; masked in reports), empty if unknown.
        facts: what a person saw: fact name -> checked value (see ``posdiag schema --facts``).
        fact_origins: fact name -> where it came from (``csv, line 3: APN``); typed where not named.
        cards: cards that are read one after the other; the card in question comes first.
        host_status: what the acquirer said of its host, if anybody asked.
        simulated: the site is one of ours; the laptop itself does not enter the ranking.
        missing: keys that would help and are not said, with where to read them.
    """

    name: str = ""
    terminal: TerminalProfile | None = None
    acquirer: AcquirerProfile | None = None
    laptop_at: LaptopAt = LaptopAt.UNKNOWN
    tid: str = ""
    mid: str = ""
    network: NetworkSettings = NetworkSettings()
    devices: list[Device] = []
    complaint: Complaint = Complaint()
    facts: dict[str, Value] = {}
    fact_origins: dict[str, str] = {}
    cards: CardCount = 1
    host_status: HostStatus | None = None
    simulated: bool = False
    missing: list[str] = []

"""Rules of profiles that no schema can say: they hold between keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from posdiag.model.errors import Mistake
from posdiag.model.frames import FrameSettings
from posdiag.model.maintenance import MaintenanceRule, MaintenanceWindow
from posdiag.model.site import (
    AcquirerProfile,
    Dialect,
    EchoSettings,
    Framing,
    HostEndpoint,
    HostRole,
    TerminalProfile,
)
from posdiag.model.text import Text
from posdiag.site.frame_rules import frame_mistakes
from posdiag.site.recurrence import recurrence_mistake
from posdiag.site.schema_words import did_you_mean, shown
from posdiag.site.toml_file import BUILTIN_TYPES, walk

T = TypeVar("T")

ASSUMPTION = "assumption:"
PLACEHOLDER = "assumption: placeholder"

_NEED_NO_SOURCE = frozenset({"id", "title", "sources", "verified_on"})
_TEXT_FRAMINGS = (Framing.ASCII4, Framing.HEX4)
_UNIONPAY_FRAMINGS = tuple(one for one in Framing if one not in _TEXT_FRAMINGS)
_UNIONPAY_HEADER = re.compile(r"[0-9]{12}", re.ASCII)


def without_positions(key: str) -> str:
    """Return a dotted key without list positions: ``hosts.0.port`` is ``hosts.port``."""
    return ".".join(step for step in key.split(".") if not step.isdecimal())


def source_of(sources: Mapping[str, str], key: str) -> str:
    """Return where the value of a key comes from, empty if that is not said.

    Args:
        sources: the profile's; an entry for a table or list speaks for all below it.
        key: dotted key, list positions are ignored.
    """
    steps = without_positions(key).split(".")
    for length in range(len(steps), 0, -1):
        source = sources.get(".".join(steps[:length]))
        if source is not None:
            return source
    return ""


def source_mistakes(tables: Mapping[str, object], *, file: str) -> list[Mistake]:
    """Return a mistake for each value without source, and for each source without value.

    Args:
        tables: the profile as TOML gave it: values that are not written need no source.
        file: name in the messages.
    """
    sources = tables.get("sources")
    if not isinstance(sources, Mapping):
        return []  # the schema speaks of that
    written = dict.fromkeys(
        without_positions(key)
        for key, _ in walk(tables)
        if key.split(".")[0] not in _NEED_NO_SOURCE
    )
    wish = 'where the value comes from (a document, or "assumption: why")'
    mistakes = [
        Mistake(file, f'sources."{key}"', wish, "nothing")
        for key in written
        if not source_of(sources, key)
    ]
    for key, source in sources.items():
        if not any(name == key or name.startswith(f"{key}.") for name in written):
            known = f"a key of this profile{did_you_mean(str(key), list(written))}"
            mistakes.append(Mistake(file, f'sources."{key}"', known, shown(key)))
        elif isinstance(source, str) and not source.removeprefix(ASSUMPTION).strip():
            mistakes.append(Mistake(file, f'sources."{key}"', wish, shown(source)))
    return mistakes


def rule_mistakes(tables: Mapping[str, object], *, file: str, folder: Path) -> list[Mistake]:
    """Return what is wrong between the keys of a profile of either kind.

    Parts of the wrong type are passed over (the schema speaks of them), so that one run over a file
    names all that is wrong in it.

    Args:
        tables: the profile as TOML gave it.
        file: name in the messages.
        folder: that ``ca_file`` counts from.
    """
    mistakes = []
    title = _part(tables.get("title"), Text)
    if title:
        mistakes += [
            Mistake(file, f"title.{language}", "a name", '""')
            for language in ("en", "zh")
            if not getattr(title, language).strip()
        ]
    mistakes += _host_mistakes(tables.get("hosts"), file, folder)
    echo = _part(tables.get("echo"), EchoSettings)
    if echo:
        mistakes += _echo_mistakes(echo, file)
    frames = _part(tables.get("frames"), FrameSettings)
    if frames:
        mistakes += frame_mistakes(frames, file=file)
    windows = tables.get("maintenance")
    for position, item in enumerate(windows if isinstance(windows, list) else []):
        window = _part(item, MaintenanceWindow)
        if window:
            mistakes += _window_mistakes(window, f"maintenance.{position}", file)
    mistakes += _recurrence_mistakes(tables, file, folder)
    return mistakes


def _part(value: object, type_: type[T]) -> T | None:
    try:
        return msgspec.convert(value, type_, builtin_types=BUILTIN_TYPES, str_keys=True)
    except msgspec.ValidationError:
        return None


def _host_mistakes(value: object, file: str, folder: Path) -> list[Mistake]:
    if not isinstance(value, list):
        return []
    if not value:
        return [Mistake(file, "hosts", "at least one host", "an empty list")]
    mistakes = []
    hosts = [_part(item, HostEndpoint) for item in value]
    if all(host and host.role is not HostRole.PRIMARY for host in hosts):
        mistakes.append(Mistake(file, "hosts", 'one host with role = "primary"', "none"))
    for position, host in enumerate(hosts):
        key = f"hosts.{position}"
        if host and any(letter.isspace() or letter in "/@" for letter in host.address):
            wish = "a name or an IP address alone, without scheme, path or port"
            mistakes.append(Mistake(file, f"{key}.address", wish, shown(host.address)))
        if host and host.ca_file is not None and not _is_file(folder / host.ca_file):
            wish = "a PEM file that is there"
            mistakes.append(Mistake(file, f"{key}.ca_file", wish, shown(host.ca_file)))
    return mistakes


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _echo_mistakes(echo: EchoSettings, file: str) -> list[Mistake]:
    """Return where dialect, framing, TPDU, header and the test numbers do not fit together.

    Source:
        Q/CUP 009.1-2015 and public samples: UnionPay POS messages are packed digits behind a
        binary length, a TPDU of 5 bytes and an application header of 6 bytes; ASCII messages may
        have a header of characters (BASE24), packed ones of other dialects have none.
    """
    mistakes = []
    if echo.dialect is Dialect.UNIONPAY:
        if echo.framing not in _UNIONPAY_FRAMINGS:
            wish = "one of " + ", ".join(_UNIONPAY_FRAMINGS) + " for the dialect unionpay"
            mistakes.append(Mistake(file, "echo.framing", wish, shown(str(echo.framing))))
        if not echo.tpdu:
            wish = '10 hexadecimal digits such as "6000030000" for the dialect unionpay'
            mistakes.append(Mistake(file, "echo.tpdu", wish, "nothing"))
        if not _UNIONPAY_HEADER.fullmatch(echo.header):
            wish = '12 digits such as "602200000000" for the dialect unionpay'
            found = shown(echo.header) if echo.header else "nothing"
            mistakes.append(Mistake(file, "echo.header", wish, found))
    elif echo.header and echo.dialect.packed:
        wish = f"no application header for the dialect {echo.dialect}"
        mistakes.append(Mistake(file, "echo.header", wish, shown(echo.header)))
    mistakes += _encoding_mistakes(echo, file)
    if bool(echo.test_tid) != bool(echo.test_mid):
        key, other = ("mid", "tid") if echo.test_tid else ("tid", "mid")
        wish = f"a test number as well as echo.test_{other}, or neither"
        mistakes.append(Mistake(file, f"echo.test_{key}", wish, "nothing"))
    return mistakes


def _encoding_mistakes(echo: EchoSettings, file: str) -> list[Mistake]:
    mistakes = []
    if echo.raw_bitmap and echo.dialect.packed:
        wish = f"false: bitmaps of the dialect {echo.dialect} are always raw"
        mistakes.append(Mistake(file, "echo.raw_bitmap", wish, "true"))
    if echo.ebcdic and not (echo.dialect.packed and echo.dialect.family.startswith("iso")):
        wish = "false: text in EBCDIC goes with the dialects iso1987_bcd and iso1993_bcd"
        mistakes.append(Mistake(file, "echo.ebcdic", wish, "true"))
    if echo.nii and echo.dialect is not Dialect.HYPERCOM:
        wish = "nothing: the NII is a field of the dialect hypercom only"
        mistakes.append(Mistake(file, "echo.nii", wish, shown(echo.nii)))
    return mistakes


def _recurrence_mistakes(tables: Mapping[str, object], file: str, folder: Path) -> list[Mistake]:
    mistakes = []
    rules = tables.get("maintenance_rules")
    for position, item in enumerate(rules if isinstance(rules, list) else []):
        rule = _part(item, MaintenanceRule)
        wish = recurrence_mistake(rule) if rule else ""
        if wish:
            mistakes.append(Mistake(file, f"maintenance_rules.{position}", wish))
    calendar = tables.get("maintenance_calendar")
    names_file = isinstance(calendar, str) and calendar and not calendar.startswith("https://")
    if names_file and not _is_file(folder / str(calendar)):
        wish = "an iCalendar file that is there, or an address that begins with https://"
        mistakes.append(Mistake(file, "maintenance_calendar", wish, shown(calendar)))
    return mistakes


def _window_mistakes(window: MaintenanceWindow, key: str, file: str) -> list[Mistake]:
    if window.start < window.end:
        return []
    wish = f"a time after its start ({window.start.isoformat()})"
    return [Mistake(file, f"{key}.end", wish, window.end.isoformat())]


def without_placeholders(profile: AcquirerProfile) -> AcquirerProfile:
    """Return a profile without its placeholders: an empty address says "ask the acquirer".

    A made-up name that is not found, or a made-up terminal number that a host passes over in
    silence, would be taken for a finding.

    Args:
        profile: whose ``sources`` call placeholders so.
    """
    hosts, echo = profile.hosts, profile.echo
    if source_of(profile.sources, "hosts.address").startswith(PLACEHOLDER):
        hosts = [msgspec.structs.replace(host, address="") for host in hosts]
    if source_of(profile.sources, "echo.test_tid").startswith(PLACEHOLDER):
        echo = msgspec.structs.replace(echo, test_tid="", test_mid="")
    return msgspec.structs.replace(profile, hosts=hosts, echo=echo)


def raised_limits(
    profile: AcquirerProfile | TerminalProfile, tables: Mapping[str, object]
) -> list[Mistake]:
    """Return a mistake for each limit of politeness that a setting raises above the profile's.

    Args:
        profile: before the settings.
        tables: of the profile, with the settings in them.
    """
    wanted = tables.get("politeness")
    if not isinstance(profile, AcquirerProfile) or not isinstance(wanted, Mapping):
        return []
    limits = {
        "connects": profile.politeness.connects,
        "echoes": profile.politeness.echoes,
    }
    return [
        Mistake(
            "",
            f"politeness.{key}",
            f"at most {limit}, the profile's limit (it can be lowered, never raised)",
            str(wanted[key]),
        )
        for key, limit in limits.items()
        if isinstance(wanted.get(key), int) and wanted[key] > limit
    ]

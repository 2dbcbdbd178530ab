"""Reads a site file and merges it with profiles, settings, options and facts into a site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO, TypeVar

import msgspec

from posdiag.model.errors import InputError, Mistake, ProfileError, SiteError
from posdiag.model.observation import Value
from posdiag.model.site import (
    AcquirerProfile,
    CardCount,
    Complaint,
    ComplaintKind,
    ComplaintOutcome,
    Device,
    LaptopAt,
    NetworkSettings,
    Site,
    TerminalProfile,
)
from posdiag.site.facts import FactTable, check_facts, parse_facts
from posdiag.site.facts_file import read_facts
from posdiag.site.missing import missing_keys
from posdiag.site.profile_rules import PLACEHOLDER, rule_mistakes, source_of
from posdiag.site.profiles import anchored, load_acquirer, load_terminal, profile_folders
from posdiag.site.settings import (
    Setting,
    apply_settings,
    blame,
    file_settings,
    typed_settings,
    with_sources,
)
from posdiag.site.site_rules import site_mistakes, with_owners
from posdiag.site.toml_file import BUILTIN_TYPES, find_mistakes, parse_toml, read_text

P = TypeVar("P", TerminalProfile, AcquirerProfile)


class SiteKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a site file or a setting can say; merged it is :class:`posdiag.model.site.Site`.

    Attributes:
        terminal: profile id, or path of a ``.toml`` file, counted from the site file's folder.
        acquirer: likewise.
        facts: checked against the table of facts.
    """

    name: str = ""
    terminal: str | None = None
    acquirer: str | None = None
    laptop_at: LaptopAt = LaptopAt.UNKNOWN
    tid: str = ""
    mid: str = ""
    network: NetworkSettings = NetworkSettings()
    devices: list[Device] = []
    complaint: Complaint = Complaint()
    facts: dict[str, object] = {}
    cards: CardCount = 1
    simulated: bool = False


class SiteFile(SiteKeys, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A site file.

    Attributes:
        set: overrides by dotted key.
    """

    set: dict[str, object] = {}


def load_site(
    path: Path | None = None,
    *,
    terminal: str | None = None,
    acquirer: str | None = None,
    laptop_at: str | None = None,
    interface: str | None = None,
    settings: Sequence[str] = (),
    facts: Sequence[str] = (),
    facts_file: Path | None = None,
    complaint: str | None = None,
    profile_dirs: Sequence[Path] = (),
    stdin: TextIO | None = None,
    table: FactTable | None = None,
) -> Site:
    """Return the site that a file and options say; options go before the file.

    Args:
        path: of the site file; None: options alone.
        terminal: profile id or path.
        acquirer: likewise.
        laptop_at: where the laptop stands.
        interface: that the path probes are bound to.
        settings: ``key=value`` with dotted keys.
        facts: ``name=value``.
        facts_file: more facts, below ``facts`` and above the site file's; ``-`` is standard input.
        complaint: ``kind``, ``kind/outcome``, ``none`` (all is well) or ``unknown``.
        profile_dirs: looked at before the user's own and our profiles.
        stdin: standard input, for ``-``.
        table: of facts; None: our own.

    Raises:
        SiteError: with every mistake of the site file, the facts and the options.
        ProfileError: only profiles are wrong or not known.
    """
    merge = SiteMerge(profile_dirs=profile_dirs, table=table)
    if path is not None:
        merge.add_file(path)
    merge.add_texts(settings)
    merge.add_options(terminal, acquirer, laptop_at, interface, complaint)
    merge.add_facts(facts, facts_file, stdin)
    return merge.site()


class SiteMerge:
    """Collects what is said about a site and every mistake in it, then makes the site."""

    def __init__(
        self, *, profile_dirs: Sequence[Path] = (), table: FactTable | None = None
    ) -> None:
        """Start with nothing said.

        Args:
            profile_dirs: looked at first.
            table: of facts; None: our own.
        """
        self._table = table
        self._tables: dict[str, object] = {}
        self._file = ""
        self._folder: Path | None = None
        self._settings: list[Setting] = []
        self._facts: dict[str, Value] = {}
        self._mistakes: list[Mistake] = []
        self._profile_mistakes: list[Mistake] = []
        self._folders = profile_folders(profile_dirs)

    def add_file(self, path: Path) -> None:
        """Add a site file, with its ``[set]`` and its facts."""
        tables = parse_toml(read_text(path), file=str(path))
        self.add_tables(tables, file=str(path), folder=path.parent)

    def add_tables(self, tables: Mapping[str, object], *, file: str, folder: Path) -> None:
        """Add the tables of a site file.

        Args:
            tables: as TOML gives them.
            file: name in the messages.
            folder: that paths in it count from.
        """
        self._file, self._folder = file, folder
        self._mistakes += find_mistakes(tables, SiteFile, file=file)
        self._tables = {key: value for key, value in tables.items() if key != "set"}
        table = tables.get("set")
        if isinstance(table, Mapping):
            self._settings += file_settings(table, file=file)

    def add_texts(self, texts: Sequence[str]) -> None:
        """Add ``key=value`` as typed."""
        settings, mistakes = typed_settings(texts)
        self._settings += settings
        self._mistakes += mistakes

    def add(self, file: str, key: str, value: object) -> None:
        """Add one value; ``file`` is the option that says it."""
        self._settings.append(Setting(file=file, key=key, value=value))

    def add_options(
        self,
        terminal: str | None = None,
        acquirer: str | None = None,
        laptop_at: str | None = None,
        interface: str | None = None,
        complaint: str | None = None,
    ) -> None:
        """Add what single options say; None: not said. See :func:`load_site`."""
        for option, key, value in (
            ("--terminal", "terminal", terminal),
            ("--acquirer", "acquirer", acquirer),
            ("--at", "laptop_at", laptop_at),
            ("--interface", "network.interface", interface),
        ):
            if value is not None:
                self.add(option, key, value)
        if complaint is not None:
            self.add_complaint(complaint)

    def add_complaint(self, text: str) -> None:
        """Add the complaint as an option says it."""
        kind, _, outcome = text.partition("/")
        if text == "none":
            kind, outcome = ComplaintKind.SIGN_ON, ComplaintOutcome.NONE
        elif text == "unknown":
            kind, outcome = ComplaintKind.UNKNOWN, ComplaintOutcome.UNKNOWN
        self.add("--complaint", "complaint.kind", str(kind))
        self.add("--complaint", "complaint.outcome", outcome or str(ComplaintOutcome.FAILED))

    def add_facts(
        self, texts: Sequence[str], path: Path | None = None, stdin: TextIO | None = None
    ) -> None:
        """Add facts as typed, and a file of facts below them."""
        if path is not None:
            try:
                self._facts.update(read_facts(path, self._table, stdin=stdin))
            except SiteError as wrong:
                self._mistakes += wrong.mistakes
        facts, mistakes = parse_facts(texts, self._table)
        self._facts.update(facts)
        self._mistakes += mistakes

    def site(self) -> Site:
        """Return the merged site.

        Raises:
            InputError: as :func:`load_site`.
        """
        tables = self._site_tables()
        terminal = self._terminal(tables)
        acquirer = self._acquirer(tables)
        facts = self._all_facts(tables)
        self._mistakes += self._told(site_mistakes(tables, terminal, file=self._file))
        if self._mistakes:
            # A number in [set] is looked at twice: in the file, and where it is put.
            told = {str(mistake): mistake for mistake in [*self._mistakes, *self._profile_mistakes]}
            raise SiteError(list(told.values()))
        if self._profile_mistakes:
            raise ProfileError(self._profile_mistakes)
        tables["devices"] = with_owners(tables.get("devices", []))
        said = msgspec.convert(tables, SiteKeys, builtin_types=BUILTIN_TYPES, str_keys=True)
        site = Site(
            name=said.name,
            terminal=terminal,
            acquirer=acquirer,
            laptop_at=said.laptop_at,
            tid=said.tid,
            mid=said.mid,
            network=said.network,
            devices=[self._at_home(device) for device in said.devices],
            complaint=said.complaint,
            facts=facts,
            cards=said.cards,
            simulated=said.simulated,
        )
        return msgspec.structs.replace(site, missing=missing_keys(site))

    def _at_home(self, device: Device) -> Device:
        """Return a device with the files that it names counted from the site file's folder."""
        folder = self._folder or Path()
        files = {
            name: str((folder / path).absolute())
            for name in ("ca_file", "passphrase_file")
            if (path := getattr(device, name)) is not None
        }
        if device.protocol == "status_upload":
            files["port"] = str((folder / device.port).absolute())
        return msgspec.structs.replace(device, **files) if files else device

    def _site_tables(self) -> dict[str, object]:
        own = [setting for setting in self._settings if not self._of_profile(setting)]
        tables, mistakes = apply_settings(self._tables, own, SiteKeys)
        self._mistakes += mistakes
        return tables

    @staticmethod
    def _of_profile(setting: Setting) -> bool:
        path = setting.path
        return len(path) > 1 and path[0] in {"terminal", "acquirer"}

    def _said(self, key: str) -> list[Setting]:
        """Return the last setting that says a key of the site, if any."""
        first = key.partition(".")[0]
        own = [setting for setting in self._settings if not self._of_profile(setting)]
        return [setting for setting in own if setting.path[0] == first][-1:]

    def _told(self, mistakes: Sequence[Mistake]) -> list[Mistake]:
        """Return mistakes of the merged site, told of the setting that says the key, if any."""
        told = []
        for mistake in mistakes:
            place = f"{mistake.key}."
            said = [one for one in self._settings if place.startswith(f"{one.key}.")]
            told += blame([mistake], said) if said else [mistake]
        return told

    def _asked_by(self, key: str) -> tuple[str, str, Path | None]:
        """Return file, key and folder of what names a profile."""
        said = self._said(key)
        if not said:
            return self._file, key, self._folder
        inside = bool(said[0].prefix)
        shown_key = said[0].prefix + key if inside or said[0].file == "--set" else ""
        return said[0].file, shown_key, self._folder if inside else None

    def _terminal(self, tables: Mapping[str, object]) -> TerminalProfile | None:
        profile = self._found("terminal", tables, load_terminal)
        if profile is None:
            return None
        return self._overridden(profile, TerminalProfile, root="terminal")

    def _acquirer(self, tables: Mapping[str, object]) -> AcquirerProfile | None:
        profile = self._found("acquirer", tables, load_acquirer)
        if profile is None:
            return None
        # A simulated host is asked as the profile says, made-up terminal number and all.
        simulated = tables.get("simulated") is True
        base = profile if simulated else without_placeholders(profile)
        merged = self._overridden(base, AcquirerProfile, root="acquirer")
        return anchored(merged, self._folder or Path()) if merged else None

    def _found(self, root: str, tables: Mapping[str, object], load: Callable[..., P]) -> P | None:
        """Return the profile that the site names, None if it names none or a wrong one."""
        name = tables.get(root)
        if isinstance(name, str):
            file, key, folder = self._asked_by(root)
            try:
                return load(name, self._folders, base=folder, asked_by=(file, key))
            except InputError as wrong:
                self._profile_mistakes += wrong.mistakes
                return None
        wish = f"{root} = a profile, which this changes"
        self._mistakes += [
            Mistake(setting.file, setting.prefix + setting.key, wish, "none")
            for setting in self._profile_settings(root)
        ]
        return None

    def _profile_settings(self, root: str) -> list[Setting]:
        return [
            setting
            for setting in self._settings
            if self._of_profile(setting) and setting.path[0] == root
        ]

    def _overridden(self, profile: P, type_: type[P], *, root: str) -> P | None:
        settings = self._profile_settings(root)
        if not settings:
            return profile
        base = msgspec.to_builtins(profile, builtin_types=BUILTIN_TYPES)
        tables, mistakes = apply_settings(base, settings, type_, root=root)
        folder = self._folder or Path()
        rules = rule_mistakes(tables, file="", folder=folder)
        # A limit above the profile's is told so, also where it is above everybody's.
        raised = blame(_raised(profile, tables), settings, root=root)
        told = {mistake.key for mistake in raised}
        mistakes = raised + [mistake for mistake in mistakes if mistake.key not in told]
        mistakes += blame(rules, settings, root=root)
        if mistakes:
            self._mistakes += mistakes
            return None
        tables["sources"] = with_sources(profile.sources, settings)
        return msgspec.convert(tables, type_, builtin_types=BUILTIN_TYPES, str_keys=True)

    def _all_facts(self, tables: Mapping[str, object]) -> dict[str, Value]:
        values = tables.get("facts")
        if not isinstance(values, Mapping):
            return self._facts
        facts, mistakes = check_facts(values, self._table, file=self._file, prefix="facts.")
        self._mistakes += self._told(mistakes)
        return {**facts, **self._facts}


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


def _raised(
    profile: AcquirerProfile | TerminalProfile, tables: Mapping[str, object]
) -> list[Mistake]:
    """Return a mistake for each limit of politeness that a setting raises above the profile's."""
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

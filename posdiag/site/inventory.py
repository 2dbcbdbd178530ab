"""Takes one terminal out of an inventory, a table as spreadsheets write it, as a site."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from posdiag.model.errors import Mistake, SiteError
from posdiag.model.site import LinkClass, Site
from posdiag.site.journal import read_journal
from posdiag.site.schema_words import did_you_mean, shown
from posdiag.site.settings_export import read_settings
from posdiag.site.site_file import SiteMerge
from posdiag.site.toml_file import read_text

MAX_BYTES = 64 << 20
"""100,000 terminals take about 10 MiB."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "tid": ("终端号", "终端编号", "terminal id", "terminal_id"),
    "mid": ("商户号", "商户编号", "merchant id", "merchant_id"),
    "name": ("名称", "商户名称", "门店", "shop", "merchant"),
    "terminal": ("终端型号", "终端类型", "型号", "model"),
    "acquirer": ("收单机构", "收单行", "收单"),
    "laptop_at": ("接入位置", "at"),
    "host": ("主机", "主机地址", "address"),
    "port": ("端口", "主机端口"),
    "link": ("通讯方式", "接入方式", "link_class"),
    "gateway": ("网关",),
    "resolvers": ("dns", "域名服务器"),
}
"""Column -> other headings that mean it; case and blanks around do not count."""

_LINKS = {
    "有线": "eth",
    "以太网": "eth",
    "网线": "eth",
    "ethernet": "eth",
    "拨号": "dial",
    "电话": "dial",
    "无线": "wifi",
    "wi-fi": "wifi",
    "wlan": "wifi",
    "4g": "cell",
    "移动": "cell",
    "sim": "cell",
    "蓝牙": "bt",
    "bluetooth": "bt",
    "安卓": "android",
}
_FAMILY = {
    LinkClass.ETH: "generic_countertop_eth",
    LinkClass.DIAL: "generic_countertop_dial",
    LinkClass.WIFI: "generic_countertop_eth",
    LinkClass.CELL: "generic_portable_4g",
    LinkClass.BT: "generic_mpos_phone",
    LinkClass.ANDROID: "generic_android",
}
"""The family that a row without a terminal profile gets from its link."""

# Excel keeps leading zeros only in ="00001234".
_FORMULA = re.compile(r'^="(?P<text>.*)"$')


class InventoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an inventory, still unchecked.

    Attributes:
        line: of the file, the heading is 1.
        values: column of :data:`COLUMNS` -> text that is not empty.
    """

    line: int
    values: dict[str, str]

    @property
    def tid(self) -> str:
        """Return the terminal number, empty where the row has none."""
        return self.values.get("tid", "")


def read_inventory(path: Path) -> list[InventoryRow]:
    """Return the rows of an inventory; columns that are not known are passed over.

    Args:
        path: CSV with commas, semicolons or tabs, in UTF-8 or GB18030.

    Raises:
        SiteError: unreadable, no heading, no column of terminal numbers, or a column twice.
    """
    text = read_text(path, max_bytes=MAX_BYTES, encodings=("utf-8-sig", "gb18030"))
    try:
        return list(_rows(text, str(path)))
    except csv.Error as refusal:
        raise SiteError([Mistake(str(path), "", "a table (CSV or TSV)", str(refusal))]) from None


def _rows(text: str, file: str) -> Iterator[InventoryRow]:
    text = text.lstrip("\r\n")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = _columns(next(reader), file)
    for cells in reader:
        values = {
            column: _cell(cell)
            for column, cell in zip(columns, cells, strict=False)
            if column and _cell(cell)
        }
        if values:
            yield InventoryRow(line=reader.line_num, values=values)


def _cell(text: str) -> str:
    text = text.strip()
    formula = _FORMULA.match(text)
    return formula["text"].strip() if formula else text


def _columns(headings: Sequence[str], file: str) -> list[str]:
    meant = {name: column for column, names in COLUMNS.items() for name in (column, *names)}
    columns = [meant.get(heading.strip().lower(), "") for heading in headings]
    twice = {column for column in columns if column and columns.count(column) > 1}
    mistakes = [
        Mistake(file, column, "one column of that meaning", "two") for column in sorted(twice)
    ]
    if "tid" not in columns:
        found = ", ".join(heading.strip() for heading in headings)
        wish = "a column of terminal numbers, headed tid or 终端号"
        mistakes.append(Mistake(file, "tid", wish, f"the columns {shown(found)}"))
    if mistakes:
        raise SiteError(mistakes)
    return columns


def row_as_site(
    path: Path,
    tid: str,
    *,
    terminal: str | None = None,
    acquirer: str | None = None,
    laptop_at: str | None = None,
    interface: str | None = None,
    settings: Sequence[str] = (),
    facts: Sequence[str] = (),
    facts_file: Path | None = None,
    settings_file: Path | None = None,
    journal: Path | None = None,
    complaint: str | None = None,
    profile_dirs: Sequence[Path] = (),
    stdin: TextIO | None = None,
) -> Site:
    """Return the terminal of an inventory that has this number, as a site.

    Args:
        path: of the inventory.
        tid: terminal number, as text with its leading zeros.
        terminal: goes before the row, as do all options; they are those of ``load_site``.
        acquirer: likewise.
        laptop_at: likewise.
        interface: likewise.
        settings: likewise.
        facts: likewise.
        facts_file: likewise.
        settings_file: likewise.
        journal: likewise.
        complaint: likewise.
        profile_dirs: likewise.
        stdin: likewise.

    Raises:
        SiteError: no such number, or several rows with it, or a value of the row is wrong.
    """
    rows = read_inventory(path)
    found = [row for row in rows if row.tid == tid]
    file = str(path)
    if not found:
        raise SiteError([_no_such_tid(rows, tid, file)])
    if len(found) > 1:
        lines = ", ".join(str(row.line) for row in found)
        wish = f"one row with the terminal number {shown(tid)}"
        raise SiteError([Mistake(file, "tid", wish, f"lines {lines}")])
    merge = SiteMerge(profile_dirs=profile_dirs)
    add_row(merge, found[0], path)
    merge.add_texts(settings)
    merge.add_options(terminal, acquirer, laptop_at, interface, complaint)
    merge.add_read(journal, read_journal, stdin)
    merge.add_read(settings_file, read_settings, stdin)
    merge.add_facts(facts, facts_file, stdin)
    return merge.site()


def _no_such_tid(rows: Sequence[InventoryRow], tid: str, file: str) -> Mistake:
    wish = f"a row with the terminal number {shown(tid)}"
    cut = [row for row in rows if tid.isdecimal() and row.tid.zfill(len(tid)) == tid]
    if cut:
        lost = f"{shown(cut[0].tid)} in line {cut[0].line}: the spreadsheet dropped leading zeros"
        return Mistake(file, "tid", wish, lost)
    near = did_you_mean(tid, [row.tid for row in rows if row.tid])
    return Mistake(file, "tid", wish + near, f"{len(rows)} other rows")


def add_row(merge: SiteMerge, row: InventoryRow, path: Path) -> None:
    """Add one row to a site that is being merged.

    Args:
        merge: with nothing said yet.
        row: of the inventory.
        path: of the inventory; paths in it count from its folder.
    """
    values = row.values
    tables: dict[str, object] = {
        key: values[key] for key in ("tid", "mid", "name", "laptop_at") if key in values
    }
    for key in ("terminal", "acquirer"):
        if key in values:
            tables[key] = values[key]
    changes = _link(values, tables)
    if "host" in values:
        changes["acquirer.hosts.0.address"] = values["host"]
    if "port" in values:
        port = values["port"]
        changes["acquirer.hosts.0.port"] = int(port) if port.isdecimal() else port
    network: dict[str, object] = {}
    if "gateway" in values:
        network["gateway"] = values["gateway"]
    if "resolvers" in values:
        network["resolvers"] = re.split(r"[\s,;]+", values["resolvers"])
    if network:
        tables["network"] = network
    merge.add_tables(tables, file=f"{path}, line {row.line}", folder=path.parent)
    for key, value in changes.items():
        merge.add(f"{path}, line {row.line}", key, value)


def _link(values: Mapping[str, str], tables: dict[str, object]) -> dict[str, object]:
    """Return what the column ``link`` changes; a row without a terminal gets the link's family."""
    link = values.get("link", "").lower()
    if not link:
        return {}
    link = _LINKS.get(link, link)
    if "terminal" not in tables and link in set(LinkClass):
        tables["terminal"] = _FAMILY[LinkClass(link)]
    return {"terminal.link_class": link}

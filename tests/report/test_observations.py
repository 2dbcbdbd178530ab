"""The table of one probe, and the picture of a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from posdiag.model.report import Report
from posdiag.report.observations_table import observations_sheet
from posdiag.report.picture import sheet_svg
from posdiag.report.terminal import render
from posdiag.text.width import display_width

Sample = Callable[[str], Report]


def test_observations_of_a_probe(sample: Sample) -> None:
    shown = observations_sheet(sample("fault").outcomes, language="en").plain()
    assert (
        shown
        == """\
dns: 2 observations
   name_lookup.time    no answer in 5.0 s                           192.168.1.1
   gateway.round_trip  median 3 ms of 3 (2 ms to 9 ms)              192.168.1.1
   host_tls.*  not measured: an earlier step failed (no address)

printer: not run: no such device or address in the site

power: our own bug: ValueError
"""
    )
    chinese = observations_sheet(sample("fault").outcomes, language="zh").plain()
    assert "5.0 s 内无应答" in chinese
    assert all(display_width(line) < 80 for line in chinese.splitlines())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_picture_is_xml_with_every_word_at_its_column(sample: Sample, language: str) -> None:
    page = render(sample("fault"), language="zh" if language == "zh" else "en", verbose=1)
    picture = sheet_svg(page, title="posdiag demo <x>")
    root = ET.fromstring(picture)  # noqa: S314  (made above)
    texts = list(root.iter("{http://www.w3.org/2000/svg}text"))
    words = "".join(node.text or "" for node in texts[1:])
    assert words == "".join(page.plain().split())
    assert texts[0].text == "posdiag demo <x>"
    # It must show the same without a network.
    assert re.findall(r"https?://\S+?\"", picture) == ['http://www.w3.org/2000/svg"']
    right = max(
        float(node.attrib["x"]) + display_width(node.text or "") * 9.0 for node in texts[1:]
    )
    assert right <= float(root.attrib["width"])

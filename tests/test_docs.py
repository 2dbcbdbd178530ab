"""What the documents point at is there, and the pictures show what the program prints."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md"]
TITLES = {"docs/demo.svg": "en", "docs/demo.zh-CN.svg": "zh"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_document_links_to_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)\)", text)
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []


@pytest.mark.parametrize(("picture", "language"), TITLES.items())
def test_a_picture_shows_the_cause_by_its_title_of_today(picture: str, language: str) -> None:
    causes = tomllib.loads(
        (ROOT / "posdiag/knowledge/causes/network.toml").read_text(encoding="utf-8")
    )["cause"]
    title = next(one["title"][language] for one in causes if one["id"] == "net_dns_failure")
    root = ET.parse(ROOT / picture).getroot()  # noqa: S314  (our own)
    shown = "".join("".join(root.itertext()).split())
    assert title.replace(" ", "") in shown

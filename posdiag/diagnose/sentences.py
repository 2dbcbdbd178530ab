"""Fills the sentence of a level with what was read, in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from posdiag.model.observation import Observation
from posdiag.model.text import Text

_GAP = re.compile(r"\s*[(（]\s*[)）]|\s+(?=[,;:.)])|(?<=\()\s+")
_SPACES = re.compile(r" {2,}")
_UNITS: Mapping[str, str] = {"ratio": "%", "percent": "%", "count": "", "day": "", "port": ""}


class _Blank(dict[str, str]):
    """Names that were not read become nothing."""

    def __missing__(self, key: str) -> str:
        return ""


def amount(value: float, unit: str) -> str:
    """Return a number and its unit, short and the same in every language: ``12 ms``, ``30 %``.

    Args:
        value: in ``unit``.
        unit: of an observation; seconds below one are shown in milliseconds.
    """
    if unit == "s" and abs(value) < 1:
        milliseconds = value * 1000
        return f"{milliseconds:.0f} ms" if abs(milliseconds) >= 10 else f"{milliseconds:.1f} ms"
    if unit == "s":
        return f"{value:.1f} s" if abs(value) < 100 and value % 1 else f"{value:.0f} s"
    if unit == "ratio":
        value *= 100
    shown = _UNITS.get(unit, unit)
    number = f"{value:.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.1f}"
    return f"{number} {shown}".strip()


def sentence(
    template: Text,
    seen: Sequence[Observation],
    value: str,
    detail: str,
    meaning: Text | None = None,
) -> Text:
    """Return a level's sentence with ``{subject}``, ``{value}`` and ``{detail}`` filled in.

    Args:
        template: of the level.
        seen: the observations; subjects are named once each, in their order.
        value: as shown; empty where there is none.
        detail: of a failure, for people; empty where there is none.
        meaning: of the value, where it is a code; follows it in brackets.
    """
    subjects = dict.fromkeys(one.subject for one in seen if one.subject)
    parts = _Blank(subject=", ".join(subjects), value=value, detail=detail)
    english, chinese = _Blank(parts), _Blank(parts)
    if meaning is not None:
        english["value"] = f"{value} ({meaning.en})"
        chinese["value"] = f"{value}（{meaning.zh}）"
    return Text(en=_filled(template.en, english), zh=_filled(template.zh, chinese))


def _filled(template: str, parts: Mapping[str, str]) -> str:
    text = template.format_map(parts)
    return _SPACES.sub(" ", _GAP.sub("", text)).strip(" ,;:，；：、")

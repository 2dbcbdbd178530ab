"""What a terminal can say about itself, whatever protocol it says it in.

Each protocol's codec and each terminal profile translates into this closed list, so that knowledge
speaks of a terminal's printer once and not once per protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from posdiag.model.observation import Value


class Topic(NamedTuple):
    """Something that a terminal can speak of.

    Attributes:
        unit: of a number; empty for words and texts.
        words: the closed list of what it can say; empty: any text, or a number.
        meaning: in English, one line.
    """

    unit: str
    words: tuple[str, ...]
    meaning: str

    @property
    def is_number(self) -> bool:
        """Return whether it is a number."""
        return bool(self.unit)


class Saying(NamedTuple):
    """One thing that a terminal said.

    Attributes:
        topic: a key of ``TOPICS``.
        value: a word of the topic, a text, or a number in the topic's unit.
    """

    topic: str
    value: Value


TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "state": Topic(
            "",
            (
                "ready",
                "busy",
                "maintenance",
                "not_configured",
                "not_registered",
                "initialisation_needed",
                "diagnosis_needed",
                "settlement_needed",
                "activation_needed",
                "update_needed",
                "memory_full",
                "locked",
                "unreachable",
                "out_of_order",
            ),
            "what it says about itself as a whole",
        ),
        "printer": Topic(
            "",
            ("ok", "paper_low", "no_paper", "paper_jam", "cover_open", "not_ready", "out_of_order"),
            "its printer",
        ),
        "reader": Topic("", ("ok", "defective", "card_inserted"), "its card reader"),
        "pin_pad": Topic("", ("ok", "defective"), "its PIN pad"),
        "keyboard": Topic("", ("ok", "defective"), "its keyboard"),
        "display": Topic("", ("ok", "defective"), "its display"),
        "supply": Topic("", ("ok", "low"), "its supply voltage or battery, where it only says so"),
        "battery": Topic("ratio", (), "charge of its battery"),
        "line": Topic("", ("ok", "down"), "its own line or network"),
        "host": Topic("", ("reachable", "unreachable"), "whether it reaches its host"),
        "waits_for": Topic(
            "", ("dialling", "host", "operator"), "what it was waiting for when it hung"
        ),
        "keys": Topic("", ("ok", "missing", "tampered"), "its keys and secure module"),
        "clock": Topic("", ("ok", "wrong"), "its clock, where it says so itself"),
        "host_clock": Topic("", (), "date and time that its host gave it, YYMMDDhhmmss"),
        "card": Topic("", ("ok", "unreadable", "expired", "invalid"), "the card it was shown"),
        "unsent": Topic("count", (), "payments not yet sent to the host"),
        "code": Topic("", (), "result code of its protocol"),
        "text": Topic("", (), "what it displays or says in words"),
        "tid": Topic("", (), "its terminal number"),
        "software": Topic("", (), "model and version of its software"),
        "host_address": Topic("", (), "host that it is set to"),
        "host_port": Topic("", (), "port that it is set to"),
        "own_address": Topic("", (), "its own address"),
        "gateway": Topic("", (), "gateway that it uses"),
        "name_server": Topic("", (), "name server that it uses"),
        "phone": Topic("", (), "phone number that it dials"),
        "timer": Topic("s", (), "how long it waits for its host"),
        "attempts": Topic("count", (), "how often it tries"),
        "voltage": Topic("V", (), "its supply or battery voltage"),
    }
)


def is_sayable(topic: str, value: Value) -> bool:
    """Return whether a value is one that the topic can have."""
    known = TOPICS.get(topic)
    if known is None:
        return False
    if known.is_number:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str) and (not known.words or value in known.words)

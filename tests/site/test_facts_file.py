from __future__ import annotations

import io
from pathlib import Path

import pytest

from posdiag.model.errors import SiteError
from posdiag.site.facts import FactTable
from posdiag.site.facts_file import facts_of, read_facts

FACTS = {"screen": "通讯超时", "menu_timer": 60.0, "menu_mid": "00001", "prompt_left": True}


@pytest.mark.parametrize(
    "text",
    [
        "screen=通讯超时\nmenu_timer=60\n\n# seen at noon\nmenu_mid=00001\nprompt_left=yes\n",
        'screen = "通讯超时"  # typed\nmenu_timer = 60 # s\nmenu_mid = "00001"\nprompt_left = true',
        '[facts]\nscreen = "通讯超时"\nmenu_timer = 60\nmenu_mid = "00001"\nprompt_left = true\n',
        '{"screen": "通讯超时", "menu_timer": 60, "menu_mid": "00001", "prompt_left": true}',
        '{"screen": "通讯超时", "menu_timer": "60", "menu_mid": "00001", "prompt_left": "yes"}',
        'screen = """通讯超时"""\nmenu_timer = 60.0\nmenu_mid = "00001"\nprompt_left = true\n',
    ],
)
def test_the_form_is_told_from_the_text(text: str, facts: FactTable) -> None:
    assert facts_of(text, file="f", table=facts) == FACTS


def test_a_file_and_standard_input(tmp_path: Path, facts: FactTable) -> None:
    path = tmp_path / "facts.txt"
    path.write_text("menu_timer=60\n", encoding="utf-8")
    assert read_facts(path, facts) == {"menu_timer": 60.0}
    assert read_facts(Path("-"), facts, stdin=io.StringIO("menu_timer=60")) == {"menu_timer": 60.0}


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (None, "--facts: expected a file"),
        (io.StringIO(""), "standard input: expected facts"),
        (io.StringIO("x" * 2_000_000), "standard input: expected at most 1 MiB"),
        (io.TextIOWrapper(io.BytesIO(b"screen=\xff"), "utf-8"), "standard input: expected a text"),
        (io.StringIO("menu_timer=0"), "standard input, line 1: menu_timer: expected a number"),
    ],
)
def test_standard_input_that_holds_no_facts(
    stream: io.TextIOBase | None, message: str, facts: FactTable
) -> None:
    with pytest.raises(SiteError) as caught:
        read_facts(Path("-"), facts, stdin=stream)  # type: ignore[arg-type]
    assert message in str(caught.value)

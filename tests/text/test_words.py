"""Words in both languages, and the choice between them."""

from __future__ import annotations

import gettext
import subprocess
import sys
from pathlib import Path

import pytest

from posdiag.model.text import Text
from posdiag.text import words as words_module
from posdiag.text.catalogue import CHECKSUM_ID, compile_all, compile_catalogue
from posdiag.text.words import N_, Words, choose_language

CATALOGUE = Path(words_module.__file__).parent / "locale/zh_CN/LC_MESSAGES/posdiag.po"


def test_english_is_the_message_itself() -> None:
    words = Words("en")
    assert words("Next test") == "Next test"
    assert words("exit {code}", code=2) == "exit 2"
    assert words.plural("{n} observation", "{n} observations", 1) == "1 observation"
    assert words.plural("{n} observation", "{n} observations", 2) == "2 observations"
    assert N_("kept") == "kept"


def test_chinese_comes_from_the_catalogue() -> None:
    words = Words("zh")
    assert words("Next test") == "下一步"
    assert words("exit {code}", code=2) == "退出码 2"
    assert words.plural("{n} observation", "{n} observations", 1) == "1 条观测"
    assert words.of(Text(en="a", zh="甲")) == "甲"


def test_a_message_that_is_in_no_catalogue_stays_english_and_empty_stays_empty() -> None:
    words = Words("zh")
    assert words("no such message at all") == "no such message at all"
    # The empty message id is the header of a catalogue, which nobody wants to read.
    assert words("") == ""


def test_braces_without_values_are_kept() -> None:
    assert Words("en")("a {b} c") == "a {b} c"


@pytest.mark.parametrize(
    ("option", "environ", "expected"),
    [
        (None, {}, "en"),
        ("zh", {"LC_ALL": "en_US.UTF-8"}, "zh"),
        ("en", {"LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "zh_TW.Big5"}, "zh"),
        (None, {"LANG": "ZH_CN"}, "zh"),
        (None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LC_ALL": "", "LC_MESSAGES": "zh_CN", "LANG": "en_US"}, "zh"),
        (None, {"LANG": "fr_FR.UTF-8"}, "en"),
        (None, {"LANG": "C.UTF-8"}, "en"),
    ],
)
def test_the_language_of_a_run(option: str | None, environ: dict[str, str], expected: str) -> None:
    assert choose_language(option, environ) == expected


@pytest.fixture
def own_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of one message in a folder of its own, and nothing remembered of another."""
    source = tmp_path / "posdiag.po"
    source.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "a"\nmsgstr "甲"\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(words_module, "_CATALOGUES", {"zh": tmp_path})
    words_module._catalogue.cache_clear()
    monkeypatch.setattr(words_module, "_catalogue", words_module._catalogue.__wrapped__)
    return source


def test_a_source_tree_without_compiled_catalogue_compiles_in_memory(own_catalogue: Path) -> None:
    assert Words("zh")("a") == "甲"
    assert list(own_catalogue.parent.glob("*.mo")) == []


def test_a_compiled_catalogue_is_read_and_one_of_an_older_source_is_not(
    own_catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = own_catalogue.with_suffix(".mo")
    assert compile_all(own_catalogue.parent) == [compiled]

    def never(_source: Path) -> bytes:
        raise AssertionError("compiled again")

    with monkeypatch.context() as patched:
        patched.setattr("posdiag.text.catalogue.compile_catalogue", never)
        assert Words("zh")("a") == "甲"
    text = own_catalogue.read_text(encoding="utf-8").replace("甲", "乙")
    own_catalogue.write_text(text, encoding="utf-8")
    assert Words("zh")("a") == "乙"
    # An installation may leave the source out.
    own_catalogue.unlink()
    assert Words("zh")("a") == "甲"


def test_compiling_is_reproducible_and_refuses_what_is_no_catalogue(tmp_path: Path) -> None:
    first = compile_catalogue(CATALOGUE)
    assert first == compile_catalogue(CATALOGUE)
    target = tmp_path / "x.mo"
    target.write_bytes(first)
    with target.open("rb") as stream:
        assert gettext.GNUTranslations(stream).gettext(CHECKSUM_ID).isdigit()
    broken = tmp_path / "broken.po"
    broken.write_text("no catalogue\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.po, line 1"):
        compile_catalogue(broken)


def test_importing_words_loads_neither_babel_nor_rich() -> None:
    code = (
        "import sys; from posdiag.text.words import Words; Words('en')('a');"
        "print(sorted({'babel', 'rich', 'gettext'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert shown.stdout.strip() == "[]"

from __future__ import annotations

import datetime
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from posdiag.model.errors import InputError, ProfileError, SiteError
from posdiag.site.toml_file import MAX_BYTES, decode, find_mistakes, load, parse_toml, read_text


class Inner(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    port: int
    rates: list[float] = []


class Sample(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str = ""
    day: datetime.date | None = None
    inner: Inner | None = None
    anything: dict[str, object] = {}


def only_mistake(error: pytest.ExceptionInfo[InputError]) -> str:
    assert len(error.value.mistakes) == 1
    return str(error.value.mistakes[0])


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    # Windows' editors write a byte order mark and CRLF.
    path.write_bytes(b'\xef\xbb\xbfname = "x"\r\nday = 2026-11-24\r\n[inner]\r\nport = 1\r\n')

    sample = load(path, Sample)

    assert (sample.name, sample.day) == ("x", datetime.date(2026, 11, 24))
    assert sample.inner
    assert sample.inner.port == 1


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SiteError) as error:
        load(tmp_path / "nowhere.toml", Sample)
    assert only_mistake(error).endswith(
        "nowhere.toml: expected a file that is there, found no such file"
    )


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as error:
        load(tmp_path, Sample, error=ProfileError)
    assert only_mistake(error) == f"{tmp_path}: expected a file, found a folder"


def test_a_file_that_is_too_big(tmp_path: Path) -> None:
    path = tmp_path / "big.toml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SiteError) as error:
        load(path, Sample)
    assert "a file of at most 1 MiB" in only_mistake(error)


def test_a_name_that_no_system_takes() -> None:
    with pytest.raises(SiteError) as error:
        load(Path("a\0b.toml"), Sample)
    assert "expected a file that" in only_mistake(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="other system: no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.toml"
    os.mkfifo(path)
    with pytest.raises(SiteError) as error:
        load(path, Sample)
    assert "found a device or a pipe" in only_mistake(error)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that any user may look into; pytest's own is closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="other system: permissions are not modes")
def test_a_file_that_this_user_may_not_read(open_folder: Path) -> None:
    path = open_folder / "secret.toml"
    path.write_text('name = "x"\n', encoding="utf-8")
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # root reads everything
    try:
        with pytest.raises(SiteError) as error:
            load(path, Sample)
    finally:
        if root:
            os.seteuid(0)
    assert (
        only_mistake(error) == f"{path}: expected a file that can be read, found permission denied"
    )


def test_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes('# 1\n# 2\nname = "街角"\n'.encode("gb18030"))
    with pytest.raises(SiteError) as error:
        read_text(path)
    assert "found other bytes in line 3" in only_mistake(error)
    assert "街角" in read_text(path, encodings=("utf-8-sig", "gb18030"))


@pytest.mark.parametrize("text", ["v = " + "[" * 50_000, "v = " + "9" * 5_000, "v = \x00"])
def test_hostile_text_is_one_mistake(text: str) -> None:
    with pytest.raises(SiteError) as error:
        parse_toml(text, file="a.toml")
    assert only_mistake(error).startswith("a.toml")


def test_all_mistakes_are_named_in_the_order_of_the_file() -> None:
    tables = {
        "colour": "red",
        "day": "2026-11-24",
        "inner": {"port": True, "rates": [1, "x", float("nan")], "prt": 1},
        "name": None,
    }
    told = [mistake.key for mistake in find_mistakes(tables, Sample, file="a.toml")]
    assert told == [
        "inner.rates.2",
        "colour",
        "day",
        "inner.port",
        "inner.prt",
        "inner.rates.1",
        "name",
    ]


def test_what_msgspec_alone_refuses_is_told_too() -> None:
    class Even(msgspec.Struct):
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("an even number")

    (mistake,) = find_mistakes({"number": 3}, Even, file="a.toml")
    assert "even number" in str(mistake)


def test_a_number_that_is_not_finite_is_refused_where_anything_goes() -> None:
    with pytest.raises(SiteError) as error:
        decode({"anything": {"deep": [float("inf")]}}, Sample, file="a.toml")
    assert (
        only_mistake(error)
        == "a.toml: anything.deep.0: expected a number that is finite, found inf"
    )


def test_a_message_cannot_steer_the_console() -> None:
    (mistake,) = find_mistakes({"\x1b[2Jname\x9b": 1}, Sample, file="a.toml")
    assert "\x1b" not in str(mistake)
    assert "\x9b" not in str(mistake)


def test_a_long_value_is_cut() -> None:
    (mistake,) = find_mistakes({"inner": "x" * 5_000}, Sample, file="a.toml")
    assert len(str(mistake)) < 120


def test_reading_a_good_file_needs_no_jsonschema(tmp_path: Path) -> None:
    import subprocess

    path = tmp_path / "a.toml"
    path.write_text('name = "x"\n', encoding="utf-8")
    code = (
        "import sys, pathlib; from posdiag.site import load_site; "
        f"load_site(pathlib.Path({str(path)!r}), terminal='generic_android'); "
        "assert 'jsonschema' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], timeout=30
    )

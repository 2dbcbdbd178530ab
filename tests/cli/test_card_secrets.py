"""No card number and no track comes out of a run, whatever is shown, saved or crashes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from posdiag.simulate.card import CardFaults, SimulatedCard
from tests.cli.typed import ROOT
from tests.real_pcscd import READER, RealPcscd
from tests.wire.swipe_samples import PAN, SWIPES

NUMBERS = (PAN, "4761739001010010", "5413330089099999", "6200000000000000000")
# Numbers as tag 5A and 57 hold them, tracks as a reader sends them, the middle of a number, names.
SECRETS = tuple(
    secret.lower()
    for secret in (*NUMBERS, "4912101", "D4912", "0000000005", "39001010", "TEST/CARD")
)
SWIPE = SWIPES["good"].encode()
OTHERS = ["clock", "dns", "host", "interface", "path", "power", "printer", "serial"]
SKIPS = [word for name in OTHERS for word in ("--skip", name)]


class Left(NamedTuple):
    """All that a run left, as one text."""

    code: int
    text: str


def _run(folder: Path, *arguments: str, script: str = "") -> Left:
    state = folder / "state"
    start = f"import sys\nsys.argv = {['posdiag', *arguments]!r}\n"
    end = "\nfrom posdiag.__main__ import run\nrun()\n"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", start + script + end],
        input=SWIPE,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "POSDIAG_STATE_DIR": str(state), "PYTHONWARNINGS": "default"},
        check=False,
        timeout=50,
    )
    saved = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    parts = [done.stdout, done.stderr, *saved]
    return Left(done.returncode, b"\n".join(parts).decode("utf-8", "replace"))


def _clean(left: Left) -> None:
    found = [secret for secret in SECRETS if secret in left.text.lower()]
    assert found == []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    card = SimulatedCard(CardFaults(image="unionpay"))
    card.start()
    path = tmp_path / "site.toml"
    path.write_text(
        f'[[devices]]\nkind = "card_reader"\nport = "{card.path}"\n'
        '[[devices]]\nkind = "stripe_reader"\nport = "keyboard"\n',
        encoding="utf-8",
    )
    yield path
    card.stop()


def test_the_search_finds_what_it_looks_for() -> None:
    for told in (f"x{PAN}y", ";6200000000000005=4912101?", "B47617390010100100^TEST/CARD^"):
        with pytest.raises(AssertionError):
            _clean(Left(0, told))


@pytest.mark.parametrize("shown", [["-vv"], ["-vv", "--lang", "zh"], ["--json"]])
def test_a_run(shown: list[str], site: Path, tmp_path: Path) -> None:
    left = _run(tmp_path, "run", str(site), *SKIPS, *shown)
    assert left.code in (0, 1, 2, 3)
    assert "620000…0005" in left.text  # both were read, and the report was saved
    assert "stripe.state" in left.text
    assert (tmp_path / "state").exists()
    _clean(left)
    again = _run(tmp_path, "replay", "last", *shown)
    assert again.code == left.code
    _clean(again)


@pytest.mark.parametrize("probe", ["card", "stripe"])
def test_a_probe_alone(probe: str, site: Path, tmp_path: Path) -> None:
    left = _run(tmp_path, "probe", probe, str(site), "-vv")
    assert left.code == 0
    assert "620000…0005" in left.text
    _clean(left)


# The worst that a bug could do: raise in the middle of the card's data, with the data in its text,
# from where the number is a local variable of several frames.
CRASHES = {
    "card": "import posdiag.wire.pan as pan\n"
    "def check(number):\n    raise RuntimeError(f'cannot check {number}')\n"
    "pan.check_digit_ok = check\n",
    "track": "import posdiag.wire.tracks as tracks\n"
    "def number(piece):\n    raise RuntimeError(f'cannot read {tuple(piece)}')\n"
    "tracks._number = number\n",
    "bytes": "import posdiag.wire.tlv as tlv\n"
    "def parse(data):\n    raise ValueError(f'cannot take {data.hex()} apart')\n"
    "tlv.parse = parse\n",
}


@pytest.mark.parametrize("shown", [["-vv"], ["--json"]])
@pytest.mark.parametrize("name", CRASHES)
def test_a_crash(name: str, shown: list[str], site: Path, tmp_path: Path) -> None:
    left = _run(tmp_path, "run", str(site), *SKIPS, *shown, script=CRASHES[name])
    assert left.code in (0, 1, 2, 3)
    assert "RuntimeError" in left.text or "ValueError" in left.text
    assert "crashed" in left.text or "stopped on" in left.text
    _clean(left)


def test_a_crash_of_the_engine(site: Path, tmp_path: Path) -> None:
    script = (
        "import posdiag.engine.chain as chain\n"
        "def conclude(site, measurement, **more):\n"
        f"    raise RuntimeError(repr(measurement) + '{PAN}')\n"
        "chain.conclude = conclude\n"
    )
    left = _run(tmp_path, "run", str(site), *SKIPS, "-vv", script=script)
    assert left.code == 70
    assert "RuntimeError" in left.text
    _clean(left)


@pytest.mark.parametrize("script", ["", CRASHES["card"]], ids=["read", "crash"])
def test_a_run_with_the_real_service(script: str, reader: RealPcscd, tmp_path: Path) -> None:
    reader.insert("visa")
    left = _run(tmp_path, "run", "--cards", "1", "--swipe", *SKIPS, "-vv", script=script)
    assert ("476173…0010" in left.text) is not bool(script)
    assert left.code in (0, 1, 2, 3)
    _clean(left)


def test_a_reader_that_the_site_names(reader: RealPcscd, tmp_path: Path) -> None:
    reader.insert("expired")
    path = tmp_path / "site.toml"
    path.write_text(
        f'[[devices]]\nkind = "card_reader"\nport = "pcsc:{READER}"\npart = "terminal"\n',
        encoding="utf-8",
    )
    left = _run(tmp_path, "run", str(path), *SKIPS, "--complaint", "transaction")
    assert left.code == 2
    assert "card expired" in left.text
    _clean(left)

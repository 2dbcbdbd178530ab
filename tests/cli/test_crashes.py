"""A probe that raises costs its own findings only; an engine that raises is told as our bug."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdiag.cli.main import main
from tests.cli.typed import NO_PROBES, PROBES, alive, spawned, typed

RAISING_PROBE = """
import dataclasses, posdiag.probes
found = dict(posdiag.probes.discover())
def run(context):
    yield context.measured('laptop_clock.synchronised', True)
    raise RuntimeError('sixteen digits')
found['clock'] = dataclasses.replace(found['clock'], run=run)
posdiag.probes.discover = lambda: found
"""
RAISING_ENGINE = """
import posdiag.engine.chain
def measure(*arguments, **options):
    raise RuntimeError('6200000000000005')
posdiag.engine.chain.measure_in_steps = measure
"""
OTHERS = [word for probe in PROBES if probe != "clock" for word in ("--skip", probe)]


def test_a_probe_that_raises_does_not_stop_the_run() -> None:
    done = spawned("run", "--no-save", "--no-input", "--json", *OTHERS, script=RAISING_PROBE)
    assert done.code in (0, 1, 2, 3)
    report = done.document
    (clock,) = (one for one in report["outcomes"] if one["probe"] == "clock")
    assert clock["status"] == "crashed"
    assert clock["error"] == "RuntimeError"
    assert [seen["name"] for seen in clock["observations"]] == ["laptop_clock.synchronised"]
    assert "sixteen digits" not in done.out + done.err
    text = spawned("run", "--no-save", "--no-input", *OTHERS, script=RAISING_PROBE)
    assert text.code == done.code
    assert "clock stopped on RuntimeError" in text.out


def test_a_probe_alone_that_raises() -> None:
    done = spawned("probe", "clock", script=RAISING_PROBE)
    assert done.code == 70
    assert "laptop_clock.synchronised" in done.out


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_engine_that_raises(language: str) -> None:
    arguments = ["--lang", language, "run", "--no-save", *NO_PROBES]
    done = spawned(*arguments, script=RAISING_ENGINE)
    assert done.code == 70
    assert done.out == ""
    assert "RuntimeError" in done.err
    as_json = spawned(*arguments, "--json", script=RAISING_ENGINE)
    assert as_json.code == 70
    assert as_json.document["end"] == "error"
    assert as_json.document["error"] == "RuntimeError"
    assert "6200000000000005" not in done.err + as_json.out + as_json.err


def test_a_demo_whose_engine_raises_leaves_no_shop(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    note = f"""
def measure(*arguments, **options):
    import pathlib, psutil
    children = psutil.Process().children(recursive=True)
    pathlib.Path({str(pids)!r}).write_text(' '.join(str(child.pid) for child in children))
    raise RuntimeError
posdiag.engine.chain.measure_in_steps = measure
"""
    done = spawned("demo", "--json", script=RAISING_ENGINE + note)
    assert done.code == 70
    assert done.document["end"] == "error"
    children = [int(pid) for pid in pids.read_text(encoding="utf-8").split()]
    assert children
    assert alive(children) == []


def test_a_shop_that_does_not_start(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    done = typed(capfd, "demo", "--json")
    assert done.code == 74
    assert done.document["end"] == "error"


def test_a_scenario_file_that_is_wrong(capfd: pytest.CaptureFixture[str], tmp_path: object) -> None:
    path = f"{tmp_path}/mine.toml"
    done = typed(capfd, "demo", path, "--json")
    assert done.code == 65
    assert done.document["mistakes"][0]["file"] == path


def test_knowledge_that_is_wrong_is_our_bug(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from posdiag.model.errors import KnowledgeError

    def broken() -> object:
        raise KnowledgeError("causes/card.toml: card_expired: share")

    monkeypatch.setattr("posdiag.knowledge.load_knowledge", broken)
    assert main(["explain"]) == 70
    assert "causes/card.toml: card_expired: share" in capfd.readouterr().err

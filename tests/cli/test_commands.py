"""Every command once, in both languages, and what its JSON holds."""

from __future__ import annotations

import json
import os
import signal
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from posdiag.text.width import display_width
from tests.cli.typed import NO_PROBES, ROOT, Typed, alive, children_of, spawned, started, typed

SITE = ["--terminal", "generic_countertop_eth", "--acquirer", "unionpay_tls_public"]
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


@pytest.fixture(scope="module")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One demo with everything that it can write."""
    folder = tmp_path_factory.mktemp("demo")
    files = {name: folder / name for name in ("report.json", "demo.svg", "state")}
    done = spawned(
        "demo", "card_damaged", "--json", "--save", "--svg", str(files["demo.svg"]),
        POSDIAG_STATE_DIR=str(files["state"]),
    )  # fmt: skip
    assert done.code == done.document["exit_code"]
    files["report.json"].write_text(done.out, encoding="utf-8")
    return files


def test_demo_writes_one_document_a_saved_report_and_a_picture(
    demo_files: dict[str, Path],
) -> None:
    report = json.loads(demo_files["report.json"].read_text(encoding="utf-8"))
    assert report["end"] == "finished"
    assert report["site"]["simulated"] is True
    assert report["diagnoses"][0]["cause"] == "card_damaged"
    saved = Path(report["saved_to"])
    assert saved.parent == demo_files["state"] / "reports"
    if os.name == "posix":
        assert saved.stat().st_mode & 0o777 == 0o600
    root = ET.parse(demo_files["demo.svg"]).getroot()  # noqa: S314  (our own)
    assert "posdiag demo card_damaged" in "".join(root.itertext())


def test_a_picture_that_cannot_be_written_costs_no_verdict(tmp_path: Path) -> None:
    picture = tmp_path / "no folder" / "verdict.svg"
    done = spawned("demo", "healthy", "--json", "--svg", str(picture))
    assert done.code == 74
    assert json.loads(done.out)["state"] == "nothing_wrong"
    assert str(picture) in done.err


def test_replay_gives_the_same_members_byte_for_byte(
    capfd: pytest.CaptureFixture[str],
    demo_files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = demo_files["report.json"].read_text(encoding="utf-8")
    monkeypatch.setenv("POSDIAG_STATE_DIR", str(demo_files["state"]))
    for name in (str(demo_files["report.json"]), "last"):
        done = typed(capfd, "replay", name, "--json")
        assert done.code == done.document["exit_code"] == json.loads(before)["exit_code"]
        for member in ("diagnoses", "unknown", "next_test"):
            start = before.index(f'"{member}":')
            text = before[start : start + len(member_text(before, member))]
            assert text in done.out


def member_text(document: str, member: str) -> str:
    """Return a member of a document as it stands in it."""
    start = document.index(f'"{member}":') + len(member) + 3
    _, end = json.JSONDecoder().raw_decode(document, start)
    return document[start - len(member) - 3 : end]


@LANGUAGES
def test_replay_for_people(
    capfd: pytest.CaptureFixture[str], demo_files: dict[str, Path], language: str
) -> None:
    path = str(demo_files["report.json"])
    title = json.loads(Path(path).read_text(encoding="utf-8"))["diagnoses"][0]["title"]
    short = typed(capfd, "--lang", language, "replay", path)
    long = typed(capfd, "--lang", language, "replay", path, "-vv")
    assert short.code == long.code
    assert title[language] in short.out
    assert len(long.out) > len(short.out)
    assert max(display_width(line) for line in short.out.splitlines()) <= 80


@LANGUAGES
def test_demo_list(capfd: pytest.CaptureFixture[str], language: str) -> None:
    done = typed(capfd, "--lang", language, "demo", "--list")
    assert done.code == 0
    assert "net_dns_failure" in done.out
    assert ("name server" if language == "en" else "域名服务器") in done.out
    assert max(display_width(line) for line in done.out.splitlines()) <= 80


@LANGUAGES
def test_a_cold_start_with_nothing_says_what_to_do(
    capfd: pytest.CaptureFixture[str], language: str
) -> None:
    done = typed(capfd, "--lang", language, "run", "--no-save", *NO_PROBES)
    assert done.code == 3
    assert ("Next test" if language == "en" else "下一步") in done.out
    assert ("Would help" if language == "en" else "terminal：") in done.out


def test_a_cold_start_says_what_is_missing(capfd: pytest.CaptureFixture[str]) -> None:
    report = typed(capfd, "run", "--json", "--no-save", *NO_PROBES).document
    assert {"terminal", "acquirer", "laptop_at", "tid"} <= set(report["site"]["missing"])
    assert report["end"] == "finished"
    assert {outcome["reason"] for outcome in report["outcomes"]} == {"skipped"}


def test_facts_alone_move_the_ranking(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    facts = tmp_path / "facts.txt"
    facts.write_text("screen = 通讯超时\nseconds_to_error = 5\n", encoding="utf-8")
    argv = ["run", *SITE, "--json", "--no-save", *NO_PROBES]
    without = typed(capfd, *argv).document
    timer = ["--fact", "menu_timer=5", "--facts", str(facts)]
    told = typed(capfd, *argv, *timer).document
    assert [fact["name"] for fact in told["facts"]] == [
        "fact.screen", "fact.seconds_to_error", "fact.menu_timer",
    ]  # fmt: skip
    assert {fact["vantage"] for fact in told["facts"]} == {"operator"}
    assert told["diagnoses"] != without["diagnoses"]
    seen = [found for found in told["evidence"] if found["vantage"] == "operator"]
    assert seen


def test_a_run_is_saved_and_can_be_switched_off(capfd: pytest.CaptureFixture[str]) -> None:
    folder = Path(os.environ["POSDIAG_STATE_DIR"]) / "reports"
    argv = ["run", "--no-input", *NO_PROBES]
    assert typed(capfd, *argv, "--no-save").code == 3
    assert not folder.exists()
    done = typed(capfd, *argv)
    (path,) = folder.glob("*.json")
    assert "".join(str(path).split()) in "".join(done.out.split())
    assert typed(capfd, "replay", "last").code == 3


def test_a_folder_that_cannot_be_written_is_a_warning(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("", encoding="utf-8")
    monkeypatch.setenv("POSDIAG_STATE_DIR", str(blocked))
    done = typed(capfd, "run", "--no-input", *NO_PROBES)
    assert done.code == 3
    assert done.err.startswith("warning: ")
    assert len(done.err.splitlines()) == 1


@LANGUAGES
def test_plan_sends_nothing_and_says_what_would_be_sent(
    capfd: pytest.CaptureFixture[str], language: str
) -> None:
    host = '[{ address = "10.9.8.7", port = 9, tls = true }]'
    argv = [
        "--lang", language, "run", *SITE, "--plan", "--at", "same_lan",
        "--set", f"acquirer.hosts={host}", "--skip", "dns",
    ]  # fmt: skip
    done = typed(capfd, *argv)
    assert done.code == 0
    assert "10.9.8.7:9" in done.out
    lines = json.loads(typed(capfd, *argv, "--json").out)["plan"]
    by_name = {line["probe"]: line for line in lines}
    assert by_name["dns"]["left_out"] == "skipped"
    assert by_name["host"]["left_out"] == ""
    assert by_name["host"]["targets"]


def test_one_row_of_an_inventory(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table = tmp_path / "terminals.csv"
    table.write_text(
        "终端号,terminal,acquirer\n00001234,generic_countertop_eth,unionpay_tls_public\n",
        encoding="utf-8",
    )
    argv = ["run", "--inventory", str(table), "--json", "--no-save", *NO_PROBES]
    report = typed(capfd, *argv, "--id", "00001234", "--at", "same_lan").document
    assert report["site"]["terminal"] == "generic_countertop_eth"
    assert report["site"]["laptop_at"] == "same_lan"
    assert report["site"]["tid"] == "00…34"
    missing = typed(capfd, *argv, "--id", "1234")
    assert missing.code == 65
    assert missing.document["mistakes"][0]["key"] == "tid"


def test_complaint_and_interface(capfd: pytest.CaptureFixture[str]) -> None:
    argv = ["run", *SITE, "--json", "--no-save", *NO_PROBES]
    report = typed(capfd, *argv, "--complaint", "transaction").document
    assert report["complaint"] == {"kind": "transaction", "outcome": "failed", "hour": None}
    assert typed(capfd, *argv, "--complaint", "none").document["complaint"]["outcome"] == "none"
    lines = typed(capfd, "run", "--plan", "--json", "--interface", "lo").out
    assert json.loads(lines)["plan"]


@LANGUAGES
def test_probe_alone(capfd: pytest.CaptureFixture[str], language: str) -> None:
    done = typed(capfd, "--lang", language, "probe", "clock")
    assert done.code == 0
    assert "laptop_clock.time_utc" in done.out
    refused = typed(capfd, "--lang", language, "probe", "card")
    assert refused.code == 3
    assert ("not run" if language == "en" else "未") in refused.out


def test_probe_as_json_fits_its_schema(capfd: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(typed(capfd, "schema", "--measurement").out)
    found = json.loads(typed(capfd, "probe", "clock", "--json").out)
    assert list(Draft202012Validator(schema).iter_errors(found)) == []
    assert [outcome["probe"] for outcome in found["outcomes"]] == ["clock"]


@LANGUAGES
def test_explain(capfd: pytest.CaptureFixture[str], language: str) -> None:
    everything = typed(capfd, "--lang", language, "explain")
    assert everything.code == 0
    assert "net_dns_failure" in everything.out
    page = typed(capfd, "--lang", language, "explain", "net_dns_failure")
    assert page.code == 0
    assert ("Fixes" if language == "en" else "处理") in page.out
    message = typed(capfd, "--lang", language, "explain", "--message", "通讯超时")
    assert message.code == 0
    assert "通讯超时" in message.out
    unknown = typed(capfd, "--lang", language, "explain", "--message", "xyzzy plugh")
    assert unknown.code == 0
    assert "xyzzy plugh" in unknown.out


def test_explain_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(typed(capfd, "explain", "--json").out)
    assert len(listed) >= 30
    assert json.loads(typed(capfd, "explain", listed[0]["id"], "--json").out)["fixes"]
    found = json.loads(typed(capfd, "explain", "--message", "通讯超时", "--json").out)
    assert found["sure"]
    assert found["messages"][0]["id"] == "comm_timeout"
    unknown = json.loads(typed(capfd, "explain", "--message", "xyzzy plugh", "--json").out)
    assert unknown["messages"] == unknown["codes"] == []
    code = json.loads(typed(capfd, "explain", "--message", "99", "--json").out)
    assert [one["origin"] for one in code["codes"]] == ["terminal", "host"]


@LANGUAGES
def test_profiles(capfd: pytest.CaptureFixture[str], language: str) -> None:
    listed = typed(capfd, "--lang", language, "profile", "list")
    assert listed.code == 0
    for kind in ("terminals", "acquirers"):
        for path in (ROOT / "profiles" / kind).glob("*.toml"):
            assert path.stem in listed.out
            shown = typed(capfd, "--lang", language, "profile", "show", path.stem)
            assert shown.out == path.read_text(encoding="utf-8")
            checked = typed(capfd, "--lang", language, "profile", "check", str(path))
            assert checked.code == 0
            assert str(path) in checked.out
    shown = typed(capfd, "profile", "show", "generic_countertop_eth", "--json")
    assert json.loads(shown.out)["link_class"] == "eth"
    entries = json.loads(typed(capfd, "profile", "list", "--json").out)
    assert {entry["kind"] for entry in entries} == {"terminals", "acquirers"}


def test_several_wrong_profiles_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    folder = ROOT / "tests" / "data" / "invalid"
    files = [folder / "terminals/terminal_empty.toml", folder / "acquirers/neither_kind.toml"]
    done = typed(capfd, "profile", "check", *map(str, files), "--json")
    assert done.code == 65
    assert {mistake["file"] for mistake in done.document["mistakes"]} == set(map(str, files))


def test_profiles_of_the_users_own(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "terminals"
    folder.mkdir()
    text = (ROOT / "profiles/terminals/generic_countertop_eth.toml").read_text(encoding="utf-8")
    mine = text.replace("generic_countertop_eth", "my_terminal")
    (folder / "my_terminal.toml").write_text(mine, encoding="utf-8")
    (folder / "wrong.toml").write_text("link_class = 3\n", encoding="utf-8")
    listed = typed(capfd, "profile", "list", "--profile-dir", str(tmp_path))
    assert listed.code == 0
    assert "my_terminal" in listed.out
    assert "posdiag profile check" in listed.out
    argv = ["--terminal", "my_terminal", "--profile-dir", str(tmp_path), "--no-save", *NO_PROBES]
    assert typed(capfd, "run", *argv, "--json").document["site"]["terminal"] == "my_terminal"
    assert typed(capfd, "profile", "list", "--profile-dir", str(tmp_path / "no")).code == 65


@pytest.mark.parametrize(
    "option", ["--report", "--site", "--profile=terminal", "--profile=acquirer", "--measurement"]
)
def test_schemas_are_schemas(capfd: pytest.CaptureFixture[str], option: str) -> None:
    schema = json.loads(typed(capfd, "schema", option).out)
    Draft202012Validator.check_schema(schema)


def test_schema_of_a_report_holds_for_real_ones(
    capfd: pytest.CaptureFixture[str], demo_files: dict[str, Path]
) -> None:
    schema = json.loads(typed(capfd, "schema").out)
    report = json.loads(demo_files["report.json"].read_text(encoding="utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(report)) == []


@LANGUAGES
def test_tables(capfd: pytest.CaptureFixture[str], language: str) -> None:
    facts = tomllib.loads((ROOT / "posdiag/site/facts.toml").read_text(encoding="utf-8"))
    shown = typed(capfd, "--lang", language, "schema", "--facts")
    assert shown.code == 0
    for name, fact in facts.items():
        assert name in shown.out
        assert "".join(fact["question"][language].split()) in "".join(shown.out.split())
    assert set(json.loads(typed(capfd, "schema", "--facts", "--json").out)) == set(facts)
    seen = typed(capfd, "--lang", language, "schema", "--observations")
    assert "host_tcp.connect_time" in seen.out
    rows = json.loads(typed(capfd, "schema", "--observations", "--json").out)
    assert {row["probe"] for row in rows} >= {"host", "dns", "card"}
    knowledge = json.loads(typed(capfd, "schema", "--knowledge").out)
    assert len(knowledge["causes"]) >= 30


@LANGUAGES
def test_site_new_without_questions(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, language: str
) -> None:
    done = typed(capfd, "--lang", language, "site", "new", "-", "--no-input")
    assert done.code == 0
    path = tmp_path / "shop.toml"
    assert typed(capfd, "--lang", language, "site", "new", str(path), "--no-input").code == 0
    assert path.read_text(encoding="utf-8") == done.out
    # What is not filled in is a comment: the file can be run as it is, but says nothing yet.
    tomllib.loads(done.out)
    assert typed(capfd, "site", "new", str(tmp_path), "--no-input", "--force").code == 74


@pytest.mark.skipif(os.name != "posix", reason="other system: signals as on Unix")
@LANGUAGES
def test_simulate_leaves_a_shop_open_until_it_is_closed(
    capfd: pytest.CaptureFixture[str], language: str
) -> None:
    with started("--lang", language, "simulate", "card_damaged", "--no-pty") as shop:
        assert shop.stdout
        path = shop.stdout.readline().decode().strip()
        children = children_of(shop.pid)
        assert children
        done = run_on(capfd, path)
        shop.send_signal(signal.SIGINT)
        out, err = shop.communicate(timeout=20)
    assert shop.returncode == 0
    assert out == b""
    assert path.encode() in err
    assert done.document["diagnoses"][0]["cause"] == "card_damaged"
    assert alive(children) == []
    assert not Path(path).exists()


def run_on(capfd: pytest.CaptureFixture[str], site: str) -> Typed:
    skipped = [word for probe in ("path", "power", "host") for word in ("--skip", probe)]
    return typed(capfd, "run", site, "--json", "--no-save", *skipped)


def test_simulate_as_json() -> None:
    with started("simulate", "healthy", "--json", "--no-pty") as shop:
        assert shop.stdout
        line = b""
        while line.count(b"}") < 1:
            line += shop.stdout.readline()
        assert Path(json.loads(line)["site"]).is_file()
        children = children_of(shop.pid)
        shop.terminate()
        assert shop.wait(20) == (0 if os.name == "posix" else 1)
    assert alive(children) == []

"""Questions on a terminal: answered, skipped, answered wrongly, interrupted, and not asked."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from posdiag.model.site import LaptopAt
from posdiag.site import load_site
from tests.cli.typed import NO_PROBES, ROOT, command_line, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="other system: no pty")

RUN = ["run", "--terminal", "generic_countertop_eth", *NO_PROBES]


class Person:
    """Somebody at a terminal: reads what is shown and types lines."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.master = master
        self.screen = ""
        self.prompts = 0

    def read(self) -> None:
        """Take what is shown by now."""
        with contextlib.suppress(BlockingIOError, OSError):
            self.screen += os.read(self.master, 65536).decode("utf-8", "replace")

    def is_asked(self) -> bool:
        """Return whether one more prompt than before is there."""
        self.read()
        return self.screen.count("> ") > self.prompts

    def waits_for_a_question(self) -> None:
        """Wait for the next prompt; fail where the command ends without one."""

        def asked() -> bool:
            gone = self.process.poll() is not None
            if self.is_asked():
                return True
            assert not gone, self.screen
            return False

        until(asked, seconds=40)
        self.prompts += 1

    def answer(self, text: str) -> None:
        """Wait for the next prompt and type a line."""
        self.waits_for_a_question()
        self.type(text.encode() + b"\n")

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def skips_the_rest(self) -> int:
        """Press Enter at each further question and return the exit code."""

        def over() -> bool:
            if self.is_asked():
                self.prompts += 1
                self.type(b"\n")
            return self.process.poll() is not None

        until(over, seconds=40)
        return self.leaves()

    def leaves(self) -> int:
        """Wait until the command ends and return its exit code."""

        def ended() -> bool:
            self.read()
            return self.process.poll() is not None

        until(ended, seconds=40)
        self.read()
        return self.process.returncode


@contextlib.contextmanager
def at_a_terminal(*arguments: str, **environment: str) -> Iterator[Person]:
    """Start a command line on a terminal of its own."""
    master, slave = os.openpty()
    os.set_blocking(master, False)
    process = subprocess.Popen(
        command_line(*arguments),
        cwd=ROOT,
        # The terminal becomes its controlling one, so that Ctrl-C typed there arrives.
        preexec_fn=partial(os.login_tty, slave),  # noqa: PLW1509  (no threads of ours)
        pass_fds=[slave],
        env={**os.environ, "TERM": "dumb", **environment},
    )
    try:
        yield Person(process, master)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        os.close(master)
        with contextlib.suppress(OSError):
            os.close(slave)


def saved_report() -> dict[str, list[dict[str, object]]]:
    (path,) = (Path(os.environ["POSDIAG_STATE_DIR"]) / "reports").glob("*.json")
    found: dict[str, list[dict[str, object]]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def told(report: dict[str, list[dict[str, object]]]) -> list[object]:
    return [fact["name"] for fact in report["facts"]]


def test_at_most_three_questions_each_skipped() -> None:
    with at_a_terminal(*RUN) as person:
        assert person.skips_the_rest() == 3
    assert 1 <= person.screen.count("> ") <= 3
    assert told(saved_report()) == []


def test_a_wrong_answer_is_asked_once_more_and_a_right_one_is_evidence() -> None:
    with at_a_terminal(*RUN, "--fact", "screen=xyzzy") as person:
        person.answer("what do you mean?" * 30)
        person.answer("what do you mean?" * 30)
        assert person.skips_the_rest() in (1, 2, 3)
    assert len(re.findall("expected", person.screen)) == 2
    assert told(saved_report()) == ["fact.screen"]


def test_an_answer_moves_the_ranking() -> None:
    first = ask_first_question()
    with at_a_terminal(*RUN) as person:
        person.answer(first)
        person.skips_the_rest()
    report = saved_report()
    assert len(told(report)) == 1
    name = told(report)[0]
    assert any(
        name in weight["observations"]
        for diagnosis in report["diagnoses"]
        for weight in [*diagnosis["because"], *diagnosis["although"]]  # type: ignore[misc]
    )


def ask_first_question() -> str:
    """Return an answer that the first question takes."""
    done = subprocess.run(
        command_line(*RUN, "--json", "--no-save"),
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=50,
    )
    report = json.loads(done.stdout)
    from posdiag.site.facts import FactType, fact_table

    tests = [report["next_test"], *report["other_tests"]]
    fact = fact_table()[next(test["id"] for test in tests if test["kind"] == "fact")]
    answers = {
        FactType.YES_NO: "yes",
        FactType.NUMBER: "30",
        FactType.TEXT: "通讯超时",
        FactType.CHOICE: fact.choices[-1] if fact.choices else "",
    }
    return answers[fact.type]


@pytest.mark.parametrize("option", ["--no-input", "--json"])
def test_nobody_is_asked(option: str) -> None:
    with at_a_terminal(*RUN, option) as person:
        assert person.leaves() == 3
    assert "> " not in person.screen


def test_nobody_is_asked_without_a_terminal() -> None:
    done = subprocess.run(
        command_line(*RUN), cwd=ROOT, input=b"yes\n" * 3, capture_output=True, check=False
    )
    assert done.returncode == 3
    assert told(saved_report()) == []


def test_control_c_at_a_question_gives_the_verdict_so_far() -> None:
    with at_a_terminal(*RUN) as person:
        person.waits_for_a_question()
        person.process.send_signal(signal.SIGINT)
        assert person.leaves() == 130
    assert "exit 130" in person.screen
    assert str(saved_report()["end"]) == "interrupted"


def test_the_end_of_input_skips() -> None:
    with at_a_terminal(*RUN) as person:
        person.waits_for_a_question()
        person.type(b"\x04")
        assert person.skips_the_rest() == 3


def test_questions_in_chinese() -> None:
    with at_a_terminal(*RUN, "--lang", "zh") as person:
        person.skips_the_rest()
    assert "按回车可跳过" in person.screen


def test_a_new_site_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    with at_a_terminal("site", "new", str(path)) as person:
        for answer in (
            'Corner "shop"',
            "no_such_terminal",
            "generic_countertop_eth",
            "unionpay_tls_public",
            "pos.bank.test",
            "70000",
            "7003",
            "yes",
            "same_lan",
            "00001234",
            "",
            "192.0.2.1",
            "router",
            "192.0.2.1",
            "/dev/ttyUSB0",
        ):
            person.answer(answer)
        assert person.leaves() == 0
    site = load_site(path)
    assert site.name == 'Corner "shop"'
    assert site.terminal
    assert site.acquirer
    assert (site.tid, site.laptop_at) == ("00001234", LaptopAt.SAME_LAN)
    (host,) = site.acquirer.hosts
    assert (host.address, host.port, host.tls) == ("pos.bank.test", 7003, True)
    assert (site.network.gateway, site.network.resolvers) == ("192.0.2.1", ["192.0.2.1"])
    assert site.devices[0].port == "/dev/ttyUSB0"


def test_control_c_writes_no_site(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    with at_a_terminal("site", "new", str(path)) as person:
        person.waits_for_a_question()
        person.process.send_signal(signal.SIGINT)
        assert person.leaves() == 130
    assert not path.exists()


def ends_at(screen: str) -> str:
    """Return what a terminal shows after the last thing that was wiped from it."""
    return re.split(r"\x1b\[[0-9;]*[JK]", screen)[-1]


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({"TERM": "xterm-256color"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False),
     ({"TERM": "dumb"}, False)],
    ids=["colour", "NO_COLOR", "dumb"],
)  # fmt: skip
def test_colour_only_where_it_is_wanted(environment: dict[str, str], *, coloured: bool) -> None:
    with at_a_terminal(*RUN, "--no-input", "--no-save", **environment) as person:
        assert person.leaves() == 3
    assert ("\x1b[1" in ends_at(person.screen)) is coloured


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_table_lives_while_probes_run_and_control_c_is_the_runs_alone(language: str) -> None:
    argv = ["demo", "host_silent", "--budget", "60", "--lang", language]
    with at_a_terminal(*argv, TERM="xterm") as person:
        seen = {"en": "measuring", "zh": "检测中"}[language]

        def shows_table() -> bool:
            person.read()
            return seen in person.screen and "host" in person.screen

        until(shows_table, seconds=40)
        person.type(b"\x03")
        assert person.leaves() == 130
    assert {"en": "exit 130", "zh": "退出码 130"}[language] in person.screen
    # The cursor is shown again.
    assert person.screen.rfind("\x1b[?25h") > person.screen.rfind("\x1b[?25l")

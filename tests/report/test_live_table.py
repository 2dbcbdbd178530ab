"""The table of a running measurement: only on a terminal, from any thread."""

from __future__ import annotations

import io
import threading

from posdiag.report.live_table import LiveTable


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def shown(table: LiveTable) -> str:
    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=80).print(table.table())
    return stream.getvalue()


def test_what_a_row_says() -> None:
    clock = _Clock()
    table = LiveTable(
        ["dns", "path", "host"], budget_s=20.0, language="en", stream=io.StringIO(), clock=clock
    )
    table.started("dns")
    clock.now_s += 2.0
    table.observed("dns", "name_lookup.time")
    table.observed("dns", "name_lookup.other_time\x1b[2J")
    table.ended("dns", "completed")
    table.started("path")
    clock.now_s += 1.5
    table.ended("power", "crashed")
    lines = shown(table).splitlines()
    assert lines[0].strip() == "measuring: 16.5 s left"
    assert lines[1].split() == ["dns", "done", "2.0", "s", "2", "name_lookup.other_time[2J"]
    assert lines[2].split() == ["path", "running", "1.5", "s"]
    assert lines[3].split() == ["host", "waiting"]
    assert lines[4].split() == ["power", "our", "own", "bug"]
    clock.now_s += 1000
    assert "measuring: 0 s left" in shown(table)


def test_words_are_in_the_readers_language() -> None:
    table = LiveTable(["dns"], budget_s=20.0, language="zh", stream=io.StringIO())
    assert "等待中" in shown(table)
    assert "剩余" in shown(table)


def test_nothing_is_written_where_there_is_no_terminal() -> None:
    for stream, environ in ((io.StringIO(), {}), (_Terminal(), {"TERM": "dumb"})):
        with LiveTable(
            ["dns"], budget_s=5.0, language="en", stream=stream, environ=environ
        ) as table:
            table.started("dns")
            table.ended("dns", "completed")
        assert stream.getvalue() == ""


def test_a_terminal_gets_the_table_and_is_left_clean() -> None:
    stream = _Terminal()
    with LiveTable(
        ["dns"], budget_s=5.0, language="en", stream=stream, environ={"TERM": "xterm"}
    ) as table:
        table.started("dns")
        workers = [
            threading.Thread(target=table.observed, args=("dns", f"name.{number}"))
            for number in range(20)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(5)
        assert "20" in shown(table)
    assert "dns" in stream.getvalue()
    # The last thing that rich writes takes the table's line away and shows the cursor again.
    assert "\x1b[?25h" in stream.getvalue()
    table.ended("dns", "completed")

"""Standard output that cannot be written, and consoles that cannot show every sign."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.typed import NO_PROBES, ROOT, command_line, spawned, typed

RUN = ["run", "--no-save", "--no-input", *NO_PROBES]
KINDS = {
    "version": ["--version"],
    "help": ["--help"],
    "list json": ["demo", "--list", "--json"],
    "run": RUN,
    "run json": [*RUN, "--json"],
}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="other system: no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("arguments", KINDS.values(), ids=KINDS)
def test_a_full_disk(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            command_line(*arguments),
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=50,
        )
    assert done.returncode == 74, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="other system: pipes as on Unix")
@pytest.mark.parametrize("arguments", KINDS.values(), ids=KINDS)
def test_a_closed_pipe(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command_line(*arguments),
            cwd=ROOT,
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
            timeout=50,
        )
    finally:
        os.close(writer)
    assert done.returncode == 74, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="other system: a shell as on Unix")
def test_no_standard_output_at_all() -> None:
    line = f'exec "{sys.executable}" -m posdiag demo --list >&-'
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=ROOT, stderr=subprocess.PIPE, check=False, timeout=50
    )
    assert done.returncode == 74, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="other system: a shell as on Unix")
def test_no_standard_error_at_all() -> None:
    line = f'exec "{sys.executable}" -m posdiag run --budget soon 2>&-'
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=ROOT, stdout=subprocess.PIPE, check=False, timeout=50
    )
    assert done.returncode == 64


@pytest.mark.parametrize("encoding", ["ascii", "cp936"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_console_that_lacks_signs(encoding: str, language: str) -> None:
    for arguments in (RUN, ["explain", "net_dns_failure"]):
        done = spawned("--lang", language, *arguments, PYTHONIOENCODING=encoding)
        assert done.code in (0, 3)
        assert done.err == ""
        # Bytes that are no UTF-8 came through as surrogates: give them back as they were.
        raw = done.out.encode("utf-8", "surrogateescape")
        assert raw.decode(encoding)


def test_chinese_by_locale_only_where_it_can_be_read() -> None:
    assert "用法" in spawned("--help", PYTHONIOENCODING="utf-8", LC_ALL="zh_CN.UTF-8").out
    assert "Usage" in spawned("--help", PYTHONIOENCODING="ascii", LC_ALL="zh_CN.UTF-8").out


def test_a_refusal_on_a_console_that_lacks_signs() -> None:
    done = spawned("--lang", "zh", "run", "--budget", "很快", PYTHONIOENCODING="ascii")
    assert done.code == 64
    assert "--budget" in done.err


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_colour_where_nobody_looks(capfd: pytest.CaptureFixture[str], language: str) -> None:
    for arguments in (["--help"], ["explain"], ["run", "--no-save", *NO_PROBES]):
        done = typed(capfd, "--lang", language, *arguments)
        assert "\x1b" not in done.out + done.err

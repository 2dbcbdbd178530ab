"""A terminal family that nobody has heard of is one file in a folder: no code is touched."""

from __future__ import annotations

from pathlib import Path

from posdiag.engine.chain import run_chain
from posdiag.knowledge import load_knowledge
from posdiag.model.observation import Measured
from posdiag.probes import discover
from posdiag.simulate.frame_terminal import FrameFaults, SimulatedFrameTerminal
from posdiag.site import load_site
from posdiag.site.profiles import load_terminal

PROFILE = """
id = "acme_till"
link_class = "eth"
signon_needs_printer = "yes"
signon_needs_card = "no"

[title]
en = "Acme till terminal"
zh = "Acme 收银终端"

[frames]
kind = "stx_length_etx"
handshake = "ack"
ack_s = 1.0
answer_s = 2.0

[frames.checksum]
kind = "crc16"
poly = 0x8005
reflected = true
init = 0xFFFF
low_byte_first = true

[[frames.requests]]
name = "health"
send = "HEALTH?{tid}"
effect = "safe"
starts_with = "HEALTH="

[[frames.requests.reads]]
topic = "printer"
separator = ";"
prefix = "HEALTH=PR"
[frames.requests.reads.codes]
0 = "ok"
1 = "paper_low"
2 = "no_paper"

[[frames.requests.reads]]
topic = "battery"
separator = ";"
prefix = "BAT"
scale = 0.01

[[frames.requests]]
name = "test_slip"
send = "SLIP"
effect = "prints"
answer = "ack"

[sources]
link_class = "assumption: made up for a test"
signon_needs_printer = "assumption: made up for a test"
signon_needs_card = "assumption: made up for a test"
frames = "assumption: made up for a test"
"""


def test_status_is_read_and_the_printer_fault_is_diagnosed(tmp_path: Path) -> None:
    folder = tmp_path / "profiles" / "terminals"
    folder.mkdir(parents=True)
    (folder / "acme_till.toml").write_text(PROFILE, encoding="utf-8")
    frames = load_terminal("acme_till", [tmp_path / "profiles"]).frames
    assert frames is not None
    answers = {b"HEALTH?12345678": b"HEALTH=PR2;BAT71"}
    terminal = SimulatedFrameTerminal(frames, answers, FrameFaults(), pty=False)
    terminal.start()
    try:
        site_file = tmp_path / "site.toml"
        site_file.write_text(
            'terminal = "acme_till"\nlaptop_at = "same_lan"\ntid = "12345678"\nsimulated = true\n'
            f'[[devices]]\nkind = "terminal"\nprotocol = "frames"\nport = "{terminal.path}"\n',
            encoding="utf-8",
        )
        site = load_site(site_file, profile_dirs=[tmp_path / "profiles"])
        report = run_chain(
            site,
            probes={"terminal": discover()["terminal"]},
            knowledge=load_knowledge(),
            budget_s=10.0,
        )
    finally:
        terminal.stop()
    seen = {one.name: one.result for one in report.outcomes[0].observations}
    assert seen["terminal.printer"] == Measured("no_paper")
    assert seen["terminal.battery"] == Measured(0.71, "ratio")
    assert report.diagnoses[0].cause == "dev_paper_out"
    assert report.diagnoses[0].posterior > 0.5
    # What prints was neither asked for nor sent, and the plan said so.
    assert terminal.requests == [b"HEALTH?12345678"]
    (step,) = report.plan[0].steps
    assert (step.consent, step.allowed) == ("print", False)

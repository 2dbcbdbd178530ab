"""USB devices and ports on constructed trees: no real over-current was at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdiag.link.power_watch import LocalWatch
from posdiag.link.usb_power import (
    UsbDevice,
    enumerated_anew,
    grown_over_currents,
    node_of,
    usb_state,
)
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason


def _device(root: Path, place: str, number: int, ids: str = "0403:6001") -> Path:
    folder = root / place
    folder.mkdir(parents=True, exist_ok=True)
    vendor, product = ids.split(":")
    (folder / "devnum").write_text(f"{number}\n")
    (folder / "idVendor").write_text(f"{vendor}\n")
    (folder / "idProduct").write_text(f"{product}\n")
    return folder


def _port(root: Path, hub: str, port: int, count: int) -> None:
    folder = root / f"{hub}:1.0" / f"{hub}-port{port}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "over_current_count").write_text(f"{count}\n")


def test_what_is_plugged_in(tmp_path: Path) -> None:
    _device(tmp_path, "usb1", 1, "1d6b:0002")
    _device(tmp_path, "1-1", 5)
    _port(tmp_path, "1-0", 1, 0)
    _port(tmp_path, "1-0", 2, 3)
    (tmp_path / "1-9").mkdir()  # a device that is just going away
    state = usb_state(tmp_path)
    assert state.devices == {"1-1": UsbDevice(5, "0403:6001"), "usb1": UsbDevice(1, "1d6b:0002")}
    assert state.over_currents == {"1-0-port1": 0, "1-0-port2": 3}


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    with pytest.raises(CannotRun) as raised:
        usb_state(tmp_path / "none")
    assert raised.value.reason is NotRunReason.UNSUPPORTED


def test_enumerated_anew_and_cut_off(tmp_path: Path) -> None:
    folder = _device(tmp_path, "1-1", 5)
    _device(tmp_path, "1-2", 6, "067b:2303")
    _port(tmp_path, "1-0", 1, 2**32 - 1)
    before = usb_state(tmp_path)
    assert enumerated_anew(before, before) == []
    assert grown_over_currents(before, before) == {}
    _device(tmp_path, "1-2", 9, "067b:2303")
    for file in folder.iterdir():
        file.unlink()
    _port(tmp_path, "1-0", 1, 1)  # wrapped
    _port(tmp_path, "1-0", 7, 4)  # a port that was not there before says nothing
    now = usb_state(tmp_path)
    assert enumerated_anew(before, now) == ["0403:6001", "067b:2303"]
    assert grown_over_currents(before, now) == {"1-0-port1": 2}


def test_a_file_that_is_made_anew_has_another_node(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    assert node_of(str(port)) is None
    assert node_of("COM3\x00") is None
    port.touch()
    first = node_of(str(port))
    assert first == node_of(str(port))
    port.rename(tmp_path / "old")
    port.touch()
    assert first != node_of(str(port))


def _supplies(root: Path, *, online: bool) -> Path:
    folder = root / "AC"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "type").write_text("Mains\n")
    (folder / "online").write_text(f"{int(online)}\n")
    return root


def test_a_watch_counts_each_event_once(tmp_path: Path) -> None:
    usb, supplies = tmp_path / "usb", tmp_path / "supplies"
    _device(usb, "1-1", 5)
    _port(usb, "1-0", 1, 0)
    _supplies(supplies, online=True)
    port = tmp_path / "ttyUSB0"
    port.touch()
    watch = LocalWatch([str(port), "/dev/none"], usb=usb, supplies=supplies)
    watch.look()
    assert (watch.lost, watch.usb_lost, watch.over_currents) == ({str(port): 0}, {}, {})
    assert watch.mains_lost == 0
    port.rename(tmp_path / "old")
    _device(usb, "1-1", 6)
    _port(usb, "1-0", 1, 1)
    _supplies(supplies, online=False)
    watch.look()
    port.touch()
    watch.look()
    port.chmod(0o600)  # its rights, a moment later
    watch.look()
    assert watch.lost == {str(port): 1}
    assert watch.usb_lost == {"0403:6001": 1}
    assert watch.over_currents == {"1-0-port1": 1}
    assert watch.mains_lost == 1
    assert watch.looks == 5
    assert watch.longest_gap_s > 0


def test_a_watch_where_nothing_is_told(tmp_path: Path) -> None:
    watch = LocalWatch([], usb=tmp_path / "none", supplies=tmp_path / "none")
    watch.look()
    assert (watch.lost, watch.usb_lost, watch.over_currents, watch.mains_lost) == (
        {},
        None,
        None,
        None,
    )

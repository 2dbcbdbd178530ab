#!/usr/bin/env python3
"""Userspace WAN link emulator between two network namespaces (Linux, root, stdlib only).

    ns A  --[TUN wan0]-->  this process: queue, delay, loss, ...  --[TUN wan0]-->  ns B

Every IP packet that one namespace sends into its TUN device is read here, held or dropped
as the settings of its direction ("ab" or "ba") say, and written to the other TUN device.
No tc/netem is needed. From a test (see README.md beside this file):

    with LinkEmulator(delay_ms=40, jitter_ms=5, loss=0.01, seed=7) as wan:
        wan.popen("b", [sys.executable, "server.py"])
        wan.run("a", ["ping", "-c", "3", wan.ip_b])
        wan.set("ab", rate_kbit=512, buffer_bytes=65536)   # while it runs
        print(wan.stats()["ab"]["drop_queue"])

From a shell:  linkemu.py run --ns-a laptop --ns-b acquirer --control /tmp/wan.sock \
                   --set '{"delay_ms": 40}'
               linkemu.py ctl /tmp/wan.sock '{"set": {"loss": 0.05}, "dir": "ab"}'

Control protocol: one JSON object a line, one JSON line back ("ok" true or false), on stdin
(end of file ends the emulator) or on the --control unix socket:
    {"set": {SETTING: VALUE, ...}, "dir": "ab" | "ba" | "both"}    change some settings
    {"reset": true, "dir": ...}    all settings back to defaults   {"stats": true}   {"quit": true}

The namespaces it made, and every process left in them, are removed on exit, SIGTERM, SIGINT,
end of the calling process and after --max-seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import fcntl
import gc
import heapq
import itertools
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.testbed.linkmodel import Direction, Settings, dst_port, forge_rst

MAX_IN_FLIGHT = 100_000  # packets held at once, both directions; more are dropped (drop_queue)
ROOT = Path(__file__).parents[2]
_numbers = itertools.count()


def sh(*argv: str) -> str:
    """Run a command; its output. RuntimeError with its message if it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def open_tun(ns: str, ifname: str, mtu: int, addresses: Sequence[str]) -> int:
    """Make a TUN device, move it into namespace ns, bring it up; its file descriptor."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    temp = f"le{os.getpid()}n{next(_numbers)}"
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", temp.encode(), 0x1001))  # TUN | NO_PI
    sh("ip", "link", "set", temp, "netns", ns)
    sh("ip", "-n", ns, "link", "set", temp, "name", ifname, "mtu", str(mtu), "txqueuelen", "10000")
    sh("ip", "-n", ns, "link", "set", ifname, "up")
    for address in addresses:
        nodad = ["nodad"] if ":" in address else []
        sh("ip", "-n", ns, "addr", "add", address, "dev", ifname, *nodad)
    return fd


def sweep() -> None:
    """Remove namespaces named by LinkEmulator whose process was killed before it could."""
    for path in Path("/run/netns").glob("le*"):
        match = re.fullmatch(r"le(\d+)-\d+[ab]", path.name)
        if match and not Path("/proc", match[1]).exists():
            sh("ip", "netns", "del", path.name)


class Engine:
    """The emulator process: packet loop, control channels, set-up and clean-up."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.dirs = {name: Direction(name, args.seed) for name in ("ab", "ba")}
        self.made: list[str] = []  # namespaces to delete
        self.heap: list[tuple[float, int, str, bytes]] = []
        self.buffers: dict[int, bytes] = {}  # control descriptor -> unfinished line
        self.clients: dict[int, socket.socket] = {}
        self.seq, self.late_max, self.late_over_1ms, self.running = 0, 0.0, 0, True

    def set_up(self) -> None:
        a = self.args
        for ns in (a.ns_a, a.ns_b):
            if not Path("/run/netns", ns).exists():
                sh("ip", "netns", "add", ns)
                self.made.append(ns)
                sh("ip", "-n", ns, "link", "set", "lo", "up")
        fd_a = open_tun(a.ns_a, a.ifname, a.mtu, a.addr_a)
        fd_b = open_tun(a.ns_b, a.ifname, a.mtu, a.addr_b)
        self.into = {"ab": fd_a, "ba": fd_b}  # read from
        self.out = {"ab": fd_b, "ba": fd_a}  # written to
        for ns in [n for n, side in ((a.ns_a, "a"), (a.ns_b, "b")) if side in a.default_route]:
            for family in ("-4", "-6"):
                sh("ip", "-n", ns, family, "route", "add", "default", "dev", a.ifname)
        for prefix in a.anyip_b:
            sh("ip", "-n", a.ns_b, "route", "add", "local", prefix, "dev", "lo")
        reply = self.command({"set": json.loads(a.set)})
        if not reply["ok"]:
            raise ValueError(reply["error"])
        if a.control:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(a.control)
            self.listener.listen()
        else:
            self.buffers[0] = b""
        if not a.no_realtime:
            with contextlib.suppress(OSError):  # keep the timing on busy processors
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))

    def clean_up(self) -> None:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        for ns in self.made:
            for pid in sh("ip", "netns", "pids", ns).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            sh("ip", "netns", "del", ns)
        if self.args.control:
            Path(self.args.control).unlink(missing_ok=True)

    def command(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one control request; the reply."""
        try:
            which = request.get("dir", "both")
            names = ("ab", "ba") if which == "both" else (which,)
            changes = {}
            if request.get("reset"):
                changes = dataclasses.asdict(Settings())
            changes.update(request.get("set", {}))
            for name in names if changes else ():
                self.dirs[name].update(changes, time.monotonic())
            self.running = self.running and not request.get("quit")
            reply: dict[str, Any] = {"ok": True}
            if request.get("echoes"):
                reply |= {name: way.echoes for name, way in self.dirs.items()}
                reply["spans"] = {name: way.spans for name, way in self.dirs.items()}
            if request.get("stats"):
                for name, way in self.dirs.items():
                    reply[name] = dict(way.count) | {"settings": dataclasses.asdict(way.settings)}
                reply |= {"in_flight": len(self.heap), "late_ms_max": self.late_max * 1000}
                reply["late_over_1ms"] = self.late_over_1ms  # packets: > 0 means a loaded machine
            return reply
        except (TypeError, ValueError, KeyError, AttributeError) as err:
            return {"ok": False, "error": f"{type(err).__name__}: {err}"}

    def _control(self, fd: int) -> None:
        data = os.read(fd, 65536)
        *lines, self.buffers[fd] = (self.buffers[fd] + data).split(b"\n")
        for line in filter(None, lines):
            try:
                reply = self.command(json.loads(line))
            except ValueError as err:
                reply = {"ok": False, "error": f"not JSON: {err}"}
            os.write(fd or 1, json.dumps(reply).encode() + b"\n")
        if not data:
            del self.buffers[fd]
            if fd in self.clients:
                self.clients.pop(fd).close()
            else:
                self.running = False  # end of standard input

    def _push(self, name: str, pkt: bytes, now: float) -> None:
        if len(self.heap) >= MAX_IN_FLIGHT:
            self.dirs[name].count["drop_queue"] += 1
            return
        release = self.dirs[name].admit(pkt, now)
        if release is not None:
            self.seq += 1
            heapq.heappush(self.heap, (release, self.seq, name, pkt))

    def _release(self, name: str, pkt: bytes, late: float) -> None:
        way = self.dirs[name]
        self.late_max = max(self.late_max, late)
        self.late_over_1ms += late > 0.001
        if way.settings.ports and way.settings.ports.get(str(dst_port(pkt))) == "rst":
            way.count["drop_port"] += 1
            reset = forge_rst(pkt)
            if reset:
                self._push("ba" if name == "ab" else "ab", reset, time.monotonic())
            return
        try:
            os.write(self.out[name], pkt)
            way.count["tx"] += 1
            way.count["tx_bytes"] += len(pkt)
        except OSError:
            way.count["drop_write"] += 1

    def loop(self) -> None:
        """Move packets until told to stop. select() rather than epoll for its µs time-out."""
        gc.disable()  # no cycles are made here; a collection would delay packets
        clock, end = time.monotonic, time.monotonic() + self.args.max_seconds
        read_size = self.args.mtu + 64
        while self.running and clock() < end:
            wait = max(0.0, self.heap[0][0] - clock()) if self.heap else 0.5
            fds: list[Any] = [*self.into.values(), *self.buffers]
            if self.args.control:
                fds.append(self.listener)
            ready = select.select(fds, [], [], min(wait, 0.5))[0]
            for name, fd in self.into.items():
                for _ in range(32 if fd in ready else 0):
                    try:
                        pkt = os.read(fd, read_size)
                    except BlockingIOError:
                        break
                    self._push(name, pkt, clock())
            while self.heap and (late := clock() - self.heap[0][0]) >= 0:
                self._release(*heapq.heappop(self.heap)[2:], late)
            for fd in [fd for fd in ready if fd in self.buffers]:
                self._control(fd)
            if self.args.control and self.listener in ready:
                client = self.listener.accept()[0]
                self.clients[client.fileno()] = client
                self.buffers[client.fileno()] = b""

    def stop(self, *_: object) -> None:
        self.running = False


class LinkEmulator:
    """Run the emulator as a child process for the length of a `with` block.

    Keyword arguments that are fields of Settings apply to both directions at the start.
    A namespace that exists already is used and left in place (chain two links by naming the
    second link's ns_a after the first one's ns_b, with another ifname).
    """

    def __init__(
        self,
        ns_a: str | None = None,
        ns_b: str | None = None,
        *,
        addr_a: Sequence[str] = ("198.51.100.1/24", "2001:db8:51::1/64"),
        addr_b: Sequence[str] = ("198.51.100.2/24", "2001:db8:51::2/64"),
        anyip_b: Sequence[str] = (),
        default_route: str = "ab",
        ifname: str = "wan0",
        mtu: int = 1500,
        seed: int = 1,
        max_seconds: float = 3600,
        **settings: Any,
    ) -> None:
        tag = f"le{os.getpid()}-{next(_numbers)}"
        self.ns = {"a": ns_a or tag + "a", "b": ns_b or tag + "b"}
        self.ip_a, self.ip_b = addr_a[0].split("/")[0], addr_b[0].split("/")[0]
        self._argv = [sys.executable, "-m", "tests.testbed.linkemu", "run"]
        self._argv += [f"--ns-a={self.ns['a']}"]
        self._argv += [f"--ns-b={self.ns['b']}", f"--ifname={ifname}", f"--seed={seed}"]
        self._argv += [f"--mtu={mtu}", f"--default-route={default_route}"]
        self._argv += [f"--max-seconds={max_seconds}", f"--set={json.dumps(settings)}"]
        for flag, values in (("addr-a", addr_a), ("addr-b", addr_b), ("anyip-b", anyip_b)):
            self._argv += [f"--{flag}={value}" for value in values]
        self._children: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> LinkEmulator:
        sweep()
        pipe = subprocess.PIPE
        self._proc = subprocess.Popen(
            self._argv, stdin=pipe, stdout=pipe, text=True, bufsize=1, cwd=ROOT
        )
        try:
            self._reply()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
            child.wait()
        assert self._proc.stdin and self._proc.stdout
        self._proc.stdin.close()
        try:
            self._proc.wait(30)
        except subprocess.TimeoutExpired:
            self._proc.kill()
            raise
        finally:
            self._proc.stdout.close()

    def _reply(self) -> dict[str, Any]:
        assert self._proc.stdout
        readable = select.select([self._proc.stdout], [], [], 30)[0]
        line = self._proc.stdout.readline() if readable else ""
        reply: dict[str, Any] = json.loads(line or '{"ok": false, "error": "no answer"}')
        if not reply["ok"]:
            raise RuntimeError(f"link emulator: {reply['error']}")
        return reply

    def command(self, **request: Any) -> dict[str, Any]:
        """Send one control request, wait for and return the reply."""
        assert self._proc.stdin
        self._proc.stdin.write(json.dumps(request) + "\n")
        return self._reply()

    def set(self, dir: str = "both", /, **settings: Any) -> None:
        """Change settings (see Settings) of direction "ab", "ba" or "both"."""
        self.command(set=settings, dir=dir)

    def reset(self, dir: str = "both", /) -> None:
        """Back to a perfect link."""
        self.command(reset=True, dir=dir)

    def stats(self) -> dict[str, Any]:
        """Counters of each direction: rx, tx, *_bytes, drop_*; and late_ms_max, in_flight."""
        return self.command(stats=True)

    def echoes(self) -> dict[str, Any]:
        """Per direction: key of each ICMP echo packet that passed -> seconds it was delayed.

        And "spans", per direction: payload of a series of echoes -> all packets and all losses of
        the link before its first packet, and after its last.
        """
        return self.command(echoes=True)

    def argv(self, side: str, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` inside the namespace of side "a" or "b"."""
        return ["ip", "netns", "exec", self.ns[side], *command]

    def run(self, side: str, command: Sequence[str], **kw: Any) -> subprocess.CompletedProcess[str]:
        """subprocess.run in a namespace; text output captured unless kw says otherwise."""
        kw = {"text": True, "capture_output": True, "timeout": 120, "check": False} | kw
        return subprocess.run(self.argv(side, command), **kw)

    def popen(self, side: str, command: Sequence[str], **kw: Any) -> subprocess.Popen[Any]:
        """subprocess.Popen in a namespace; killed at the end of the `with` block."""
        self._children.append(subprocess.Popen(self.argv(side, command), **kw))
        return self._children[-1]


def main() -> int:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description="Emulate a WAN link between two namespaces.")
    commands = parser.add_subparsers(dest="command", required=True)
    ctl = commands.add_parser("ctl", help="send one JSON request to a running emulator")
    ctl.add_argument("socket")
    ctl.add_argument("request")
    run = commands.add_parser("run", help="run an emulator until SIGTERM or end of input")
    run.add_argument("--ns-a", required=True)
    run.add_argument("--ns-b", required=True)
    run.add_argument("--addr-a", action="append", default=[], help="ADDRESS/PREFIX, repeatable")
    run.add_argument("--addr-b", action="append", default=[], help="ADDRESS/PREFIX, repeatable")
    run.add_argument("--anyip-b", action="append", default=[], help="PREFIX that ns B answers for")
    run.add_argument("--default-route", default="ab", help="sides to get one: ab, a, b or ''")
    run.add_argument("--ifname", default="wan0", help="device name in both namespaces")
    run.add_argument("--mtu", type=int, default=1500, help="device MTU, bytes")
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--set", default="{}", metavar="JSON", help="settings, both directions")
    run.add_argument("--control", metavar="PATH", help="unix socket in place of standard input")
    run.add_argument("--max-seconds", type=float, default=3600.0)
    run.add_argument("--no-realtime", action="store_true", help="keep the normal priority")
    args = parser.parse_args()
    if args.command == "ctl":
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(args.socket)
            sock.sendall(args.request.encode() + b"\n")
            print(sock.makefile().readline().strip())
        return 0
    engine = Engine(args)
    signal.signal(signal.SIGTERM, engine.stop)
    signal.signal(signal.SIGINT, engine.stop)
    try:
        engine.set_up()
        print(json.dumps({"ok": True, "ready": True}), flush=True)
        engine.loop()
    except (RuntimeError, OSError, ValueError) as err:
        print(json.dumps({"ok": False, "error": str(err)}), flush=True)
        return 1
    finally:
        engine.clean_up()
    return 0


if __name__ == "__main__":
    sys.exit(main())

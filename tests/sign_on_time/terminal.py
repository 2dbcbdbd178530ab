"""A terminal that signs on again and again over a real socket, and prints how long each took.

It uses the kernel's own timers, no code of posdiag beyond the message itself, and gives up after
``most_s``: what is printed is then that limit.
"""

from __future__ import annotations

import json
import random
import socket
import ssl
import sys
import threading
import time
from typing import Any

_FRAME = 2


def sign_on(told: dict[str, Any], message: bytes) -> float:
    """Return the seconds of one sign-on, ``most_s`` where it took longer."""
    began_s, most_s = time.monotonic(), float(told["most_s"])

    def left_s() -> float:
        return max(0.001, began_s + most_s - time.monotonic())

    try:
        link: socket.socket = socket.create_connection((told["host"], told["port"]), left_s())
        with link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if told["tls"]:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                link.settimeout(left_s())
                link = context.wrap_socket(link)
            with link:
                link.settimeout(left_s())
                link.sendall(message)
                answer = b""
                while len(answer) < _FRAME or len(answer) < _FRAME + int.from_bytes(answer[:2]):
                    link.settimeout(left_s())
                    more = link.recv(4096)
                    if not more:
                        return most_s
                    answer += more
    except OSError:
        return most_s
    return min(most_s, time.monotonic() - began_s)


def main() -> None:
    """Sign on ``count`` times on each of ``side_by_side`` threads, with pauses between."""
    told = json.loads(sys.argv[1])
    message = bytes.fromhex(told["message"])
    durations: list[float] = []

    def work(seed: int) -> None:
        draw = random.Random(seed)
        time.sleep(draw.uniform(0, told["pause_s"]))
        for _ in range(told["count"]):
            durations.append(sign_on(told, message))
            time.sleep(draw.uniform(0, 2 * told["pause_s"]))

    threads = [
        threading.Thread(target=work, args=(told["seed"] * 1000 + number,))
        for number in range(told["side_by_side"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps(durations) + "\n")


if __name__ == "__main__":
    main()

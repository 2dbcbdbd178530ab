"""Another device of the shop that uploads as fast as the line takes it. Ends when it is killed."""

from __future__ import annotations

import socket
import sys


def main() -> None:
    """Upload to the address and port given."""
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20) as link:
        # The usual default; this machine's own (BBR) keeps buffers short.
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        link.settimeout(None)
        while True:
            link.sendall(bytes(65536))


if __name__ == "__main__":
    main()

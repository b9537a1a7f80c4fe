"""One connection of the guest, passed on to a port of this machine: `python relay.py PORT`.

QEMU starts one for each connection, with the guest at its standard input and output.
"""

from __future__ import annotations

import selectors
import socket
import sys

_AT_ONCE = 1 << 16


def main(port: int) -> None:
    guest = socket.socket(fileno=0)
    server = socket.create_connection(("127.0.0.1", port))
    selector = selectors.DefaultSelector()
    selector.register(guest, selectors.EVENT_READ, server)
    selector.register(server, selectors.EVENT_READ, guest)
    while selector.get_map():
        for key, _ in selector.select():
            source, target = key.fileobj, key.data
            assert isinstance(source, socket.socket)
            read = source.recv(_AT_ONCE)
            if read:
                target.sendall(read)
                continue
            selector.unregister(source)
            target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except OSError:
        sys.exit(1)  # one side is gone: so is the other

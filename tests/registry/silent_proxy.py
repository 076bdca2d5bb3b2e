"""A TCP proxy that can fall silent, as networks do: nothing closes, nothing comes.

Connections that have fallen silent still take what is sent, so that no time-out of TCP
ever ends them.
"""

import contextlib
import select
import socket
import threading


class SilentProxy:
    """Passes bytes between clients and a server until it is told to fall silent."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_mute = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silenced: set[socket.socket] = set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def silence(self) -> None:
        """Let every connection that there is fall silent for ever."""
        self._silenced.update(client for client, _ in self._pairs)

    def close(self) -> None:
        """Close every socket."""
        self._closed.set()
        self._thread.join()
        for each in (self._listener, *(side for pair in self._pairs for side in pair)):
            each.close()

    def _pass_on(self) -> None:
        while not self._closed.is_set():
            others = {a: b for pair in self._pairs for a, b in (pair, pair[::-1])}
            ready, _, _ = select.select([self._listener, *others], [], [], 0.02)
            for each in ready:
                if each is self._listener:
                    self._accept()
                else:
                    self._copy(each, others[each])

    def _accept(self) -> None:
        client = self._listener.accept()[0]
        self._pairs.append((client, socket.create_connection(self._server)))
        if self.is_mute:
            self._silenced.add(client)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = source.recv(65536)
        if not data:
            self._pairs = [pair for pair in self._pairs if source not in pair]
            source.close()
            target.close()
        elif source not in self._silenced and target not in self._silenced:
            target.sendall(data)

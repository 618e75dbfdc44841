"""A small TCP proxy that passes bytes on, hangs, or resets its connections."""

import contextlib
import socket
import struct
import threading


class Proxy:
    """Sits between the client and the emulator."""

    def __init__(self, target):
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._pairs = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self):
        """Pass nothing on, without closing anything."""
        self._open.clear()

    def resume(self):
        self._open.set()

    def reset(self):
        """Reset all connections."""
        pairs, self._pairs = self._pairs, []
        for one in pairs:
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self):
        self.resume()
        self._server.close()
        self.reset()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(self._target)
                self._pairs += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._open.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

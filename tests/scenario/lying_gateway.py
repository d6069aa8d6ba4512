# SPDX-License-Identifier: MIT
"""A gateway that lies: it answers /sources/NAME over TLS with what a test gives it, well-made or not."""
import json
import re
import socket
import ssl
import threading

from fleet import pki


def answer(body, status="200 OK", media="application/graphql-response+json", fields=""):
    body = body if isinstance(body, bytes) else body.encode()
    return (f"HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {len(body)}\r\n{fields}\r\n").encode() + body


class LyingGateway:
    """`lie` is called with the request's document, as an object, and returns the bytes to send; None: send nothing and
    keep the connection. /health is answered as by a healthy gateway."""

    def __init__(self, name):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*map(str, pki.certificate(name)))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lie, self.asked, self.stopping, self.held = None, 0, False, []
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.listener.close()
        for link in self.held:
            link.close()

    def serve(self):
        while not self.stopping:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(link,), daemon=True).start()

    def talk(self, link):
        link.settimeout(30)
        try:
            with self.context.wrap_socket(link, server_side=True) as tls:
                while self.one(tls):
                    pass
        except OSError:
            pass

    def one(self, tls):
        got = b""
        while b"\r\n\r\n" not in got:
            more = tls.recv(65536)
            if not more:
                return False
            got += more
        head, _, body = got.partition(b"\r\n\r\n")
        if head.startswith(b"GET"):
            tls.sendall(answer('{"status":"healthy"}', media="application/json"))
            return True
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        while len(body) < length:
            body += tls.recv(65536)
        self.asked += 1
        told = self.lie(json.loads(body))
        if told is None:
            self.held.append(tls)
            threading.Event().wait(15)
            return False
        tls.sendall(told)
        return b"connection: close" not in told and not told.endswith(b"!cut")

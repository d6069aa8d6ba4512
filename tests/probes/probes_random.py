# SPDX-License-Identifier: MIT
"""Random conversations: frames that are mostly well-formed, in any order, with windows that open and close and a
reader that stops and goes on. Bytes alone do not find what back-pressure and time find. PROBE_SEED and PROBE_SECONDS
in the environment repeat or lengthen a search."""
import os
import random
import select
import socket
import struct
import time

import h2frames as h2
from kit import check, probe

SEED = int(os.environ.get("PROBE_SEED", "1"))
SECONDS = float(os.environ.get("PROBE_SECONDS", "5"))
SIZES = (0, 1, 5, 100, 800, 3000, 9000, 16384, 17000, 60000, 200000)


class Talker:
    """One connection that says a random thing at each step."""

    def __init__(self, server, rng):
        self.rng = rng
        self.window = rng.choice((0, 1, 100, 800, 3000, 9000, 65535, 1 << 20, 0x7FFFFFFF))
        self.sock = server.connect(rcvbuf=rng.choice((None, 2048, 2048, 8192)))
        self.sock.setblocking(False)
        self.out = bytearray(h2.PREFACE + h2.settings((h2.S_INITIAL_WINDOW, self.window)))
        if rng.random() < 0.7:
            self.out += h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.u32(rng.choice((1, 1000, 0x7FFFFFFF - 65535))))
        self.next, self.open, self.uploads = 1, [], []
        self.reads = rng.random()
        self.dead = False
        self.steps = rng.randint(20, 400)

    def some_stream(self):
        return self.rng.choice(self.open[-20:]) if self.open and self.rng.random() < 0.95 else self.rng.randint(0, self.next + 4)

    def path(self):
        kind = self.rng.random()
        if kind < 0.6:
            return f"/big/{self.rng.choice(SIZES + (self.window,) * 6) if self.window < 300000 else self.rng.choice(SIZES)}"
        return "/" if kind < 0.7 else f"/slow/{self.rng.choice((0, 1, 5, 50, 3000))}" if kind < 0.95 else "/echo"

    def say(self):
        rng, kind = self.rng, self.rng.random()
        if kind < 0.40:
            stream, self.next = self.next, self.next + 2
            upload = rng.random() < 0.3
            flags = 4 | (0 if upload else 1)
            extra = h2.literal("content-length", str(rng.choice((0, 3, 100, 2000000)))) if rng.random() < 0.1 else b""
            data = h2.block(self.path(), rng.choice(("POST",) if upload else ("GET", "GET", "HEAD")), extra=extra)
            if rng.random() < 0.1:
                flags, data = flags | 0x20, struct.pack(">IB", rng.randint(0, self.next + 4), rng.randint(0, 255)) + data
            self.open.append(stream)
            if upload:
                self.uploads.append(stream)
            if rng.random() < 0.05:
                cut = rng.randint(0, len(data))
                return h2.frame(h2.HEADERS, flags & ~4, stream, data[:cut]) + h2.frame(h2.CONTINUATION, 4, stream, data[cut:])
            return h2.frame(h2.HEADERS, flags, stream, data)
        if kind < 0.55 and self.uploads:
            stream = rng.choice(self.uploads)
            last = rng.random() < 0.5
            if last:
                self.uploads.remove(stream)
                if rng.random() < 0.1:
                    return h2.frame(h2.HEADERS, 5, stream, h2.literal("x", "y"))
            return h2.frame(h2.DATA, 1 if last else 0, stream, b"d" * rng.choice((0, 1, 100, 16384)))
        if kind < 0.72:
            return h2.frame(h2.WINDOW_UPDATE, 0, self.some_stream() if rng.random() < 0.7 else 0,
                            h2.u32(rng.choice((1, 1, 1, 100, 800, 9000, 65535, 0x7FFFFFFF if rng.random() < 0.05 else 7))))
        if kind < 0.82:
            self.window = rng.choice((0, 1, 100, 800, 3000, 9000, 65535, self.window + 1, max(0, self.window - 1)))
            return h2.settings((h2.S_INITIAL_WINDOW, self.window))
        if kind < 0.88:
            return h2.frame(h2.RST_STREAM, 0, self.some_stream() or 1, h2.u32(8))
        if kind < 0.93:
            return h2.frame(h2.PRIORITY, 0, self.some_stream() or 1,
                            struct.pack(">IB", (self.some_stream() | (rng.choice((0, 1)) << 31)), rng.randint(0, 255)))
        if kind < 0.96:
            return h2.frame(h2.PING, 0, 0, b"12345678")
        if kind < 0.97:
            return h2.frame(0xFA, 0, self.some_stream(), b"?")
        if kind < 0.98:
            return h2.frame(h2.DATA, rng.choice((0, 1)), self.some_stream(), b"x")
        if kind < 0.985:
            return bytes(rng.randrange(256) for _ in range(rng.randint(1, 30)))
        return b""

    def step(self):
        """Returns False when the conversation is over."""
        rng = self.rng
        self.steps -= 1
        if rng.random() < 0.02:
            self.reads = rng.choice((0.0, 0.0, 0.2, 1.0))
        if len(self.out) < 60000:
            for _ in range(rng.randint(1, 12)):
                self.out += self.say()
        try:
            if self.out:
                n = rng.randint(1, len(self.out)) if rng.random() < 0.3 else len(self.out)
                del self.out[:self.sock.send(self.out[:n])]
        except BlockingIOError:
            pass
        except OSError:
            self.dead = True
        if rng.random() < self.reads:
            try:
                if self.sock.recv(rng.choice((1, 100, 2000, 65536))) == b"":
                    self.dead = True
            except BlockingIOError:
                pass
            except OSError:
                self.dead = True
        if self.dead or self.steps <= 0:
            if rng.random() < 0.3:
                # A reset in place of an orderly end.
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
            return False
        return True


@probe
def random_conversations(server):
    until, seed, talked = time.monotonic() + SECONDS, SEED * 1000000, 0
    while time.monotonic() < until:
        seed += 1
        rng = random.Random(seed)
        try:
            talkers = [Talker(server, rng) for _ in range(8)]
        except OSError:
            check(server.alive(), f"died before seed {seed}: {server.errors()[-1500:]}")
            raise
        while talkers:
            talkers = [t for t in talkers if t.step()]
            if rng.random() < 0.1:
                select.select([], [], [], 0.001)
        talked += 8
        check(server.alive(), f"died of seed {seed}: {server.errors()[-1500:]}")
    print(f"random_conversations: seed {SEED}, {talked} conversations")


random_conversations.options = ("--stall-ms", 2000)

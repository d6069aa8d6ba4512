# SPDX-License-Identifier: MIT
"""Beginning and end: the self-test, draining, the watchdog."""
import time

import h2frames as h2
from kit import check, probe, read_all


@probe
def drain_finishes_answers(server):
    """SIGTERM: GOAWAY and connection: close, no answer lost, status 0."""
    slow = server.http2(initial=h2.settings((h2.S_INITIAL_WINDOW, 0x7FFFFFFF)), rcvbuf=8192)
    slow.send(h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.u32(0x7FFFFFFF - 65535)), h2.request(1, "/big/3000000"))
    c = server.http2()
    c.send(h2.request(1, "/slow/1200"))
    idle = server.connect()
    idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    busy = server.connect()
    busy.sendall(b"GET /slow/1000 HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.3)
    server.terminate()
    time.sleep(0.1)
    check(server.alive(), "ended at once")
    # The listening socket is the parent's and stays; a connection waits in its queue for the next worker.
    late = server.connect()
    late.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    check(read_all(late, 0.3) == b"<open>", "new connections are served")
    late.close()
    out = read_all(busy, 3)
    check(b"slow" in out and b"Connection: close" in out, f"HTTP/1 in work: {out!r}")
    goaway, body = False, b""
    for f in c.frames(4):
        goaway = goaway or f.kind == h2.GOAWAY
        body += f.payload if f.kind == h2.DATA else b""
    check(goaway and body == b"slow\n", f"HTTP/2 in work: goaway={goaway} body={body!r}")
    got, ended = 0, False
    for f in slow.frames(6):
        if f.kind == h2.DATA:
            got += len(f.payload)
            ended = ended or bool(f.flags & 1)
    check(got == 3000000 and ended, f"a large answer: {got} bytes, ended={ended}")
    check(server.wait(4) == 0, f"status {server.process.returncode}")
    check(read_all(idle, 1).endswith(b"hello\n"), "an idle connection")


drain_finishes_answers.ends = True


@probe
def drain_has_an_end(server):
    """A request that never ends is cut at the deadline, and its work told."""
    c = server.http2()
    c.send(h2.request(1, "/slow/60000"))
    s = server.connect()
    s.sendall(b"GET /slow/60000 HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.2)
    server.terminate()
    check(server.wait(4) == 0, f"status {server.process.returncode}")


drain_has_an_end.ends = True
drain_has_an_end.options = ("--drain-ms", 600)


@probe
def drain_of_a_hung_loop(server):
    """When the loop itself hangs, another thread ends the process."""
    c = server.http2()
    c.send(h2.request(1, "/slow/60000"))
    s = server.connect()
    s.sendall(b"GET /slow/60000 HTTP/1.1\r\nHost: a\r\n\r\n")
    c.send(h2.request(3))
    check(c.answer(3)[1] == b"hello\n", "no answer")
    server.terminate()
    time.sleep(0.1)
    c.try_send(h2.request(5, "/hang"))
    check(server.wait(5) == 1, f"status {server.process.returncode}")


drain_of_a_hung_loop.ends = True
drain_of_a_hung_loop.status = 1
drain_of_a_hung_loop.options = ("--drain-ms", 500)


@probe
def guard_absent(server):
    """Hooks that the library does not call are noticed at the start, and HTTP/2 is not spoken."""
    check(server.guard == "absent", "the self-test passed without hooks")
    check("HTTP/2 is refused" in server.errors(), "not logged")
    out = server.http1(h2.PREFACE + h2.settings() + h2.request(1), 1.5)
    check(b" 400 " in out or out == b"", f"HTTP/2 is spoken: {out!r}")
    s = server.connect("tls", alpn=("h2", "http/1.1"))
    check(s.selected_alpn_protocol() == "http/1.1", "h2 is offered")


guard_absent.unguarded = True
guard_absent.tls = True

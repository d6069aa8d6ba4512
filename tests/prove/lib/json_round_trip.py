#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that JSON passes through us unchanged: random documents, written with every escape and white space that the RFC
allows, are read, written again from what was read, and read by Python: the same value, each number digit by digit. What
we wrote is then read and written once more and must be the same bytes. One in eight documents is broken in one place:
both refuse it, or both read the same.

  ./dev prove json [--tool PATH] [--seed N] [--size N]

--size is the number of documents (1,000,000). The last line is `json: ok …` or `json: FAILED …`."""
import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BATCH = 500
SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 47: "\\/", 92: "\\\\"}
SPACES = ["", "", "", "", " ", "\n", "\t", "\r\n", "   "]
CLASSES = [(0x20, 0x7E), (0x20, 0x7E), (0x61, 0x7A), (0, 0x1F), (0x7F, 0xFF), (0x100, 0xD7FF), (0xE000, 0xFFFF),
           (0x2028, 0x2029), (0x10000, 0x10FFFF)]


class Number(str):
    """A number as it is written."""


class Strict(Exception):
    pass


# ---- documents ----

class Maker:
    def __init__(self, chance):
        self.c = chance

    def space(self):
        return self.c.choice(SPACES)

    def text(self):
        low, high = self.c.choice(CLASSES)
        n = int(self.c.expovariate(0.2)) if self.c.random() < 0.98 else self.c.randrange(300)
        ends = self.c.randrange(n + 1)   # plain from here on
        return "".join(map(chr, self.c.choices(range(low, high + 1), k=ends) + self.c.choices(range(0x20, 0x7F), k=n - ends)))

    def written(self, text):
        """A string with this value, each character in one of the forms that it has."""
        out, escapes = ['"'], self.c.choice((0, 0, 0, 0.1, 1))
        if not escapes and text.isprintable() and '"' not in text and "\\" not in text:
            return f'"{text}"'
        for ch in text:
            code = ord(ch)
            if code >= 0x20 and ch not in '"\\' and self.c.random() >= escapes:
                out.append(ch)
            elif code in SHORT and self.c.random() < 0.6:
                out.append(SHORT[code])
            else:
                units = [code] if code < 0x10000 else [0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF)]
                out += (f"\\u{unit:04{self.c.choice('xX')}}" for unit in units)
        out.append('"')
        return "".join(out)

    def number(self):
        c = self.c
        digits = lambda n: "".join(c.choices("0123456789", k=n))   # noqa: E731
        size = c.choice((1, 1, 2, 5, 10, 16, 17, 19, 20, 40))
        whole = c.choice("123456789") + digits(size - 1) if c.random() < 0.85 else "0"
        tail = "." + digits(c.choice((1, 2, 17, 30))) if c.random() < 0.4 else ""
        power = c.choice("eE") + c.choice(("", "+", "-")) + digits(c.choice((1, 2, 3))) if c.random() < 0.3 else ""
        return Number(c.choice(("", "", "-")) + whole + tail + power)

    def value(self, depth):
        """(the value, how it is written)"""
        c, kind = self.c, self.c.random()
        if depth == 0 or kind < 0.55:
            pick = c.randrange(6)
            if pick < 2:
                text = self.text()
                return text, self.written(text)
            if pick < 4:
                number = self.number()
                return number, number
            return c.choice(((None, "null"), (True, "true"), (False, "false")))
        n = int(c.expovariate(0.5)) if c.random() < 0.99 else c.randrange(60)
        if kind < 0.78:
            items = [self.value(depth - 1) for _ in range(n)]
            return [v for v, _ in items], "[" + (",".join(self.space() + t + self.space() for _, t in items) or self.space()) + "]"
        members = {self.text(): self.value(depth - 1) for _ in range(n)}
        inside = ",".join(f"{self.space()}{self.written(key)}{self.space()}:{self.space()}{text}{self.space()}"
                          for key, (_, text) in members.items())
        return {key: v for key, (v, _) in members.items()}, "{" + (inside or self.space()) + "}"

    def document(self):
        value, text = self.value(self.c.choice((0, 1, 1, 2, 3, 5)))
        text = self.space() + text + self.space()
        return value, text.encode()

    def broken(self, data):
        """One byte less, more, or another."""
        at = self.c.randrange(len(data))
        byte = bytes([self.c.choice(b'"\\,:[]{}0-.eE+tfn u\x00\x1f\x80\xc3\xed\xf4\xff') if self.c.random() < 0.8 else self.c.randrange(256)])
        return self.c.choice((data[:at] + data[at + 1:], data[:at] + byte + data[at:], data[:at] + byte + data[at + 1:], data[:at]))


# ---- Python's reading, as strict as the RFC and we are ----

def refuse(*_):
    raise Strict


def members(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Strict   # twice the same key
    return found


def read(data):
    """The value; Strict where it is none."""
    try:
        value = json.loads(data.decode("utf-8"), parse_float=Number, parse_int=Number, parse_constant=refuse, object_pairs_hook=members)
        json.dumps(value, ensure_ascii=False).encode("utf-8")   # a lone half of a surrogate pair has no UTF-8
        return value
    except (ValueError, UnicodeError) as problem:
        raise Strict from problem


def same(x, y):
    """Number("1") and "1" are equal to Python and not to us."""
    if type(x) is not type(y):
        return False
    if isinstance(x, list):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, dict):
        return list(x) == list(y) and all(same(x[key], y[key]) for key in x)
    return x == y


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, documents):
        data = b"".join(b"%d\n%s" % (len(text), text) for text in documents)
        feeder = threading.Thread(target=lambda: (self.process.stdin.write(data), self.process.stdin.flush()))
        feeder.start()
        answers = [self.process.stdout.readline() for _ in documents]
        feeder.join()
        if not answers[-1].endswith(b"\n"):
            sys.exit(f"json: FAILED, the tool ended with {self.process.wait()}")
        return [answer[:-1] for answer in answers]


def judge(value, text, first, second):
    """What is wrong, or None. `value` is a Strict where nothing is to be read."""
    refused = first.startswith(b"! ")
    if value is Strict:
        return None if refused else "taken"
    if refused:
        return f"refused: {first.decode()}"
    if first != second:
        return "another text when it is written once more"
    try:
        return None if same(read(first), value) else "another value"
    except Strict:
        return "what we wrote is no JSON"


def batch(tool, seed, start, n):
    maker, wanted, texts = Maker(random.Random(f"{seed}/{start}")), [], []
    for _ in range(n):
        value, text = maker.document()
        if maker.c.random() < 0.125:
            text = maker.broken(text)
            try:
                value = read(text)
            except (Strict, RecursionError):
                value = Strict
        wanted.append(value)
        texts.append(text)
    first = tool.ask(texts)
    second = tool.ask(first)
    found = []
    for value, text, *answers in zip(wanted, texts, first, second):
        why = judge(value, text, *answers)
        if why:
            found.append((text, why))
    return sum(value is Strict for value in wanted), sum(map(len, texts)), found


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--tool", default=str(ROOT / os.environ.get("MERIDIAN_BUILD", "build/dev") / "tests/prove/json_tool"))
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--size", type=int, default=1_000_000)
    args = ask.parse_args()
    tool, began, shown = Tool(args.tool), time.monotonic(), time.monotonic()
    refused = total = failed = 0
    for start in range(0, args.size, BATCH):
        bad, size, found = batch(tool, args.seed, start, min(BATCH, args.size - start))
        refused, total, failed = refused + bad, total + size, failed + len(found)
        for text, why in found[:3]:
            print(f"  {why}: {text[:500]!r}")
        if time.monotonic() - shown > 20:
            shown = time.monotonic()
            print(f"json: {start + BATCH} of {args.size}", flush=True)
    tool.process.stdin.close()
    failed += tool.process.wait() != 0
    print(f"json: {'FAILED' if failed else 'ok'} seed={args.seed} documents={args.size} refused={refused} differ={failed}"
          f" {total >> 10} KiB {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

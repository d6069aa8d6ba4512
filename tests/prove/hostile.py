#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that no document and no body surprises the gateway: each hostile one is refused with the error that it deserves,
within a bound of CPU and memory (reliability G32).

  hostile.py [--tool PATH] [--outcome] [--cpu MS] [--memory MIB] [--size N]

One line each: the code, the limit it names, milliseconds of CPU, the most KiB held beside the body. The bar is 50 ms and
4 MiB. Without --tool it builds one with optimisation (build/hostile). --outcome looks at codes and memory alone: a build
with sanitizers tells nothing about time. --size scales what has no limit of its own (1). The last line is `hostile: ok …`
or `hostile: FAILED …`."""
import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PARSE, VALID, COMPLEX, INPUT = "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "QUERY_TOO_COMPLEX", "BAD_USER_INPUT"
EITHER = (PARSE, COMPLEX)


def body(query, variables=None, **more):
    return json.dumps({"query": query, **({"variables": variables} if variables is not None else {}), **more}).encode()


def raw(text):
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def nested(opening, inner, closing, n):
    return opening * n + inner + closing * n


# ---- 2.3: documents ----

def deep():
    yield "braces, 10,000 deep", EITHER, body(nested("{a", "", "}", 10_000))
    yield "braces, 4,000 deep", EITHER, body(nested("{a", "", "}", 4000))
    yield "braces, 190 deep", (COMPLEX,), body("{order(id:1)" + nested("{facility", "{id}", "}", 190) + "}")
    yield "braces never closed", EITHER, body("{a" * 4000)
    yield "inline fragments, 10,000 deep", EITHER, body("{" + nested("...{", "__typename", "}", 10_000) + "}")
    yield "inline fragments, 190 deep", (COMPLEX, VALID), body("{" + nested("...{", "a", "}", 190) + "}")
    yield "a list literal, 10,000 deep", EITHER, body("{order(id:" + nested("[", "", "]", 10_000) + "){id}}")
    yield "a list literal, 190 deep", (VALID,), body("{order(id:" + nested("[", "1", "]", 190) + "){id}}")
    yield "an input object, 10,000 deep", EITHER, body("{order(id:" + nested("{a:", "1", "}", 10_000) + "){id}}")
    yield "an input object, 190 deep", (VALID,), body("{order(id:" + nested("{a:", "1", "}", 190) + "){id}}")
    yield "a variable's type, 4,000 lists", EITHER, body("query($v:" + nested("[", "Int", "]", 4000) + "){a(v:$v)}")
    yield "a variable's type, 190 lists", (VALID, COMPLEX, INPUT), body("query($v:" + nested("[", "Int", "]", 190) + "){order(id:$v){id}}")


def many(n=10_000):
    yield "10,000 aliases of one field", (COMPLEX,), body("{" + " ".join(f"a{i}:__typename" for i in range(n)) + "}")
    yield "3,000 aliases of one field", (COMPLEX,), body("{" + " ".join(f"a{i}:__typename" for i in range(3000)) + "}")
    yield "10,000 copies of one field", (COMPLEX,), body("{" + "__typename " * n + "}")
    yield "9,900 copies of one field", (COMPLEX,), body("{" + "__typename " * 9900 + "}")
    yield "9,900 copies, one level down", (COMPLEX, VALID, "OK"), body('{order(id:"x"){' + "id " * 9900 + "}}")
    yield "1,600 @skip on one field", (COMPLEX,), body("{__typename" + "@skip(if:true)" * 1600 + "}")
    yield "4,900 unknown directives", (COMPLEX,), body("{__typename" + "@x" * 4900 + "}")
    yield "49 unknown directives, long names", (VALID,), body("{__typename" + "".join(f"@{'x' * 5000}{i}" for i in range(49)) + "}")
    yield "1,900 operations, none is asked", (INPUT, COMPLEX), body("".join(f"query a{i}{{b}}" for i in range(1900)))
    yield "50 operations, one is asked", (VALID,), body("".join(f"query a{i}{{b}}" for i in range(50)), operationName="a1")
    yield "1,900 operations, one is asked", (VALID,), body("".join(f"query a{i}{{b}}" for i in range(1900)), operationName="a1")
    yield "1,900 operations of one name", (VALID,), body("query a{b}" * 1900, operationName="a")
    yield "2,400 variables, none is used", (VALID,), body("query(" + "".join(f"$v{i}:Int" for i in range(2400)) + "){__typename}")
    yield "2,400 variables of one name", (VALID,), body("query(" + "$v:Int" * 2400 + "){__typename}")
    yield "1,900 arguments that are unknown", (VALID,), body("{order(" + " ".join(f"a{i}:1" for i in range(1900)) + "){id}}")
    yield "3,000 arguments of one name", (VALID,), body("{order(" + "id:1 " * 3000 + "){id}}")
    yield "3,000 input fields of one name", (VALID,), body("{orders(facilityIds:[] filter:{" + "late:true " * 3000 + "}){__typename}}")
    yield "3,000 input fields that are unknown", (VALID,), body("{orders(facilityIds:[] filter:{" + "".join(f"x{i}:1 " for i in range(3000)) + "}){__typename}}")
    yield "300,000 commas and comments", (VALID,), body("{x" + ",#\n" * 300_000 + "}")
    yield "a name of 1 MB", (VALID,), body("{" + "x" * 1_000_000 + "}")
    yield "100 unknown fields of 9 KB each", (VALID,), body("{order(id:1){" + " ".join("x" * 9000 + str(i) for i in range(100)) + "}}")
    yield "4,900 unknown fields near known ones", (VALID,), body("{order(id:1){" + " ".join(f"orderN{i}" for i in range(4900)) + "}}")
    yield "19 root fields, 480 unknown below each", (VALID,), body("{" + "order(id:1){" + "orderNn " * 480 + "}" + "}")


def fragments():
    yield "a fragment of itself", (VALID,), body("{...F}fragment F on Query{...F}")
    yield "two fragments in a circle", (VALID,), body("{...A}fragment A on Query{...B}fragment B on Query{...A}")
    circle = "".join(f"fragment F{i} on Query{{...F{(i + 1) % 100}}}" for i in range(100))
    yield "100 fragments in a circle", (VALID,), body("{...F0}" + circle)
    circle = "".join(f"fragment F{i} on Query{{...F{(i + 1) % 1100}}}" for i in range(1100))
    yield "1,100 fragments in a circle", (COMPLEX,), body("{...F0}" + circle)
    for n in (30, 99):
        twice = "".join(f"fragment F{i} on Query{{...F{i + 1} ...F{i + 1}}}" for i in range(n))
        yield f"{n} levels, each spread twice", (COMPLEX, VALID), body("{...F0}" + twice + f"fragment F{n} on Query{{__typename}}")
        twice = "".join(f"fragment F{i} on Order{{a:facility{{...G{i}}}b:facility{{...G{i}}}}}fragment G{i} on Facility{{...F{i + 1}}}"
                        for i in range(n // 2 - 1))
        yield f"{n} levels, each spread twice below fields", (COMPLEX, VALID), body("{order(id:1){...F0}}" + twice)
    yield "99 unused fragments", (VALID,), body("{__typename}" + "".join(f"fragment F{i} on Query{{__typename}}" for i in range(99)))
    yield "1,600 unused fragments", (COMPLEX,), body("{__typename}" + "".join(f"fragment F{i} on Query{{__typename}}" for i in range(1600)))
    yield "10,000 unused fragments", (COMPLEX,), body("{__typename}" + "".join(f"fragment F{i} on Query{{__typename}}" for i in range(10_000)))
    all_of = "".join(f"fragment F{i} on Query{{{' '.join(f'...F{j}' for j in range(68) if j != i)}}}" for i in range(68))
    yield "68 fragments, each spreads all others", (VALID, COMPLEX), body("{...F0}" + all_of)
    later = "".join(f"fragment F{i} on Query{{__typename {' '.join(f'...F{j}' for j in range(i + 1, 90))}}}" for i in range(90))
    yield "90 fragments, each spreads all later ones", (COMPLEX,), body("{...F0}" + later)
    ops = "".join(f"query a{i}{{...F0}}" for i in range(500))
    chain = "".join(f"fragment F{i} on Query{{order(id:$v{i}){{id}}...F{i + 1}}}" for i in range(90)) + "fragment F90 on Query{__typename}"
    yield "500 operations, each reaches 90 fragments with variables", (VALID, COMPLEX), body(ops + chain, operationName="a1")
    spread = "{" + "...F " * 4900 + "}fragment F on Query{__typename}"
    yield "4,900 spreads of one fragment", (COMPLEX, "OK"), body(spread)


def overlapping():
    yield "3,000 fields of one key, other arguments", (COMPLEX, VALID), body("{order(id:1){" + " ".join("x:id" if i % 2 else "x:orderNo" for i in range(3000)) + "}}")
    yield "29 fields of one key, other arguments, below each other", (COMPLEX, VALID), body(
        '{order(id:"x"){' + nested("facility{", "x:id x:name", "}", 12) * 1 + "}}")
    pairs = "".join(f"fragment F{i} on Query{{order(id:{i}){{id}} facilities{{id name}}}}" for i in range(99))
    yield "99 fragments that conflict in pairs", (VALID, COMPLEX), body("{" + "".join(f"...F{i} " for i in range(99)) + "}" + pairs)
    agree = "".join(f"fragment F{i} on Order{{{' '.join(f'k{j}:id' for j in range(20))}}}" for i in range(99))
    yield "99 fragments of 20 fields that agree", (COMPLEX,), body("{order(id:1){" + "".join(f"...F{i} " for i in range(99)) + "}}" + agree)
    agree = "".join(f"fragment F{i} on Order{{id orderNo status priority currency version late facility{{id code name}}}}" for i in range(99))
    yield "99 fragments that agree, no aliases", (COMPLEX, "OK"), body('{order(id:"x"){' + "".join(f"...F{i} " for i in range(99)) + "}}" + agree)
    deep_pairs = nested('facility{id ', "name", "}", 14)
    yield "300 copies of a deep selection", (COMPLEX, "OK", VALID), body('{order(id:"x"){' + deep_pairs * 150 + "}}")
    wide = "{" + "".join(f"...on Query{{order(id:{i}){{id}}}}" for i in range(700)) + "}"
    yield "700 inline fragments that conflict", (VALID, COMPLEX), body(wide)
    inline = nested("...on Order{id ", "x:id x:orderNo", "}", 190)
    yield "190 inline fragments in each other with a conflict", (VALID, COMPLEX), body("{order(id:1){" + inline + "}}")


def introspection():
    circle = "{__schema{types{" + nested("fields{type{", "name", "}}", 60) + "}}}"
    yield "introspection in circles", (COMPLEX, VALID), body(circle)
    circle = "{__schema{types{" + nested("fields{type{", "name", "}}", 4) + "}}}"
    yield "introspection, 4 lists deep", (COMPLEX, VALID), body(circle)
    double = "".join(f"fragment F{i} on __Type{{ofType{{...F{i + 1}}} fields{{type{{...F{i + 1}}}}}}}" for i in range(40))
    yield "introspection by fragments spread twice", (COMPLEX, VALID), body("{__schema{types{...F0}}}" + double + "fragment F40 on __Type{name}")
    for what, text in (("__schema", "{__schema{types{name}}}"), ("__type", '{__type(name:"Query"){name}}'),
                       ("aliased", "{a:__schema{types{name}}}"), ("in a fragment", "{...F}fragment F on Query{__schema{types{name}}}"),
                       ("behind a BOM and commas", "\ufeff,,{,\n#x\n__schema,{types{name}}}")):
        yield f"introspection that is off: {what}", (VALID,), b"p" + body(text)
    yield "names to guess, production", (VALID,), b"p" + body("{order(id:1){orderN statu curency} ordr}")


def values():
    number = "9" * 1_000_000
    order = '{orders(facilityIds:["a"] first:%s){pageInfo{hasNextPage}}}'
    for what, text in (("2^31", "2147483648"), ("10^400", "1" + "0" * 400), ("a million digits", number),
                       ("1e999", "1e999"), ("-2^31-1", "-2147483649"), ("an enum", "MANY"), ("a string", '"1"')):
        yield f"Int: {what}", (VALID,), body(order % text)
    yield "a string literal of 1 MB", (VALID,), body("{x(a:\"" + "s" * 1_000_000 + "\")}")
    yield "a string of 1 MB for an Int", (VALID,), body(order % ('"' + "s" * 1_000_000 + '"'))
    yield "a string of 1 MB of escapes", (VALID,), body(order % ('"' + "\\u0041" * 170_000 + '"'))
    yield "a block string with 1 M quotes", EITHER, body('{x(a:"""' + '"' * 1_000_000 + ")}")
    yield "a block string of 300,000 lines", (VALID,), body(order % ('"""' + "\n  x" * 300_000 + '"""'))
    yield "a block string of one endless indent", (VALID,), body(order % ('"""\n' + " " * 1_000_000 + 'x"""'))
    yield "a list of 9,000 numbers", (COMPLEX,), body("{orders(facilityIds:[" + "1 " * 9000 + "]){__typename}}")
    yield "a list of 999 wrong values", (VALID,), body("{orders(facilityIds:[" + "[1.5] " * 999 + "]){__typename}}")
    yield "19 errors that show a large value", (VALID,), body(
        "{" + "".join(f"orders(facilityIds:[] first:[{'1.5 ' * 80}]){{__typename}}" for i in range(19)) + "}")
    yield "a list of 100,000 ids", (COMPLEX,), body("{orders(facilityIds:[" + "\"a\" " * 100_000 + "]){__typename}}")
    yield "first -1", ("OK",), body(order % "-1")   # in range for the type: its resolver refuses it
    yield "-0", ("OK",), body(order % "-0")
    yield "@defer", ("OK",), body('{...@defer{__typename}}')
    yield "10,000 times @defer", EITHER, body("{" + "...@defer{__typename}" * 10_000 + "}")
    yield "@defer 60 deep", EITHER, body("{" + "...@defer{a:__typename " * 60 + "}" * 60 + "}")
    yield "@stream", (VALID,), body('{orders(facilityIds:[])@stream(initialCount:1){__typename}}')
    yield "a subscription where there is none", (VALID,), body("subscription{a}")
    yield "first 2147483647", ("OK", COMPLEX), body(order % "2147483647")
    yield "a surrogate alone, escaped", EITHER, body('{order(id:"\\uD800"){id}}')
    yield "no code point", EITHER, body('{order(id:"\\u{110000}"){id}}')


VARIABLES = "query($id:ID! $f:OrderFilter $ids:[ID!]){order(id:$id){id}orders(facilityIds:$ids filter:$f){pageInfo{hasNextPage}}}"
QUERY = VARIABLES.replace("$ids:[ID!]", "$ids:[ID!]!")


def bomb_fields(level):
    own = " ".join(f"...on T{t}{{own{t}}}" for t in range(50))
    return "id name price " + (f"below{{{bomb_fields(level - 1)} {own}}}" if level else "id")


def bombs():
    """An interface with 50 implementations in three sources that share all (lib/worst.h), five levels deep."""
    yield "50 types of 3 sources, 5 levels", (COMPLEX, "OK"), b"b" + body("{nodes{" + bomb_fields(5) + "}}")
    spread = "".join(f"fragment F{n} on Node{{" + "".join(f"...on T{t}{{own{t} below{{...F{n + 1}}}}}" for t in range(50)) + "}" for n in range(5))
    yield "50 types of 3 sources, 5 fragments", (COMPLEX, "OK"), b"b" + body("{nodes{...F0}}" + spread + "fragment F5 on Node{id}")
    aliased = "".join(f"fragment F{n} on Node{{" + "".join(f"...on T{t}{{below{{a{t}:id ...F{n + 1}}}}}" for t in range(50)) + "}" for n in range(5))
    yield "50 types of 3 sources, each asked otherwise", (COMPLEX,), b"b" + body("{nodes{...F0}}" + aliased + "fragment F5 on Node{id}")


def colliding(n):
    """Keys that meet in hashes that are not seeded: of h = 31 h + c, as "Aa" and "BB" do, and of FNV's and djb2's last bits."""
    pairs = ("Aa", "BB")
    return ["".join(pairs[(i >> bit) & 1] for bit in range(20)) for i in range(n)]


def variables(scale):
    good = {"id": "x", "ids": ["a"]}
    yield "a nullable variable for a list that must be", (VALID,), body(VARIABLES, good)
    for what, change in (("missing", {"id": None}), ("an object", {"id": {}}), ("a list", {"id": [1]}), ("a float", {"id": 1.5}),
                         ("null in a list", {"ids": [None]}), ("__proto__", {"f": {"__proto__": {"late": True}}}),
                         ("an enum as another word", {"f": {"status": ["NOPE"]}}), ("a Boolean as text", {"f": {"late": "true"}}),
                         ("lists, 100 deep", {"ids": json.loads(nested("[", "", "]", 100))})):
        yield f"variable: {what}", (INPUT,), body(QUERY, {**good, **change})
    yield "a list of 9,000 ids", (COMPLEX,), body(QUERY, {**good, "ids": ["a"] * 9000})
    yield "a list of 100,000 ids", (COMPLEX,), body(QUERY, {**good, "ids": ["a"] * 100_000 * scale})
    yield "variables that nobody declared", ("OK",), body("{__typename}", {f"x{i}": {"y": [i]} for i in range(3000)})
    yield "1,000 unknown input fields", (INPUT,), body(QUERY, {**good, "f": {f"x{i}": 1 for i in range(1000)}})
    yield "100,000 unknown input fields", (INPUT, COMPLEX), body(QUERY, {**good, "f": {f"x{i}": 1 for i in range(100_000 * scale)}})
    yield "100,000 wrong entries of a list", (INPUT, COMPLEX), body(QUERY, {**good, "ids": [{}] * 100_000 * scale})
    yield "a string of 1 MB for a Boolean", (INPUT,), body(QUERY, {**good, "f": {"late": "s" * 1_000_000}})
    yield "a variable twice", (INPUT,), raw('{"query":"{__typename}","variables":{"a":1,"a":2}}')
    yield "an extension twice", (INPUT,), raw('{"query":"{__typename}","extensions":{"a":{"b":1,"b":2}}}')
    yield "variables, extensions, names of other types", (INPUT,), raw('{"query":"{__typename}","variables":[1]}')
    yield "a hash of another text", ("OK",), body("{__typename}", extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}})
    yield "a hash in capitals", (INPUT,), body("{__typename}", extensions={"persistedQuery": {"version": 1, "sha256Hash": "A" * 64}})
    yield "a hash with CRLF", (INPUT,), body("{__typename}", extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 62 + "\r\n"}})
    yield "a body's key twice", (INPUT,), raw('{"query":"{__typename}","query":"{a}"}')
    yield "a key twice, once escaped", (INPUT,), raw('{"query":"{__typename}","variables":{"a":1,"\\u0061":2}}')


# ---- 2.4: JSON and text ----

def texts(scale):
    around = '{"query":"{__typename}","variables":%s}'
    million = 1_000_000 * scale
    yield "batching, 1,000 operations", (INPUT,), raw("[" + ",".join(['{"query":"{__typename}"}'] * 1000) + "]")
    yield "an empty batch", (INPUT,), raw("[]")
    yield "a million [", (COMPLEX,), raw("[" * million)
    yield "a million [ in variables", (COMPLEX,), raw(around % ("[" * million))
    yield "a million {", (COMPLEX,), raw('{"a":' * million)
    yield "a million numbers", (COMPLEX,), raw(around % ('{"a":[' + "1," * million + "1]}"))
    yield "a million keys", (COMPLEX,), raw("{" + ",".join(f'"{i:x}":1' for i in range(million)) + "}")
    keys = colliding(min(million, 1 << 20))
    yield "a million keys of one hash", (COMPLEX,), raw("{" + ",".join(f'"{key}":1' for key in keys) + "}")
    yield "a million keys of one hash in variables", (COMPLEX,), raw(around % ("{" + ",".join(f'"{key}":1' for key in keys) + "}"))
    yield "16,000 keys of one hash", ("OK",), raw("{" + "".join(f'"{key}":1,' for key in keys[:16_000]) + '"query":"{__typename}"}')
    yield "16,000 keys beside the query", ("OK",), raw("{" + "".join(f'"{i:x}":1,' for i in range(16_000)) + '"query":"{__typename}"}')
    yield "a variable of ten million digits", ("OK", INPUT), raw('{"query":"{__typename}","variables":{"a":' + "9" * (10 * million) + "}}")
    yield "a number of a million digits", (INPUT,), raw("9" * million)
    yield "two values", (INPUT,), raw('{"query":"{__typename}"}{}')
    yield "bytes behind", (INPUT,), raw('{"query":"{__typename}"}\0')
    yield "a BOM before", (INPUT,), raw('\ufeff{"query":"{__typename}"}')
    for what, bad in (("overlong", b"\xc0\xaf"), ("a surrogate", b"\xed\xa0\x80"), ("beyond U+10FFFF", b"\xf4\x90\x80\x80"),
                      ("truncated", b"\xe2\x82"), ("alone", b"\x80")):
        yield f"UTF-8: {what}", (INPUT,), b'{"query":"{__typename}","operationName":"' + bad + b'"}'
    yield "half a surrogate pair", (INPUT,), raw('{"query":"{__typename}","operationName":"\\ud800"}')
    yield "NUL in an operation's name", (INPUT,), raw('{"query":"query a{__typename}","operationName":"a\\u0000"}')
    yield "200,000 keys of variables, one twice", (COMPLEX,), raw(
        '{"query":"query($v:Int!){__typename @skip(if:$v)}","variables":{' + ",".join(f'"k{i}":{i}' for i in range(200_000 * scale)) + ',"k0":1}}')
    yield "an operation that is not there", (INPUT,), body("query a{__typename}", operationName="b")
    yield "two operations, none is named", (INPUT,), body("query a{__typename}query b{__typename}")
    yield "no operation", (INPUT,), body("fragment F on Query{__typename}")


def documents(scale):
    for source in (deep(), many(), fragments(), overlapping(), introspection(), values(), variables(scale), bombs(), texts(scale)):
        yield from source


# ---- running ----

def build():
    """A tool with optimisation: what the dev build tells about time is the sanitizers' time."""
    folder = ROOT / "build" / "hostile"
    folder.mkdir(parents=True, exist_ok=True)
    for command in (["cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                     "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2 -g"], ["ninja", "-C", str(folder), "hostile_tool"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return str(folder / "tests" / "prove" / "hostile_tool")


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--tool")
    ask.add_argument("--outcome", action="store_true")
    ask.add_argument("--cpu", type=float, default=50, help="milliseconds")
    ask.add_argument("--memory", type=float, default=4, help="MiB")
    ask.add_argument("--seed", type=int, help="nothing is left to chance here")
    ask.add_argument("--size", type=int, default=1)
    args = ask.parse_args()
    schema = ROOT / "schema"
    tool = subprocess.Popen([args.tool or build(), str(schema / "supergraph.graphql"), str(schema / "operations.graphql"),
                             str(schema / "analytics.graphql")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    count = failed = 0
    worst = {"us": 0, "peak": 0}
    for name, codes, data in documents(args.size):
        flags, data = (data[:1].decode(), data[1:]) if data[:1] in (b"p", b"b") else ("-", data)
        tool.stdin.write(f"{flags} {len(data)}\n".encode() + data)
        tool.stdin.flush()
        line = tool.stdout.readline()
        if not line:
            print(f"hostile: FAILED, the tool ended with {tool.wait()} at: {name}")
            return 1
        seen = json.loads(line)
        wrong = [seen["code"] not in codes and f"not {' or '.join(codes)}",
                 not args.outcome and seen["us"] > args.cpu * 1000 and "too slow",
                 seen["peak"] > args.memory * 2 ** 20 and "too much memory",
                 seen["bytes"] > 2 ** 20 and "too much is said"]
        wrong = [text for text in wrong if text]
        count, failed = count + 1, failed + bool(wrong)
        worst = {key: max(worst[key], seen[key]) for key in worst}
        what = seen["code"] + (f" {seen['limit']}" if seen["limit"] else "")
        print(f"{'FAIL' if wrong else 'ok  '} {name:56} {len(data) / 1024:8.0f} KiB {seen['us'] / 1000:8.2f} ms"
              f" {seen['peak'] / 1024:8.0f} KiB  {what}, {seen['errors']} errors{': ' if wrong else ''}{', '.join(wrong)}", flush=True)
    tool.stdin.close()
    if tool.wait():
        failed += 1
    print(f"hostile: {'FAILED' if failed else 'ok'} documents={count} failed={failed} worst={worst['us'] / 1000:.1f} ms,"
          f" {worst['peak'] / 2 ** 20:.2f} MiB")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

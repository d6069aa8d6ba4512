# SPDX-License-Identifier: MIT
"""The house stands: a room that includes what it may not see does not compile.

tests/house.py BUILD takes the compile command of one file of each room from BUILD/compile_commands.json and runs it
over probes: one that includes the room's own header must compile, one that includes a header of a room it may not use
must fail, and for no other reason than the wall. Then the third-party rules, which no include path can hold:
only loop/ and gateway/ may include h2o, only wrappers may include libpq and libmemcached.
"""
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAY_USE = {
    "base": [],
    "loop": ["base"],
    "cache": ["base", "loop"],
    "schema": ["base"],
    "planner": ["base", "schema"],
    "resolvers": ["base", "loop", "cache", "schema", "planner"],
    "rollup": ["base", "loop", "cache", "schema", "planner", "resolvers"],
    "gateway": ["base", "loop", "cache", "schema", "planner", "resolvers", "rollup"],
}
# header -> folders that may include it; tests/, bench/ and fuzz/ stand outside the house.
ONLY_IN = {
    r"h2o(\.h|/)": ("loop/", "gateway/"),
    r"libpq-fe\.h": ("resolvers/postgres/", "rollup/", "gateway/"),
    r"libmemcached": ("cache/",),
    r"(sys/socket|sys/epoll|netinet/\w+|netdb|arpa/inet)\.h": ("loop/", "cache/", "resolvers/", "rollup/", "gateway/",
                                                             "fleet/"),
}


def commands(build):
    """room -> the compile command of its first file, as a list, without source and output."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["file"])
        room = path.relative_to(ROOT).parts[0] if path.is_relative_to(ROOT) else ""
        if room in MAY_USE and room not in found:
            words = shlex.split(entry["command"])
            at = words.index("-o")
            found[room] = [w for w in words[:at] + words[at + 2:] if w not in ("-c", entry["file"])]
    return found


def header_of(room):
    """A header of this room that a neighbour could include."""
    # A header that drags a third-party library in could fail for another reason than the wall.
    for path in sorted((ROOT / room).rglob("*.h")):
        if not re.search(r'#include <(?!std|string|time|assert)', path.read_text()):
            return path.relative_to(ROOT)
    return None


def compiles(command, headers, folder):
    probe = Path(folder) / "probe.c"
    probe.write_text("".join(f'#include "{header}"\n' for header in headers) + "int mer_house_probe;\n")
    done = subprocess.run([*command, "-fsyntax-only", str(probe)], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0, done.stdout


def check_walls(build):
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for room, command in commands(build).items():
            own = header_of(room)
            good, output = compiles(command, [own] if own else [], folder)
            if not good:
                wrong.append(f"{room} cannot compile its own {own}:\n{output}")
            for header in filter(None, map(header_of, set(MAY_USE) - {room} - set(MAY_USE[room]))):
                if compiles(command, [header], folder)[0]:
                    wrong.append(f"{room} can include {header}")
                # The wall alone must be the reason: with the source tree in view the same file compiles.
                good, output = compiles([*command, f"-I{ROOT}"], [header], folder)
                if not good:
                    wrong.append(f"{header} does not compile by itself:\n{output}")
    return wrong


def check_libraries():
    wrong = []
    files = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                           check=True).stdout.split()
    for name in files:
        if name.split("/")[0] in ("tests", "bench", "fuzz") or not (ROOT / name).exists():
            continue
        for header in re.findall(r"^\s*#\s*include\s*<([^>]+)>", (ROOT / name).read_text(), re.M):
            for pattern, folders in ONLY_IN.items():
                if re.match(pattern, header) and not name.startswith(folders):
                    wrong.append(f"{name} includes <{header}>, allowed in {' '.join(folders)}")
    return wrong


def main():
    build = Path(sys.argv[1])
    rooms = commands(build)
    wrong = check_walls(build) + check_libraries()
    for line in wrong:
        print(line)
    print(f"{len(rooms)} rooms: {' '.join(sorted(rooms))}")
    return 1 if wrong or not rooms else 0


if __name__ == "__main__":
    sys.exit(main())

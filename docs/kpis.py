#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the tables of docs/kpis.md from schema/kpis.yaml.

  kpis.py          writes them
  kpis.py --check  exit 1 when the file is not what the catalogue says
"""
import re
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
PAGE = HERE / "kpis.md"


COMBINES = {"sketch": "greatest of each register", "histogram": "sum of each bucket", "slots": "sum of each slot"}


def told(k):
    """Figures of maps, in words."""
    return (f"distinct values of `{k['distinct']}`" if "distinct" in k else
            f"percentile {k['percentile']} of `{k['of']}`" if "percentile" in k else
            f"greatest of `{k['peak']}`" if "peak" in k else None)


def formula(k):
    if told(k):
        return (f"{k['scale']} · " if "scale" in k else "") + told(k)
    text = k.get("value") or "{} / {}".format(*(f"({k[p]})" if " " in k[p] else k[p] for p in ("numerator", "denominator")))
    scale = str(k.get("scale", 1))
    return f"`{text}`" if scale == "1" else f"`{scale} · {text if '/' in text or ' ' not in text else f'({text})'}`"


def tables(catalogue):
    yield "kpis", ["| metric | what | unit | formula | target | better |", "|---|---|---|---|---|---|"] + [
        f"| {name} | {k['label']} | {k['unit']} | {formula(k)} | {k.get('target', '')} | {k['better']} |"
        for name, k in catalogue["kpis"].items()]
    yield "components", ["| component | type | rows of | value | over hours |", "|---|---|---|---|---|"] + [
        f"| {name} | {c['type']} | {c['source']} | `{c['value']}` | {COMBINES.get(c['type'], c.get('combine', 'sum'))} |"
        for name, c in catalogue["components"].items()]


def main():
    catalogue = yaml.safe_load((HERE.parent / "schema" / "kpis.yaml").read_text())
    before = text = PAGE.read_text()
    for name, lines in tables(catalogue):
        block = f"<!-- {name} -->\n" + "\n".join(lines) + f"\n<!-- end of {name} -->"
        text = re.sub(rf"<!-- {name} -->.*?<!-- end of {name} -->", lambda _, b=block: b, text, flags=re.S)
    if "--check" in sys.argv[1:]:
        if text != before:
            print("docs/kpis.md is not what schema/kpis.yaml says: run docs/kpis.py")
        return int(text != before)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

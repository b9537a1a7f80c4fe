"""The sum of docs/costs.md adds up, with the price that the program has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
PRICES = json.loads((ROOT / "runner" / "launching" / "prices.json").read_text(encoding="utf-8"))
SUM = PAGE.partition("\n## The whole of it\n")[2].partition("\n## ")[0]


def test_the_parts_are_the_whole() -> None:
    *parts, whole = [float(found) for found in re.findall(r"\| \**(\d+\.\d\d)\** \|$", SUM, re.MULTILINE)]
    assert len(parts) == 5
    assert sum(parts) == pytest.approx(whole)


def test_the_machine_costs_what_the_table_says() -> None:
    (found,) = re.findall(r"on an `(\S+)` in `(\S+)`", SUM)
    hours, price = re.findall(r"\| the machine \| (\d+) h × \$(\S+) \|", SUM)[0]
    assert float(price) == PRICES["regions"][found[1]]["types"][found[0]]
    assert f"| {int(hours) * float(price):.2f} |" in SUM


def test_the_minutes_are_priced_alike_everywhere() -> None:
    minutes, price = re.findall(r"(\d+) × \$(0\.\d+) \|", SUM)[-1]
    assert f"| {int(minutes) * float(price):.2f} |" in SUM
    assert f"1,440 minutes, ${1440 * float(price):.2f};" in SUM
    assert f"Its hour is {60 * float(price) * 100:.0f} cents" in SUM

"""The sum of docs/costs.md adds up, with the price that the program has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runner.agent.shipping import PACE
from runner.agent.tails import EVERY as TAILS_EVERY
from runner.publish.look import ALIVE_EACH
from runner.scheduler import HEARTBEAT
from runner.stores.s3.requests import LOOK_EVERY

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


def test_requests_are_as_many_as_the_program_makes() -> None:
    """The page says what the pace of each thing makes of an hour, and what S3 takes for it."""
    cloud = (ROOT / "docs" / "cloud.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip().removesuffix(" for each log that grows").replace(",", "") for cell in row.split("|")]
        for row in re.findall(r"^\| (?:one job|jobs) that .*$", cloud, re.MULTILINE)
    ]
    quiet, busy = rows
    assert [int(cell) for cell in quiet[2:5]] == [3600 / HEARTBEAT, 0, 3600 / LOOK_EVERY]
    assert [int(cell) for cell in busy[2:5]] == [3600 / PACE, 3600 / TAILS_EVERY, 3600 / LOOK_EVERY]
    listed = 3600 / ALIVE_EACH
    for row, cents in ((quiet, 0.5), (busy, 2.0)):
        *written, follower = [int(cell) for cell in row[2:6]]
        dollars = (sum(written) + listed) * 0.005 / 1000 + (follower - listed) * 0.0004 / 1000
        assert 100 * dollars == pytest.approx(cents, rel=0.2)
    assert [row[6] for row in rows] == ["half a cent", "two cents"]

"""The crash rules, a few rounds of them here; `python -m tests.crash_rounds 200` for many."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash_rounds import one_round


@pytest.mark.parametrize("seed", [101, 102])
def test_a_killed_runner(tmp_path: Path, seed: int) -> None:
    assert "kills" in one_round(tmp_path, random.Random(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1008))
def test_a_killed_runner_many_times(tmp_path: Path, seed: int) -> None:
    assert "kills" in one_round(tmp_path, random.Random(seed))

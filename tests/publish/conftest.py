"""Clocks and forges for whoever publishes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.forges.github import GitHub
from tests.forge_worlds import ForgeWorld, InDouble, InFiles, furnished, github
from tests.github_double import Double
from tests.publish.far_runs import Board
from tests.publish.publishing import clock_at_start
from tests.virtual_time import VirtualTime


@pytest.fixture
def clock() -> VirtualTime:
    return clock_at_start()


@pytest.fixture
def board(tmp_path: Path, clock: VirtualTime) -> Board:
    return Board(tmp_path, clock)


@pytest.fixture
def double(clock: VirtualTime) -> Iterator[Double]:
    with furnished(clock) as made:
        yield made


@pytest.fixture
def forge(double: Double, clock: VirtualTime) -> Iterator[GitHub]:
    made = github(double, clock)
    yield made
    made.close()


@pytest.fixture(params=["github", "files"])
def world(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualTime) -> Iterator[ForgeWorld]:
    if request.param == "files":
        yield InFiles(tmp_path / "forge", clock)
        return
    with furnished(clock) as double:
        made = InDouble(double, clock)
        yield made
        made.forge.close()

"""Pull requests in which somebody gives commands, on both forges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forge_worlds import furnished
from tests.gitops.commands.commanding import (
    DoubleWorld,
    FilesWorld,
    World,
)
from tests.virtual_time import VirtualTime


@pytest.fixture(params=["github", "files"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    clock = VirtualTime()
    if request.param == "files":
        yield FilesWorld(tmp_path / "forge", clock)
        return
    with furnished(clock) as double:
        made = DoubleWorld(double, clock)
        yield made
        made.forge.close()


@pytest.fixture
def files(tmp_path: Path) -> FilesWorld:
    return FilesWorld(tmp_path / "forge", VirtualTime())

"""A pull request whose plans come in, on both forges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forge_worlds import InDouble, furnished
from tests.gitops.comment.plan_scenes import (
    Scene,
    in_files,
)
from tests.gitops.pull_requests import HELLO, put
from tests.repositories import commit_all, repository
from tests.virtual_time import VirtualTime


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default branch: one queue is there before."""
    folder = repository(tmp_path_factory.mktemp("checkout"))
    put(folder, {"queues/hello.yaml": HELLO})
    commit_all(folder)
    return folder


@pytest.fixture(params=["github", "files"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, checkout: Path) -> Iterator[Scene]:
    clock = VirtualTime()
    if request.param == "files":
        yield in_files(tmp_path, checkout)
        return
    with furnished(clock) as double:
        made = InDouble(double, clock)
        yield Scene(world=made, checkout=checkout, folder=tmp_path)
        made.forge.close()


@pytest.fixture
def files(tmp_path: Path, checkout: Path) -> Scene:
    return in_files(tmp_path, checkout)

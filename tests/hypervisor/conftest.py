"""Machines for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hypervisor import rootfs
from tests.hypervisor.emulator import strict_emulator
from tests.hypervisor.world import HyperWorld, isolate


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with strict_emulator() as url:
        yield url


@pytest.fixture(scope="session")
def image() -> Path:
    return rootfs.image()


@pytest.fixture
def world(moto: str, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HyperWorld]:
    folder = tmp_path / "machines"
    folder.mkdir()
    made = HyperWorld(moto, image, folder)
    isolate(monkeypatch, made.env)
    yield made
    made.close()

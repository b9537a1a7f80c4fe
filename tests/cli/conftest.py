"""Every test of the command line has a checkout, a state folder and an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import ENVIRONMENT, Shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    return Shell(folder, capsys)

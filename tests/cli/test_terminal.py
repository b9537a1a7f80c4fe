"""What a person at a terminal sees while something large is copied."""

from __future__ import annotations

import os
import sys

import pytest

from runner.cli.terminal import progress

LARGE = 64 << 20


def test_how_far_it_is_where_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    reading, writing = os.openpty()
    with os.fdopen(writing, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress("copying", LARGE) as more:
            for _ in range(4):
                more(LARGE // 4)
        monkeypatch.undo()
        said = os.read(reading, 4096).decode()
    os.close(reading)
    assert "runner: copying 67.1 MB" in said
    assert "100%" in said


@pytest.mark.parametrize("size", [5, LARGE])
def test_nothing_where_nobody_does(capsys: pytest.CaptureFixture[str], size: int) -> None:
    with progress("copying", size) as more:
        more(size)
    assert capsys.readouterr().err == ""

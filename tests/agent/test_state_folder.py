"""The queue's state directory on its way to the bucket: whatever jobs put there, and however large."""

from __future__ import annotations

import contextlib
import os
import socket
import tarfile
from pathlib import Path

import pytest

from runner.agent.state_folder import StateFolder, unpack
from runner.errors import RefusedError
from tests.waiting import until


class Kept:
    """`names` of what is in each archive that was put, in order."""

    def __init__(self) -> None:
        self.names: list[list[str]] = []

    def put(self, name: str, archive: Path) -> None:
        assert name == "state/3.tar.gz"
        with tarfile.open(archive) as packed:
            self.names.append(packed.getnames())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir()
    return made


def test_what_cannot_be_kept_is_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "deep").mkdir()
    (folder / "deep/file").write_text("kept")
    (folder / "link").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind("agent")
    notices: list[str] = []
    state = StateFolder(folder, tmp_path, 3, Kept().put, notice=notices.append, clock=lambda: 0.0)
    ((name, archive),) = state.at_end()
    assert (name, notices) == ("state/3.tar.gz", [])
    unpack(archive, tmp_path / "next")
    assert (tmp_path / "next/deep/file").read_text() == "kept"
    assert sorted(path.name for path in (tmp_path / "next").iterdir()) == ["deep", "link", "pipe"]


@pytest.mark.slow
def test_it_is_kept_now_and_then_where_it_has_changed(folder: Path, tmp_path: Path) -> None:
    now, kept = [0.0], Kept()
    state = StateFolder(folder, tmp_path, 3, kept.put, notice=print, clock=lambda: now[0])
    (folder / "one").touch()
    state.look()
    assert kept.names == []
    for _ in range(2):
        now[0] += 61.0
        state.look()
    assert kept.names == [["one"]]
    (folder / "two").touch()
    state.start()
    now[0] += 61.0
    until(lambda: kept.names[1:] == [["one", "two"]], 60)
    state.close()
    assert list(state.at_end()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_large_one_is_kept_more_seldom(folder: Path, tmp_path: Path) -> None:
    now, kept = [0.0], Kept()

    def slowly(name: str, archive: Path) -> None:
        kept.put(name, archive)
        now[0] += 100.0

    state = StateFolder(folder, tmp_path, 3, slowly, notice=print, clock=lambda: now[0])
    for name, later, times in (("one", 61.0, 1), ("two", 899.0, 1), ("three", 2.0, 2)):
        (folder / name).touch()
        now[0] += later
        state.look()
        assert len(kept.names) == times


@pytest.mark.parametrize("what", ["file", "link", "deep link", "loop", ""])
def test_a_commit_does_not_say_where_it_is(folder: Path, tmp_path: Path, what: str) -> None:
    """It is unpacked as root: what a job without rights has written would be anywhere."""
    checkout = tmp_path / "checkout"
    (checkout / ".runner/state").mkdir(parents=True)
    match what:
        case "file":
            (checkout / ".runner/state/demo").touch()
        case "link":
            (checkout / ".runner/state/demo").symlink_to(folder)
        case "deep link":
            (checkout / ".runner/state").rmdir()
            (checkout / ".runner/state").symlink_to("../..")
        case "loop":
            (checkout / ".runner/state/demo").symlink_to("demo")
    place = checkout / ".runner/state/demo"
    state = StateFolder(place, tmp_path, 3, Kept().put, notice=print, clock=lambda: 0.0)
    with (
        contextlib.nullcontext()
        if not what
        else pytest.raises(RefusedError, match="in the place of its state directory")
    ):
        state.check(checkout)

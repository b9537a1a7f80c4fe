"""On a new machine: declared results come back where their jobs had them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner import plan as plans
from runner import run_here
from runner.agent.restoring import restore
from runner.driving import Here
from runner.model import Git, Job
from runner.runs.on_disk import DirectorySource
from runner.runs.reading import read
from tests.builders import job, queue

pytestmark = pytest.mark.slow
MAKE = job("make", command="mkdir -p out; echo made > out/file", result_files=("out/",))


def restored(tmp_path: Path, *jobs: Job, fresh: Path) -> tuple[frozenset[str], list[str]]:
    """After a run of these on another machine: what `fresh` gets of it, and what is said."""
    first, directory = tmp_path / "first", tmp_path / "run"
    first.mkdir()
    plan = plans.make(queue(*jobs), source="queues/q.yaml", git=Git(sha="a" * 40))
    here = Here(directory=directory, checkout=first, environ={"PATH": "/usr/bin:/bin"})
    run_here.start(plan, here, run_id="demo-1", on_events=lambda *_: None)
    said: list[str] = []
    _, state = read(directory)
    return restore(DirectorySource(directory), state, fresh, said.append), said


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    made = tmp_path / "fresh"
    made.mkdir()
    return made


def test_it_is_where_it_was(tmp_path: Path, fresh: Path) -> None:
    later = job("later", "make", command="echo later > out/file", result_files=("out/file",))
    silent = job("silent")
    assert restored(tmp_path, later, MAKE, silent, fresh=fresh) == ({"make", "later"}, [])
    assert (fresh / "out/file").read_text() == "later\n"
    assert [path.name for path in fresh.rglob("*")] == ["out", "file"]


@pytest.mark.parametrize("link", ["out", "out/file"])
def test_no_link_of_the_commit_is_followed(tmp_path: Path, fresh: Path, link: str) -> None:
    outside = tmp_path / "outside"
    (outside / "file").mkdir(parents=True) if link == "out" else outside.write_text("untouched")
    (fresh / link).parent.mkdir(exist_ok=True)
    (fresh / link).symlink_to(outside)
    found, said = restored(tmp_path, MAKE, fresh=fresh)
    if link == "out":
        assert (found, list(outside.rglob("*"))) == (frozenset(), [outside / "file"])
        assert len(said) == 1
        assert said[0].endswith("restored: its place leads out of the checkout, through a symbolic link")
    else:
        assert (found, outside.read_text()) == ({"make"}, "untouched")
        assert (fresh / "out/file").read_text() == "made\n"
        assert not (fresh / "out/file").is_symlink()


def test_what_cannot_be_written_is_said(tmp_path: Path, fresh: Path) -> None:
    (fresh / "out").write_text("a file")
    found, said = restored(tmp_path, MAKE, fresh=fresh)
    assert found == frozenset()
    assert "the results of make cannot be restored: " in said[0]


def test_what_was_outside_of_the_checkout_is_there_again(tmp_path: Path, fresh: Path) -> None:
    far = tmp_path / "far"
    made = job("make", command=f"mkdir -p {far}; echo made > {far}/file", result_files=(f"{far}/file",))
    found, _ = restored(tmp_path, made, fresh=fresh)
    assert found == {"make"}
    (far / "file").write_text("changed")
    _, state = read(tmp_path / "run")
    assert restore(DirectorySource(tmp_path / "run"), state, fresh, print) == {"make"}
    assert (far / "file").read_text() == "made\n"

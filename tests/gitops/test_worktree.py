"""A commit as files: the checkout itself, or a worktree that is gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.gitops.repository.worktree import checked_out
from tests.histories import Repository
from tests.project import ROOT


@pytest.fixture
def made(tmp_path: Path) -> Repository:
    found = Repository(tmp_path / "checkout")
    found.commit({"a": "1", "dir/b": "1"})
    return found


@pytest.fixture
def old(made: Repository) -> str:
    """A commit that is not checked out."""
    found = made.head
    made.commit({"a": "2"})
    return found


def worktrees(made: Repository) -> int:
    return made.git("worktree", "list", "--porcelain").count("worktree ")


def test_what_is_checked_out_is_taken_as_it_is(made: Repository) -> None:
    with checked_out(made.folder, made.head) as folder:
        assert folder == made.folder
    assert not (made.folder / ".runner").exists()


def test_another_commit_is_there_as_long_as_it_is_needed(made: Repository, old: str) -> None:
    with checked_out(made.folder, old) as folder:
        assert folder == made.folder / ".runner" / "worktrees" / old[:12]
        assert (folder / "a").read_text() == "1"
        assert (folder / "dir" / "b").read_text() == "1"
        assert Repository(folder).head == old
        assert made.git("status", "--porcelain") == ""
    assert not folder.exists()
    assert worktrees(made) == 1


def test_it_goes_when_something_fails_and_with_all_that_jobs_left_there(made: Repository, old: str) -> None:
    def work(folder: Path) -> None:
        (folder / "new").mkdir()
        (folder / "new" / "file").write_text("x")
        (folder / "a").write_text("changed")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), checked_out(made.folder, old) as folder:
        work(folder)
    assert not folder.exists()
    assert worktrees(made) == 1


def test_each_use_has_its_own(made: Repository, old: str, tmp_path: Path) -> None:
    with checked_out(made.folder, old, tmp_path) as one, checked_out(made.folder, old, tmp_path) as two:
        assert (one, two) == (tmp_path / old[:12], tmp_path / f"{old[:12]}-2")
        (one / "a").write_text("changed")
        assert (two / "a").read_text() == "1"
    with checked_out(made.folder, old, tmp_path) as again:
        assert again == one
        assert (again / "a").read_text() == "1"


def test_what_a_killed_process_left_is_replaced(made: Repository, old: str) -> None:
    program = (
        "import pathlib, sys\n"
        "from runner.gitops.repository.worktree import checked_out\n"
        "with checked_out(pathlib.Path(sys.argv[1]), sys.argv[2]) as folder:\n"
        "    (folder / 'a').write_text('changed')\n"
        "    print(folder, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, os.fspath(made.folder), old],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.fspath(ROOT)},
    )
    with process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().rstrip("\n"))
        with checked_out(made.folder, old) as beside:
            assert beside != left
        process.send_signal(signal.SIGKILL)
    assert (left / "a").read_text() == "changed"
    with checked_out(made.folder, old) as folder:
        assert folder == left
        assert (folder / "a").read_text() == "1"
    assert not left.exists()
    assert worktrees(made) == 1


def test_no_hook_runs(made: Repository, old: str, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    hook = made.folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{sprung}'\n")
    hook.chmod(0o755)
    with checked_out(made.folder, old):
        assert not sprung.exists()


def test_large_files_stay_pointers(made: Repository) -> None:
    """Their filter is told not to fetch: what it says of that is seen in the file."""
    commit = made.commit({".gitattributes": "*.bin filter=lfs\n", "x.bin": "pointer\n"})
    made.commit()
    made.git("config", "filter.lfs.smudge", 'cat; echo "skipped: $GIT_LFS_SKIP_SMUDGE"')
    with checked_out(made.folder, commit) as folder:
        assert (folder / "x.bin").read_text() == "pointer\nskipped: 1\n"


def test_a_commit_that_is_not_there_is_an_error_and_leaves_nothing(made: Repository, tmp_path: Path) -> None:
    with (
        pytest.raises(RunnerError, match="git worktree failed"),
        checked_out(made.folder, "ab" * 20, tmp_path),
    ):
        pytest.fail("there is nothing to check out")
    assert [path.name for path in tmp_path.iterdir() if path != made.folder] == ["abababababab.lock"]


def test_a_folder_that_cannot_be_made_is_an_error(made: Repository, old: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "x"
    with pytest.raises(RunnerError, match="cannot make a worktree"), checked_out(made.folder, old, place):
        pytest.fail("there is no place for it")


def test_only_a_full_commit_id_is_a_name(made: Repository) -> None:
    with pytest.raises(RunnerError, match="not a full commit id"), checked_out(made.folder, "../../x"):
        pytest.fail("that is no commit")

"""The embedded forge: files that a person can look at, whole at every moment, and racing processes."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
from pathlib import Path

import pytest

from runner.errors import ForgeError
from runner.forges.files import LOGIN, FileForge
from runner.ports import Status
from tests.forge_worlds import FORK, FORKED, HEAD, PULLS
from tests.virtual_time import VirtualTime
from tests.waiting import PATIENCE


@pytest.fixture
def forge(tmp_path: Path) -> FileForge:
    made = FileForge(tmp_path / ".runner" / "forge", clock=VirtualTime())
    made.put_pull(PULLS[0])
    return made


def files(forge: FileForge, pattern: str) -> list[str]:
    root = forge._folder.root
    return sorted(str(path.relative_to(root)) for path in root.glob(pattern))


def test_a_comment_is_a_markdown_file(forge: FileForge) -> None:
    added = forge.add_comment(7, "# Plan\n\n| a |\n")
    assert files(forge, "pulls/7/comments/*.md") == [f"pulls/7/comments/{added.id:06d}.md"]
    path = Path(added.url.removeprefix("file://"))
    assert path.read_text() == "# Plan\n\n| a |\n"


def test_statuses_are_kept_as_a_history(forge: FileForge) -> None:
    for state in ("pending", "success"):
        forge.set_status(HEAD, Status(context="runner/etl", state=state))
    (name,) = files(forge, "statuses/*")
    assert name == f"statuses/{HEAD}.json"
    record = json.loads((forge._folder.root / name).read_text())
    assert [(s["state"], s["author"]) for s in record] == [("pending", LOGIN), ("success", LOGIN)]


@pytest.mark.parametrize("commit", ["", "../../etc", "main", "a" * 65, "ABCDEF12"])
def test_a_commit_is_no_path(forge: FileForge, commit: str) -> None:
    with pytest.raises(ForgeError, match="is no commit"):
        forge.set_status(commit, Status(context="a", state="success"))
    assert files(forge, "statuses/**/*") == []


def test_a_write_that_was_cut_off_leaves_what_was_there(forge: FileForge) -> None:
    added = forge.add_comment(7, "whole")
    folder = forge._folder.root / "pulls/7/comments"
    (folder / ".000001.md.1.part").write_text("ha")
    (folder / "000099.md").write_text("the text of a comment that never came to be")
    assert list(forge.comments(7)) == [added]


def test_a_comment_whose_text_somebody_removed_is_gone(forge: FileForge) -> None:
    added = forge.add_comment(7, "x")
    Path(added.url.removeprefix("file://")).unlink()
    assert list(forge.comments(7)) == []


@pytest.mark.parametrize("content", ["{", "[1]", '{"number": 7}', '{"other": 1}'])
def test_a_record_that_is_none_is_named(forge: FileForge, content: str) -> None:
    path = forge._folder.root / "pulls/7/pull.json"
    path.write_text(content)
    with pytest.raises(ForgeError) as caught:
        forge.pull(7)
    assert caught.value.message == f"{path} is not what this program writes"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    forge = FileForge(tmp_path / "file" / "forge", clock=VirtualTime())
    with pytest.raises(ForgeError, match=r"cannot write .*forge"):
        forge.put_person("ann", "write")


def test_our_own_login_may_everything_and_a_strange_permission_nothing(forge: FileForge) -> None:
    forge.put_person("ann", "owner of the world")
    assert forge.permission(LOGIN) == "admin"
    assert forge.permission("ann") == "none"


def test_an_unknown_reaction(forge: FileForge) -> None:
    added = forge.add_comment(7, "x")
    with pytest.raises(ForgeError, match="'party' is no reaction"):
        forge.react(added, "party")


def publish(root: Path, name: str) -> None:
    forge = FileForge(root, clock=VirtualTime())
    for number in range(20):
        forge.set_status(HEAD, Status(context=f"{name}-{number}", state="success"))
        forge.add_comment(7, f"{name}-{number}")


@pytest.mark.slow
def test_two_processes_lose_nothing(forge: FileForge) -> None:
    context = multiprocessing.get_context("spawn")
    pair = [context.Process(target=publish, args=(forge._folder.root, name)) for name in ("a", "b")]
    for process in pair:
        process.start()
    for process in pair:
        process.join(PATIENCE)
        assert process.exitcode == 0
    wanted = {f"{name}-{number}" for name in ("a", "b") for number in range(20)}
    assert {s.context for s in forge.statuses(HEAD)} == wanted
    found = forge.comments(7)
    assert sorted(c.body for c in found) == sorted(wanted)
    assert len({c.id for c in found}) == 40


def test_a_second_pull_request_has_its_own_comments(forge: FileForge) -> None:
    forge.put_pull(dataclasses.replace(PULLS[0], number=77))
    forge.add_comment(77, "there")
    assert list(forge.comments(7)) == []


def test_the_head_of_a_fork_has_no_pull_request(forge: FileForge) -> None:
    forge.put_pull(dataclasses.replace(PULLS[0], number=9, head_commit=FORKED, head_repository=FORK))
    assert list(forge.pulls_with(FORKED)) == []
    assert [pull.number for pull in forge.pulls_with(HEAD)] == [7]

"""What is asked of git: true answers, for any file name, whatever the repository or its surroundings say."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.gitops.repository import git, history
from tests.histories import NOTHING, START, Repository

ODD_NAMES = [
    "with space.yaml",
    "with\nnewline.yaml",
    'with"quote.yaml',
    "-dash.yaml",
    "--output=x",
    ":(glob)*.yaml",
    "*.yaml",
    "ünï.yaml",
    os.fsdecode(b"lat\xfcn.yaml"),
    "tab\there",
    "back\\slash",
    "e" * 40,
]


@pytest.fixture
def made(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "checkout")


def last_touching(checkout: Path, a: str, b: str, paths: list[str]) -> str:
    """The newest commit after `a` up to `b` that changed one of `paths`."""
    found = [commit for commit, changed in history.touching(checkout, a, b) if changed & set(paths)]
    return found[-1] if found else ""


def described(made: Repository, a: str, b: str) -> list[tuple[str, str]]:
    return [(change.status, change.path) for change in history.changed_files(made.folder, a, b)]


def test_whether_a_commit_is_there(made: Repository) -> None:
    first = made.commit({"a": "1"})
    tree = made.git("rev-parse", "HEAD^{tree}")
    assert history.exists(made.folder, first)
    assert not history.exists(made.folder, "ab" * 20)
    assert not history.exists(made.folder, NOTHING)
    assert not history.exists(made.folder, tree)


@pytest.mark.parametrize("text", ["HEAD", "--all", "", "main", "ab" * 19, "AB" * 20, "ab" * 20 + "\n"])
def test_only_a_full_commit_id_gets_to_git(made: Repository, text: str) -> None:
    first = made.commit({"a": "1"})
    for ask in (history.exists, history.commit_time, history.listed):
        with pytest.raises(RunnerError, match="not a full commit id"):
            ask(made.folder, text)
    for ask in (history.is_ancestor, history.changed_files, history.touching):
        with pytest.raises(RunnerError, match="not a full commit id"):
            ask(made.folder, first, text)
        with pytest.raises(RunnerError, match="not a full commit id"):
            ask(made.folder, text, first)


def test_what_comes_before_what(made: Repository) -> None:
    first = made.commit({"a": "1"})
    second = made.commit({"a": "2"})
    made.branch("side", first)
    side = made.commit({"b": "1"})
    assert history.is_ancestor(made.folder, first, second)
    assert history.is_ancestor(made.folder, first, first)
    assert not history.is_ancestor(made.folder, second, first)
    assert not history.is_ancestor(made.folder, second, side)


def test_parents_and_times(made: Repository) -> None:
    first = made.commit({"a": "1"})
    made.branch("side")
    made.commit({"b": "1"})
    made.switch("main")
    made.commit({"a": "2"})
    merge = made.merge("side")
    assert history.commit_time(made.folder, first) == START
    assert history.commit_time(made.folder, merge) == START + 180
    assert history.head(made.folder) == merge


def test_what_changed_between_two_commits(made: Repository) -> None:
    first = made.commit({"kept": "1", "changed": "1", "deleted": "same text, long enough\n", "back": "1"})
    made.commit({"back": "2", "changed": "2"})
    second = made.commit({"back": "1", "deleted": None, "renamed": "same text, long enough\n", "new/x": ""})
    assert described(made, first, second) == [
        ("M", "changed"),
        ("D", "deleted"),
        ("A", "new/x"),
        ("A", "renamed"),
    ]
    assert described(made, first, first) == []


def test_links_submodules_and_modes_are_told_apart(made: Repository) -> None:
    first = made.commit({"script": "#!/bin/sh\n", "file": "1"})
    (made.folder / "script").chmod(0o755)
    (made.folder / "file").unlink()
    (made.folder / "file").symlink_to("/etc/passwd")
    made.git("add", "--all")
    made.git("update-index", "--add", "--cacheinfo", f"160000,{first},module")
    made.git("commit", "--quiet", "--message", "Modes")
    found = {change.path: change for change in history.changed_files(made.folder, first, made.head)}
    assert (found["file"].status, found["file"].mode) == ("T", history.LINK)
    assert found["module"].mode == history.SUBMODULE
    assert found["script"].mode_only
    assert not found["file"].mode_only


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_of_a_file_is_only_a_name(made: Repository, name: str) -> None:
    first = made.commit({"other.yaml": "1"})
    second = made.commit({name: "content"})
    third = made.commit({"other.yaml": "2"})
    assert described(made, first, second) == [("A", name)]
    assert last_touching(made.folder, first, third, [name]) == second
    assert history.show(made.folder, second, name) == b"content"
    assert history.show(made.folder, first, name) is None
    (found,) = (one for one in history.listed(made.folder, second) if one.path == name)
    assert list(history.contents(made.folder, [found], limit=7)) == [(found, b"content")]


def test_the_commit_that_touched_a_file_last_is_the_one_on_the_branch(made: Repository) -> None:
    before = made.commit({"a": "1", "b": "1", "c": "1"})
    made.branch("side")
    made.commit({"a": "2"})
    made.commit({"b": "2"})
    made.switch("main")
    direct = made.commit({"c": "2"})
    merge = made.merge("side")
    empty = made.commit()
    last = made.commit({"b": "3"})
    touched = [(commit, sorted(paths)) for commit, paths in history.touching(made.folder, before, last)]
    assert touched == [(direct, ["c"]), (merge, ["a", "b"]), (empty, []), (last, ["b"])]
    assert last_touching(made.folder, before, last, ["a"]) == merge
    assert last_touching(made.folder, before, last, ["a", "b"]) == last
    assert last_touching(made.folder, before, last, ["c"]) == direct
    assert last_touching(made.folder, before, last, ["d"]) == ""
    assert last_touching(made.folder, merge, last, ["a"]) == ""


def test_a_merge_that_turns_the_branch_around_is_followed_as_the_branch_now_is(made: Repository) -> None:
    """Somebody merged main into a topic, and pushed that: the topic's commits are the branch now."""
    made.commit({"a": "1"})
    made.branch("topic")
    topic = made.commit({"t": "1"})
    made.switch("main")
    before = made.commit({"m": "1"})
    made.switch("topic")
    merge = made.merge("main")
    assert history.is_ancestor(made.folder, before, merge)
    assert described(made, before, merge) == [("A", "t")]
    assert last_touching(made.folder, before, merge, ["t"]) == topic


def test_what_a_file_held(made: Repository) -> None:
    first = made.commit({"dir/file": "1"})
    second = made.commit({"dir/file": "2", "binary": b"\0\xff\n"})
    assert history.show(made.folder, first, "dir/file") == b"1"
    assert history.show(made.folder, second, "dir/file") == b"2"
    assert history.show(made.folder, second, "binary") == b"\0\xff\n"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "dir",
        "dir/",
        "./dir/file",
        "dir//file",
        "../checkout/dir/file",
        "/etc/passwd",
        "dir/file\0",
        "nope",
        ".",
    ],
)
def test_a_file_has_one_name(made: Repository, path: str) -> None:
    made.commit({"dir/file": "1"})
    assert history.show(made.folder, made.head, path) is None


def test_links_are_not_followed(made: Repository) -> None:
    made.write({"file": "1"})
    (made.folder / "link").symlink_to("file")
    (made.folder / "out").symlink_to("/etc/passwd")
    made.commit()
    assert history.show(made.folder, made.head, "link") is None
    assert history.show(made.folder, made.head, "out") is None
    assert [
        raw for _, raw in history.contents(made.folder, history.listed(made.folder, made.head), limit=9)
    ] == [b"1"]


def test_a_file_that_is_too_large_is_not_read(made: Repository) -> None:
    made.commit({"large": "x" * 100, "small": "y" * 99})
    with pytest.raises(RunnerError, match="has 100 bytes, at most 99 are read"):
        history.show(made.folder, made.head, "large", limit=99)
    found = history.contents(made.folder, history.listed(made.folder, made.head), limit=99)
    assert [entry.path for entry, _ in found] == ["small"]


def test_contents_come_in_order_and_whole_however_many_there_are(
    made: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, str | bytes | None] = {f"{i:02}": os.urandom(i * 7) + b"\n" for i in range(30)}
    made.commit({**files, "same": files["07"], "empty": b""})
    monkeypatch.setattr(history, "BATCH", 500)
    found = {
        one.path: raw
        for one, raw in history.contents(made.folder, history.listed(made.folder, made.head), limit=999)
    }
    assert found == {**files, "same": files["07"], "empty": b""}


def test_what_a_repository_says_runs_nothing(
    made: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attributes and configuration name programs: an external diff, a text conversion, a hook, a monitor."""
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch '{sprung}'\ncat\n")
    trap.chmod(trap.stat().st_mode | stat.S_IXUSR)
    first = made.commit({".gitattributes": "* diff=evil\n", "a": "1"})
    second = made.commit({"a": "2"})
    for key in ("diff.external", "diff.evil.command", "diff.evil.textconv", "core.fsmonitor", "core.pager"):
        made.git("config", key, os.fspath(trap))
    made.git("config", "core.hooksPath", os.fspath(tmp_path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", os.fspath(trap))
    monkeypatch.setenv("GIT_DIR", os.fspath(tmp_path))
    monkeypatch.setenv("GIT_PAGER", os.fspath(trap))
    assert described(made, first, second) == [("M", "a")]
    assert last_touching(made.folder, first, second, ["a"]) == second
    assert history.show(made.folder, second, "a") == b"2"
    assert not sprung.exists()


def test_replaced_objects_do_not_count(made: Repository) -> None:
    first = made.commit({"a": "1"})
    second = made.commit({"a": "2"})
    made.git("replace", second, first)
    assert history.show(made.folder, second, "a") == b"2"


def test_a_shallow_clone_is_known_as_one(made: Repository, tmp_path: Path) -> None:
    first = made.commit({"a": "1"})
    second = made.commit({"a": "2"})
    shallow = made.clone(tmp_path / "shallow", depth=1)
    assert history.is_shallow(shallow.folder)
    assert not history.is_shallow(made.folder)
    assert not history.exists(shallow.folder, first)
    with pytest.raises(RunnerError) as caught:
        history.changed_files(shallow.folder, first, second)
    assert "fetch-depth: 0" in caught.value.hint


def test_a_folder_without_git_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="not a git repository"):
        history.exists(tmp_path, "ab" * 20)


def test_git_is_bounded_in_time_and_in_what_it_says(made: Repository, tmp_path: Path) -> None:
    made.commit({"a": "x" * 5000})
    with pytest.raises(RunnerError, match="more than 0 MiB to say"):
        git.ask(made.folder, "cat-file", "blob", "HEAD:a", largest=4999)
    assert len(git.ask(made.folder, "cat-file", "blob", "HEAD:a", largest=5000).output) == 5000
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(RunnerError, match=r"did not answer within 0\.2 s"):
        git.ask(made.folder, "hash-object", os.fspath(fifo), seconds=0.2)


def test_git_gets_no_token(made: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    made.commit()
    made.git("config", "alias.environment", "!env")
    said = git.ask(made.folder, "environment").output.decode()
    assert "ghs_secret" not in said
    assert "GIT_OPTIONAL_LOCKS=0" in said


def test_two_thousand_files_are_one_question(made: Repository) -> None:
    before = made.commit({"a": "1"})
    names = {f"queues/{i:04}.yaml": f"{i}" for i in range(2000)}
    after = made.commit(names)
    assert described(made, before, after) == [("A", name) for name in names]
    found = history.contents(made.folder, history.listed(made.folder, after, "queues"), limit=10)
    assert [raw.decode() for _, raw in found] == list(names.values())

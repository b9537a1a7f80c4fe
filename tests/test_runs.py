"""Where runs are and what their directories say."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runner import checkout as checkouts
from runner import events as e
from runner.errors import LogError, NotFoundError, StoreError, UsageError
from runner.events import AttemptFinished, encode_lines
from runner.plan import to_json
from runner.reports import write_reports
from runner.runs import index
from runner.runs.copying import Piece, copy
from runner.runs.files import durations, evidence, last_words, stored_files, tail
from runner.runs.ids import new_run_id
from runner.runs.listing import lifetime
from runner.runs.on_disk import DirectorySource
from runner.runs.places import choose_directory, list_runs, make_home, remember, resolve
from runner.runs.reading import Tail, read
from runner.stores.directory import is_live
from tests.builders import RUN_ID, START, Log, failed_log, job, plan, queue


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def make_run(directory: Path, log: Log | None = None, run_id: str = RUN_ID, age: float = 0.0) -> Path:
    log = log or failed_log()
    directory.mkdir(parents=True)
    (directory / "plan.json").write_bytes(to_json(plan(log.queue)))
    (directory / "events.jsonl").write_bytes(encode_lines(log.events, run_id))
    when = time.time() - age
    os.utime(directory / "plan.json", (when, when))
    return directory


class TestRunId:
    def test_form(self) -> None:
        assert re.fullmatch(r"my\.queue-20261122T180405-[a-z0-9]{6}", new_run_id("my.queue", START))

    def test_two_of_a_second_differ(self) -> None:
        assert len({new_run_id("q", START) for _ in range(50)}) == 50


class TestCheckout:
    def test_top_of_the_repository(self, tmp_path: Path) -> None:
        (tmp_path / "repo/.git").mkdir(parents=True)
        (tmp_path / "repo/.git/HEAD").write_text("ref: refs/heads/main\n")
        (tmp_path / "repo/a/b").mkdir(parents=True)
        assert checkouts.find(tmp_path / "repo/a/b") == tmp_path / "repo"

    def test_a_worktree_has_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "tree/sub").mkdir(parents=True)
        (tmp_path / "tree/.git").write_text("gitdir: /elsewhere\n")
        assert checkouts.find(tmp_path / "tree/sub") == tmp_path / "tree"

    def test_an_empty_git_folder_is_no_repository(self, tmp_path: Path) -> None:
        (tmp_path / "x/.git").mkdir(parents=True)
        (tmp_path / "x/y").mkdir()
        assert checkouts.find(tmp_path / "x/y") == tmp_path / "x/y"

    def test_without_git_nothing_is_known(self, tmp_path: Path) -> None:
        git = checkouts.describe(tmp_path, {"GITHUB_ACTOR": "ann"})
        assert (git.sha, git.branch, git.actor) == ("", "", "ann")


class TestDirectory:
    def test_the_home_is_hidden_from_git(self, checkout: Path) -> None:
        assert make_home(checkout) == checkout / ".runner"
        assert (checkout / ".runner/.gitignore").read_text() == "*\n"
        (checkout / ".runner/.gitignore").write_text("mine\n")
        make_home(checkout)
        assert (checkout / ".runner/.gitignore").read_text() == "mine\n"

    def test_a_home_that_cannot_be_made(self, checkout: Path) -> None:
        (checkout / ".runner").write_text("a file")
        with pytest.raises(StoreError, match="cannot make the folder for runs"):
            make_home(checkout)

    def test_a_chosen_directory_must_be_empty(self, checkout: Path) -> None:
        (checkout / "empty").mkdir()
        assert choose_directory("id", checkout=checkout, run_dir="empty") == checkout / "empty"
        assert choose_directory("id", checkout=checkout, run_dir="new/deep") == checkout / "new/deep"
        (checkout / "full").mkdir()
        (checkout / "full/x").touch()
        for taken in ("full", "full/x"):
            with pytest.raises(UsageError, match="not an empty directory"):
                choose_directory("id", checkout=checkout, run_dir=taken)


class TestResolve:
    def test_the_newest(self, checkout: Path) -> None:
        make_run(checkout / ".runner/a-1", age=100)
        newest = make_run(checkout / ".runner/b-2", age=1)
        make_run(checkout / ".runner/c-3", age=50)
        assert resolve(None, checkout) == newest
        assert [p.run_id for p in list_runs(checkout)] == ["b-2", "c-3", "a-1"]

    def test_id_prefix_and_directory(self, checkout: Path) -> None:
        first, second = make_run(checkout / ".runner/demo-1x"), make_run(checkout / ".runner/demo-2y")
        assert resolve("demo-1x", checkout) == first
        assert resolve("demo-2", checkout) == second
        assert resolve(".runner/demo-1x", checkout) == first
        assert resolve(str(second), checkout) == second
        assert resolve(str(second) + "/", checkout) == second

    def test_an_id_that_begins_another_is_itself(self, checkout: Path) -> None:
        first = make_run(checkout / ".runner/demo-1")
        make_run(checkout / ".runner/demo-12")
        assert resolve("demo-1", checkout) == first

    @pytest.mark.parametrize(
        ("ref", "message", "hint"),
        [
            ("demo", "2 runs begin with demo: demo-1x, demo-2y", "write more"),
            ("demo-3x", "there is no run demo-3x", "did you mean demo-"),
            ("zzzzzzzz", "there is no run zzzzzzzz", "runner runs"),
            ("./nowhere", "there is no directory", "runner runs"),
            (".", "it has no plan.json", "runner runs"),
            ("s3://bucket/prefix/run", "is not on this machine", "status"),
            ("x" * 5000, "there is no run xxx", ""),
            ("nul\0byte", "there is no run", ""),
        ],
    )
    def test_what_is_not_there(self, checkout: Path, ref: str, message: str, hint: str) -> None:
        make_run(checkout / ".runner/demo-1x")
        make_run(checkout / ".runner/demo-2y")
        with pytest.raises(NotFoundError) as found:
            resolve(ref, checkout)
        assert message in found.value.message
        assert hint in found.value.hint

    def test_no_run_at_all(self, checkout: Path) -> None:
        with pytest.raises(NotFoundError, match="no run in"):
            resolve(None, checkout)


class TestIndex:
    def test_a_run_elsewhere_is_found_by_its_id(self, checkout: Path, tmp_path: Path) -> None:
        directory = make_run(tmp_path / "elsewhere")
        remember(RUN_ID, directory, checkout)
        assert resolve(RUN_ID, checkout) == directory
        assert resolve(RUN_ID, tmp_path / "other-checkout") == directory
        assert [p.directory for p in list_runs(checkout)] == [directory]
        assert list_runs(tmp_path / "other-checkout") == []

    def test_runs_at_home_need_no_entry(self, checkout: Path, tmp_path: Path) -> None:
        remember(RUN_ID, checkout / ".runner" / RUN_ID, checkout)
        assert not (tmp_path / "state").exists()

    def test_stale_entries_are_dropped_but_not_young_ones(self, checkout: Path, tmp_path: Path) -> None:
        remember("old", tmp_path / "gone-1", checkout)
        remember("young", tmp_path / "gone-2", checkout)
        folder = index.state_folder() / "runs"
        (old,) = folder.glob("old-*.json")
        os.utime(old, (1, 1))
        assert index.entries() == []
        assert [p.name.split("-")[0] for p in folder.iterdir()] == ["young"]

    def test_what_is_not_an_entry_is_passed_over(self, checkout: Path) -> None:
        folder = index.state_folder() / "runs"
        folder.mkdir(parents=True)
        for name, raw in (("a", b"\xff"), ("b", b"[]"), ("c", b"{}"), ("d", b"[" * 100_000)):
            (folder / f"{name}.json").write_bytes(raw)
        assert index.entries() == []

    def test_a_home_that_cannot_be_written_is_no_trouble(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for home in ("/dev/null/x", "", "/proc"):
            monkeypatch.setenv("HOME", home)
            monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/x")
            entry = index.Entry(run_id="a", directory=Path("/x"), checkout=Path("/y"))
            assert index.remember(entry) is False
            assert index.entries() == []


class TestReading:
    def test_plan_and_state(self, tmp_path: Path) -> None:
        log = failed_log()
        made, state = read(make_run(tmp_path / "run", log))
        assert made.queue == log.queue
        assert state == log.state()

    def test_a_log_that_grows_is_folded_bit_by_bit(self, tmp_path: Path) -> None:
        log = failed_log()
        directory = make_run(tmp_path / "run", log)
        whole = (directory / "events.jsonl").read_bytes()
        (directory / "events.jsonl").write_bytes(b"")
        following = Tail(directory)
        assert following.poll() == []
        seen = []
        for end in range(0, len(whole) + 150, 150):
            (directory / "events.jsonl").write_bytes(whole[:end])
            seen += following.poll()
        assert seen == log.events
        assert following.state.outcome == "failed"

    def test_before_the_log_exists(self, tmp_path: Path) -> None:
        directory = make_run(tmp_path / "demo-id")
        (directory / "events.jsonl").unlink()
        _, state = read(directory)
        assert (state.run_id, state.phase) == ("demo-id", "requested")

    def test_a_log_that_is_none_says_where(self, tmp_path: Path) -> None:
        directory = make_run(tmp_path / "run")
        with (directory / "events.jsonl").open("ab") as file:
            file.write(b'{"seq": 99}\n')
        with pytest.raises(LogError, match=r"events\.jsonl, event \d+: "):
            read(directory)

    def test_a_directory_that_is_none(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "nowhere", Path("/dev/null/x")):
            with pytest.raises(NotFoundError, match=r"no plan\.json"):
                read(path)


class TestLive:
    def test_a_held_lease(self, tmp_path: Path) -> None:
        assert not is_live(tmp_path)
        (tmp_path / "lease").touch()
        assert not is_live(tmp_path)
        with (tmp_path / "lease").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            assert is_live(tmp_path)
            assert is_live(tmp_path)
        assert not is_live(tmp_path)


def test_a_run_took_what_all_its_runners_lived() -> None:
    log = Log(queue(job("a"))).whole("a", 0.0, 3.0, "failed").over(3.0, "failed")
    assert lifetime(log.events) == 3.0
    log.add(e.RunResumed(at=START + 100, max_parallel=1), e.JobsReset(at=START + 100, job_ids=("a",)))
    log.start("a", 100.0).add(e.Heartbeat(at=START + 104))  # and died
    log.add(e.RunResumed(at=START + 200, max_parallel=1)).end("a", 200.0, "lost", interrupted=True)
    assert lifetime(log.add(e.RunInterrupted(at=START + 202, reason="SIGINT")).events) == 9.0


class TestFiles:
    def attempt(self, run: Path, job: str, number: int, **logs: bytes) -> Path:
        folder = run / "jobs" / job / str(number)
        folder.mkdir(parents=True)
        for name, raw in logs.items():
            (folder / f"{name}.log").write_bytes(raw)
        return folder

    def test_last_lines_prefer_standard_error(self, tmp_path: Path) -> None:
        self.attempt(tmp_path, "a", 1, stdout=b"o1\no2\no3\n", stderr=b"e1\ne2\n")
        assert tail(tmp_path, "a", 1, 4) == ("o2", "o3", "e1", "e2")
        assert tail(tmp_path, "a", 1, 2) == ("e1", "e2")
        self.attempt(tmp_path, "b", 1, stdout=b"o1\no2\n", stderr=b"")
        assert tail(tmp_path, "b", 1, 4) == ("o1", "o2")
        assert tail(tmp_path, "c", 1) == ()
        assert [last_words(tmp_path, name, 1) for name in "abc"] == ["e2", "", ""]

    def test_a_log_of_one_huge_line(self, tmp_path: Path) -> None:
        self.attempt(tmp_path, "a", 1, stdout=b"x" * 3_000_000)
        (line,) = tail(tmp_path, "a", 1)
        assert len(line) == 400

    def test_evidence_of_a_failed_run(self, tmp_path: Path) -> None:
        run = make_run(tmp_path / "run")
        self.attempt(run, "build", 2, stderr=b"broken \xff\x1b[31m\n")
        self.attempt(run, "build", 1, stderr=b"of an older attempt\n")
        _, state = read(run)
        assert evidence(run, state).tails["build"] == ("broken �",)

    def test_what_a_job_put_in_place_of_its_files_holds_nobody(self, tmp_path: Path) -> None:
        run = make_run(tmp_path / "run", with_summaries())
        folder = self.attempt(run, "prepare", 1)
        os.mkfifo(folder / "summary.md")
        folder = self.attempt(run, "build", 2)
        os.mkfifo(folder / "stderr.log")
        (folder / "stdout.log").symlink_to("/dev/zero")
        _, state = read(run)
        found = evidence(run, state)
        assert (found.summaries, found.tails["build"]) == ({}, ())

    def test_names_of_any_bytes_come_back(self, tmp_path: Path) -> None:
        folder = self.attempt(tmp_path, "a", 1) / "results"
        folder.mkdir()
        raw = b'{"version": 1, "files": [{"path": "a\xffb", "size": 1, "sha256": "0"}]}'
        (folder / "manifest.json").write_bytes(raw)
        (stored,) = stored_files(tmp_path, "a", 1)
        assert os.fsencode(stored.path) == b"a\xffb"

    @pytest.mark.parametrize(
        ("path", "size"),
        [("a\\u0000b", "1"), ("\\ud800", "1"), ("a", "Infinity"), ("a", "-1"), ("a", "9" * 400)],
    )
    def test_a_manifest_of_what_no_file_is_counts_as_none(self, tmp_path: Path, path: str, size: str) -> None:
        folder = self.attempt(tmp_path, "a", 1) / "results"
        folder.mkdir()
        entry = f'{{"path": "{path}", "size": {size}, "sha256": "0"}}'
        (folder / "manifest.json").write_text(f'{{"version": 1, "files": [{entry}]}}')
        assert stored_files(tmp_path, "a", 1) == ()

    def test_the_longest_name_of_a_file_can_be_copied(self, tmp_path: Path) -> None:
        (tmp_path / ("x" * 255)).write_text("kept")
        piece = Piece(kept="x" * 255, name="y" * 255, size=4)
        assert copy(DirectorySource(tmp_path), piece, tmp_path / "out") == 4
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["y" * 255]

    def test_summaries_and_files_where_the_log_says_so(self, tmp_path: Path) -> None:
        run = make_run(tmp_path / "run", with_summaries())
        folder = self.attempt(run, "prepare", 1)
        (folder / "summary.md").write_bytes(b"# Hi\x1b[2J\n\xff")
        _, state = read(run)
        assert evidence(run, state).summaries["prepare"] == "# Hi\n�"


def with_summaries() -> Log:
    log = failed_log()
    log.events = [replace(e, summary=True) if isinstance(e, AttemptFinished) else e for e in log.events]
    return log


def test_the_json_report_of_an_older_run_gives_durations(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert durations(run) == {}
    assert write_reports(run) == run / "report.md"
    assert durations(run) == {"prepare": 2.0, "cleanup": 0.5}
    (run / "report.json").write_text(json.dumps([1]))
    assert durations(run) == {}

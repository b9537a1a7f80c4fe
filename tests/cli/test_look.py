"""`runner runs`, `status`, `logs`, `results`, `template`: what ran, from its directory alone."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import pytest

from runner.cli.printer import Printer
from runner.runs.on_disk import DirectorySource
from tests.cli.shell import QUEUE, Shell
from tests.waiting import PATIENCE


@pytest.fixture
def ran(shell: Shell) -> Shell:
    """A checkout in which QUEUE ran once (and failed)."""
    shell.write("q.yaml", QUEUE)
    assert shell("run", "q.yaml").code == 1
    return shell


class TestRuns:
    def test_newest_first(self, ran: Shell) -> None:
        ran.write("good.yaml", "queue_id: good\njobs: [{job_id: a, command: 'true'}]")
        ran("run", "good.yaml")
        rows = ran("runs").out.splitlines()
        assert rows[0].split() == ["RUN", "OUTCOME", "STARTED", "(UTC)", "TOOK", "JOBS"]
        assert rows[1].startswith("good-")
        assert " succeeded " in rows[1]
        assert rows[2].startswith("demo-")
        assert rows[2].endswith("4, 1 failed")

    def test_json(self, ran: Shell) -> None:
        (record,) = ran("runs", "--json").json["runs"]
        assert (record["standing"], record["outcome"], record["jobs"], record["failures"]) == (
            "failed",
            "failed",
            4,
            1,
        )
        assert Path(record["directory"]) == ran.runs()[0]

    def test_none(self, shell: Shell) -> None:
        said = shell("runs")
        assert (said.code, said.out) == (0, "")
        assert "no run in" in said.err
        assert shell("runs", "--json").json == {"version": 1, "runs": []}

    def test_where_more_of_them_are(self, ran: Shell) -> None:
        """After `runner launch` people look for their run here."""
        ran.write(".github/runner.yaml", "aws: {region: us-east-1, bucket: lab, prefix: ci}\n")
        assert ran("runs").err == "those in the cloud: runner runs s3://lab/ci\n"
        shutil.rmtree(ran.folder / ".runner")
        assert ran("runs").err.endswith("FILE; those in the cloud: runner runs s3://lab/ci\n")
        assert ran("status").err.endswith("FILE; those in the cloud: runner runs s3://lab/ci\n")

    def test_only_the_newest_unless_all(self, ran: Shell) -> None:
        ran("run", "q.yaml")
        said = ran("runs", "-n", "1")
        assert len(said.out.splitlines()) == 2
        assert "1 older run: runner runs --all" in said.err
        assert len(ran("runs", "--all").out.splitlines()) == 3

    def test_a_run_that_cannot_be_read_hides_no_other(self, ran: Shell) -> None:
        broken = ran.folder / ".runner/broken"
        broken.mkdir()
        (broken / "plan.json").write_text("{")
        said = ran("runs")
        assert said.code == 0
        assert "broken" in said.out
        assert "unreadable" in said.out
        assert "demo-" in said.out


class TestStatus:
    def test_jobs_and_last_words(self, ran: Shell) -> None:
        said = ran("status")
        assert said.code == 0
        rows = [row.split() for row in said.out.splitlines()]
        assert rows[0] == ["JOB", "STATE", "ATTEMPT", "TOOK"]
        assert rows[2][:3] == ["break", "failed", "2"]
        assert rows[2][-3:] == ["exit", "code", "3"]
        assert "because of break" in said.out
        assert "runner retry demo-" in said.out

    def test_a_report_that_is_older_than_the_log_is_not_shown(self, ran: Shell) -> None:
        assert "report: " in ran("status").out
        os.utime(ran.runs()[0] / "report.md", (1, 1))
        assert "report: " not in ran("status").out

    def test_json_is_the_report(self, ran: Shell) -> None:
        assert ran("status", "--json").json == json.loads((ran.runs()[0] / "report.json").read_text())

    def test_watch_of_a_run_that_is_over_shows_it(self, ran: Shell) -> None:
        assert ran("status", "--watch").out == ran("status").out

    def test_by_id_prefix_and_directory(self, ran: Shell) -> None:
        run = ran.runs()[0]
        for ref in (run.name, run.name[:-2], str(run), f".runner/{run.name}"):
            assert ran("status", ref).code == 0
        assert ran("status", "demo-nothing-like-it").code == 3
        assert ran("status", "gs://bucket/x").code == 3

    def test_a_log_from_the_future_is_shown(self, ran: Shell) -> None:
        with (ran.runs()[0] / "events.jsonl").open("a") as log:
            log.write(
                '{"seq":99,"at":"2030-01-01T00:00:00.000000Z","run_id":"x","type":"of_tomorrow","new":1}\n'
            )
        assert ran("status").code == 0

    def test_a_broken_log_is_a_sentence(self, ran: Shell) -> None:
        with (ran.runs()[0] / "events.jsonl").open("a") as log:
            log.write("garbage\n")
        for words in (["status"], ["report"], ["logs", "make"], ["results"], ["resume"], ["retry"]):
            said = ran(*words)
            assert said.code == 4
            assert "events.jsonl" in said.err or "event log" in said.err
            assert "Traceback" not in said.err


class TestLogs:
    def test_output_to_output_and_errors_to_errors(self, ran: Shell) -> None:
        said = ran("logs", "make")
        assert (said.code, said.out, said.err) == (0, "made\n", "careful\n")
        assert ran("logs", "make", "--stream", "stderr").out == ""
        assert ran("logs", "make", "--stream", "stdout").err == ""

    def test_attempts(self, ran: Shell) -> None:
        run = ran.runs()[0].name
        assert ran("logs", run, "break", "--attempt", "1").out == "about to break\n"
        everything = ran("logs", run, "break", "--all")
        assert everything.out == "about to break\n" * 2
        assert everything.err == "runner: attempt 1: failed\nrunner: attempt 2: failed\n"
        missing = ran("logs", run, "break", "--attempt", "7")
        assert missing.code == 3
        assert "it made 2" in missing.err

    def test_a_job_without_a_log(self, ran: Shell) -> None:
        said = ran("logs", "after")
        assert said.code == 3
        assert "it was skipped, because of break" in said.err

    def test_a_job_that_is_none(self, ran: Shell) -> None:
        said = ran("logs", "nobody")
        assert said.code == 3
        assert "its jobs: make, break, after, cleanup" in said.err

    def test_a_run_without_a_job(self, ran: Shell) -> None:
        run = ran.runs()[0].name
        said = ran("logs", run)
        assert said.code == 2
        assert (
            f"which job of {run}?\n  runner logs {run} JOB; its jobs: make, break, after, cleanup\n"
            in said.err
        )

    def test_follow_of_a_finished_job_is_its_log(self, ran: Shell) -> None:
        said = ran("logs", "break", "--follow")
        assert said.out == "about to break\n" * 2
        assert ran("logs", "after", "--follow").code == 0

    def test_files_that_are_gone(self, ran: Shell) -> None:
        for path in (ran.runs()[0] / "jobs/make/1").glob("*.log"):
            path.unlink()
        assert "are not in" in ran("logs", "make").err

    def test_bytes_pass_unchanged_but_not_to_a_terminal(
        self, ran: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raw = b"\x1b[31mred\x1b[0m\n\xff\xfe \x1b]0;title\x07\nno end"
        log = ran.runs()[0] / "jobs/make/1/stdout.log"
        log.write_bytes(raw)
        out = Bytes(terminal=False)
        monkeypatch.setattr("sys.stdout", out)
        assert ran("logs", "make").code == 0
        assert out.buffer.getvalue() == raw
        for words, shown in (
            (["logs", "make"], "red\n�� \nno end\n".encode()),
            (["logs", "make", "--raw"], raw),
        ):
            out = Bytes(terminal=True)
            monkeypatch.setattr("sys.stdout", out)
            assert ran(*words).code == 0
            assert out.buffer.getvalue() == shown

    def test_inside_github_actions_a_log_gives_no_commands(
        self, ran: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        (ran.runs()[0] / "jobs/make/1/stdout.log").write_bytes(b"::error::forged")
        with ran.process("logs", "make", GITHUB_ACTIONS="true") as made:
            out, _ = made.communicate(timeout=PATIENCE)
        rows = out.splitlines()
        token = rows[0].removeprefix("::stop-commands::")
        assert len(token) >= 32
        assert "::error::forged" in out
        assert rows[-1] == f"::{token}::"

    def test_a_huge_line_does_not_fill_the_memory(self, ran: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        (ran.runs()[0] / "jobs/make/1/stdout.log").write_bytes(b"x" * 3_000_000)
        out = Bytes(terminal=True)
        monkeypatch.setattr("sys.stdout", out)
        assert ran("logs", "make").code == 0
        assert out.buffer.getvalue().count(b"x") == 3_000_000


class Bytes(io.TextIOWrapper):
    """Standard output whose bytes can be looked at, a terminal or not."""

    buffer: io.BytesIO

    def __init__(self, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def test_a_printer_passes_on_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "jobs/a/1"
    folder.mkdir(parents=True)
    out = Bytes(terminal=True)
    monkeypatch.setattr("sys.stdout", out)
    with Printer(DirectorySource(tmp_path), "a", ("stdout",), raw=False, token="") as printer:
        for part in (b"one\ntw", b"o \xe2\x82", b"\xac\nthree"):
            with (folder / "stdout.log").open("ab") as log:
                log.write(part)
            printer.show(1, over=False)
        assert out.buffer.getvalue().decode() == "one\ntwo €\n"
        printer.show(1, over=True)
    assert out.buffer.getvalue().decode() == "one\ntwo €\nthree\n"


class TestResults:
    def test_listed_with_size_and_digest(self, ran: Shell) -> None:
        rows = [row.split() for row in ran("results").out.splitlines()]
        assert rows[0] == ["FILE", "SIZE", "SHA-256"]
        digest = "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53"
        assert rows[1] == ["make/1/results/made.txt", "8", "B", digest]
        assert ["make/1/stderr.log", "8", "B"] in rows
        assert ran("results", "--no-logs").out.count("\n") == 2
        assert "made.txt" not in ran("results", "--logs-only").out
        assert ran("results", "--job", "break").out.count("stdout.log") == 2

    def test_copied(self, ran: Shell) -> None:
        said = ran("results", "-o", "out")
        assert said.code == 0
        assert "copied to out" in said.err
        assert (ran.folder / "out/make/1/results/made.txt").read_text() == "content\n"
        assert (ran.folder / "out/break/2/stdout.log").read_text() == "about to break\n"
        assert ran("results", "-o", "out").code == 0  # again, over what is there

    def test_of_a_job_that_is_none_or_left_nothing(self, ran: Shell) -> None:
        assert ran("results", "--job", "nobody").code == 3
        said = ran("results", "--job", "after")
        assert said.code == 0
        assert f"after of {ran.runs()[0].name} has no result files and no logs\n" in said.err
        assert "has no result files\n" in ran("results", "--job", "after", "--no-logs").err

    def test_a_changed_file_is_not_copied(self, ran: Shell) -> None:
        (ran.runs()[0] / "jobs/make/1/results/made.txt").write_text("tampered")
        said = ran("results", "-o", "out")
        assert said.code == 4
        assert "differs from the manifest" in said.err
        assert not (ran.folder / "out/make/1/results/made.txt").exists()

    @pytest.mark.parametrize("name", ["../../../../outside", "/etc/hostname", "", "link"])
    def test_nothing_from_outside_is_copied(self, ran: Shell, name: str) -> None:
        folder = ran.runs()[0] / "jobs/make/1/results"
        (ran.folder / "outside").write_text("secret")
        (folder / "link").symlink_to(ran.folder / "outside")
        record = {"version": 1, "files": [{"path": name, "size": 6, "sha256": "0" * 64}]}
        (folder / "manifest.json").write_text(json.dumps(record))
        said = ran("results", "-o", "out")
        assert said.code == 4
        assert "leads out of" in said.err
        assert not (ran.folder / "out").exists()

    def test_a_target_that_cannot_be_written(self, ran: Shell) -> None:
        said = ran("results", "-o", "/dev/null/x")
        assert said.code == 4
        assert said.err.startswith("runner: cannot copy to ")


class TestTemplate:
    @pytest.fixture
    def own(self, shell: Shell) -> Shell:
        shell.write(
            "templates/queues/mine.yaml", "# yaml-language-server: $schema=x\n# Does my thing.\njobs: []\n"
        )
        return shell

    def test_list_has_our_own_and_its_purpose(self, own: Shell) -> None:
        rows = {row.split(maxsplit=1)[0]: row for row in own("template", "list").out.splitlines()}
        assert rows["mine"].endswith("Does my thing.")

    def test_show(self, own: Shell) -> None:
        assert own("template", "show", "mine").out.endswith("jobs: []\n")

    def test_new_never_overwrites(self, own: Shell) -> None:
        said = own("template", "new", "mine", "-o", "a/b.yaml")
        assert said.code == 0
        assert "runner plan a/b.yaml" in said.err
        assert (own.folder / "a/b.yaml").read_text().endswith("jobs: []\n")
        again = own("template", "new", "mine", "-o", "a/b.yaml")
        assert again.code == 1
        assert "exists and is left alone" in again.err
        assert own("template", "new", "mine").code == 0
        assert (own.folder / "queues/mine.yaml").exists()

    def test_a_template_that_is_none(self, own: Shell) -> None:
        for words in (["show", "mien"], ["new", "mien"]):
            said = own("template", *words)
            assert said.code == 3
            assert "did you mean mine?" in said.err
        assert own("template", "show", "../../etc/passwd").code == 3

    def test_without_a_command_it_shows_its_help(self, own: Shell) -> None:
        said = own("template")
        assert said.code == 2
        assert "list" in said.err

    def test_a_target_that_cannot_be_written(self, own: Shell) -> None:
        assert own("template", "new", "mine", "-o", "/dev/null/x").code == 4


def test_a_folder_that_is_gone(shell: Shell) -> None:
    os.rmdir(shell.folder)
    for words in (["runs"], ["status"], ["validate"], ["run", "q.yaml"]):
        said = shell(*words)
        assert said.code in {3, 4}
        assert "Traceback" not in said.err
        assert said.err.startswith("runner: ")

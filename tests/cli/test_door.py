"""The door itself: help, wrong usage, and the one place where every exception ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from runner import __version__, cli
from runner.cli.commands import COMMANDS, root
from runner.cli.funnel import guarded
from runner.errors import NotFoundError, RefusedError, RunnerError, StoreError, UsageError
from tests.cli.shell import Shell, own_environment
from tests.waiting import PATIENCE


class TestHelp:
    def test_lists_the_commands(self, shell: Shell) -> None:
        said = shell("--help")
        assert said.code == 0
        for name, (_, line) in COMMANDS.items():
            assert re.search(rf"^  {name} +{re.escape(line)}$", said.out, re.MULTILINE)
        assert "130 interrupted" in said.out

    def test_the_list_says_what_each_command_says_itself(self) -> None:
        context = click.Context(root)
        for name, (_, line) in COMMANDS.items():
            command = root.get_command(context, name)
            assert command is not None
            assert command.name == name
            assert (command.help or "").splitlines()[0] == line

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_has_help(self, shell: Shell, name: str) -> None:
        said = shell(name, "--help")
        assert said.code == 0
        assert said.out.startswith(f"Usage: runner {name} ")
        command = root.get_command(click.Context(root), name)
        assert command is not None
        flags = [flag for option in command.params for flag in (*option.opts, *option.secondary_opts)]
        assert [flag for flag in flags if flag.startswith("-") and flag not in said.out] == []

    def test_without_a_command_it_is_wrong_usage_that_shows_the_help(self, shell: Shell) -> None:
        said = shell()
        assert said.code == 2
        assert "Commands:" in said.err
        assert said.out == ""

    def test_version(self, shell: Shell) -> None:
        assert shell("--version").out == f"runner, version {__version__}\n"

    def test_as_a_module(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "runner", "--version"],
            capture_output=True,
            text=True,
            check=True,
            env=own_environment({}),
        )
        assert done.stdout == f"runner, version {__version__}\n"

    def test_help_loads_nothing_heavy(self) -> None:
        heavy = (
            *("boto3", "jinja2", "jsonschema", "jsonschema_rs", "ruamel", "rich"),
            *("platformdirs", "runner.plan", "runner.state"),
        )
        code = (
            "import sys\nfrom runner.cli import invoke\nassert invoke(['--help']) == 0\n"
            f"sys.stderr.write(' '.join(m for m in {heavy!r} if m in sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=own_environment({})
        )
        assert done.stderr == ""


@pytest.mark.parametrize("machine", ["{}", "{provider: ec2, type: m7i.large}"])
def test_validate_loads_nothing_that_only_runs_need(shell: Shell, machine: str) -> None:
    shell.write("q.yaml", f"machine: {machine}\njobs: [{{job_id: a, command: 'true'}}]")
    needless = (
        "rich",
        "platformdirs",
        "tarfile",
        "runner.runs",
        "runner.plan",
        "runner.state",
        "runner.scheduler",
    )
    code = (
        "import sys\nfrom runner.cli import invoke\nassert invoke(['validate', 'q.yaml']) == 0\n"
        f"sys.stderr.write(' '.join(m for m in {needless!r} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=own_environment({})
    )
    assert done.stderr == ""


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["statsu"], "there is no command 'statsu'; did you mean 'status'?"),
            (["xyzzy"], "there is no command 'xyzzy'"),
            (["--nope"], "--nope"),
            (["run"], "Missing argument 'FILE|-'"),
            (["run", "q.yaml", "--max-parallel", "0"], "--max-parallel"),
            (["run", "q.yaml", "-p", "novalue"], "'novalue' is not name=value"),
            (["run", "q.yaml", "-p", "=x"], "'=x' is not name=value"),
            (["validate", "--format", "xml"], "xml"),
            (["status", "--json", "--watch"], "--json and --watch do not go together"),
            (["report", "--format", "html"], "a later version will write HTML"),
            (["results", "--logs-only", "--no-logs"], "leave nothing"),
            (["logs", "a", "b", "c"], "one run and one job"),
            (["logs", "r", "j", "--follow", "--all"], "do not go together"),
        ],
    )
    def test_exit_code_2_and_one_sentence(self, shell: Shell, words: list[str], sentence: str) -> None:
        said = shell(*words)
        assert said.code == 2
        assert sentence in said.err
        assert said.err.startswith("runner: ")
        assert said.out == ""
        assert "Traceback" not in said.err

    def test_names_the_command_to_ask_for_help(self, shell: Shell) -> None:
        assert shell("run").err.endswith("see: runner run --help\n")


class TestFunnel:
    def ends(self, error: BaseException) -> int:
        def action() -> None:
            raise error

        return guarded(action)

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (UsageError("m"), 2),
            (NotFoundError("m"), 3),
            (StoreError("m"), 4),
            (RunnerError("m"), 4),
            (RefusedError("m"), 1),
        ],
    )
    def test_our_errors_say_their_sentence_and_hint(
        self, error: RunnerError, code: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        error.hint = "do this next"
        assert self.ends(error) == code
        assert capsys.readouterr().err == "runner: m\n  do this next\n"

    def test_interrupted(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.ends(KeyboardInterrupt()) == 130
        assert self.ends(click.Abort()) == 130
        assert capsys.readouterr().err == "runner: interrupted\n" * 2

    def test_the_system_says_no(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.ends(PermissionError(13, "Permission denied", "/some/where")) == 4
        assert capsys.readouterr().err == "runner: the system refused: Permission denied: /some/where\n"

    def test_no_memory(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.ends(MemoryError()) == 4
        assert "not enough memory" in capsys.readouterr().err

    def test_a_bug_is_one_sentence_and_a_file(
        self, shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.ends(ZeroDivisionError("oops")) == 70
        said = capsys.readouterr().err
        assert said.startswith("runner: this is a bug in runner (ZeroDivisionError); please report it with ")
        assert len(said.splitlines()) == 1
        kept = Path(said.split(" with ")[1].strip())
        assert kept.is_relative_to(tmp_path)
        assert "ZeroDivisionError: oops" in kept.read_text()
        assert f"runner {__version__}" in kept.read_text()

    def test_a_bug_where_no_file_can_be_written_goes_to_standard_error(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/nowhere")
        monkeypatch.setattr("tempfile.tempdir", "/dev/null/nowhere")
        assert self.ends(ZeroDivisionError("oops")) == 70
        said = capsys.readouterr().err
        assert "ZeroDivisionError: oops" in said
        assert "this is a bug in runner" in said

    def test_codes_pass_through(self) -> None:
        assert guarded(lambda: 1) == 1
        assert guarded(lambda: None) == 0


class TestOutputThatGoesAway:
    def test_a_closed_pipe_is_quiet(self, shell: Shell) -> None:
        with shell.process("--help") as made:
            assert made.stdout is not None
            made.stdout.close()
            said = made.stderr.read() if made.stderr else ""
            made.wait(PATIENCE)
        assert made.returncode == 4
        assert said == ""

    def test_a_full_device_is_said(self, shell: Shell) -> None:
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "runner", "--help"],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                env=own_environment({}),
            )
        assert done.returncode == 4
        assert done.stderr == "runner: the system refused: No space left on device\n"

    def test_any_encoding_will_do(self, shell: Shell) -> None:
        shell.write("q.yaml", "jobs: [{job_id: ü, command: 'true'}]")
        with shell.process("validate", "q.yaml", PYTHONIOENCODING="ascii") as made:
            out, err = made.communicate(timeout=PATIENCE)
        assert made.returncode == 1
        assert "Traceback" not in err + out


def test_main_leaves_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["runner", "xyzzy"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2

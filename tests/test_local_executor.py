"""Real processes through the local executor: ends, signals, trees, masks, leftovers, accounting."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.executors.local import processes
from runner.executors.local.executor import LocalExecutor
from runner.ports import Exit, Running, Spec
from tests.waiting import PATIENCE, until

Make = Callable[..., LocalExecutor]


class Bench:
    """An executor and what a test needs around it."""

    def __init__(self, root: Path, capacity: int = 4, environ: dict[str, str] | None = None) -> None:
        self.root = root
        self.executor = LocalExecutor(
            run_id=f"test-{root.name}", capacity=capacity, environ=environ or {"PATH": os.environ["PATH"]}
        )
        self.seen: list[Running | Exit] = []

    def start(self, name: str, command: str | tuple[str, ...], **fields: object) -> str:
        directory = self.root / "jobs" / name / "1"
        environment = {"RUNNER_OUTPUT": f"{directory}/output", "RUNNER_RESULT_DIR": f"{directory}/results"}
        environment |= fields.pop("environment", {})  # type: ignore[arg-type]
        spec = Spec(
            handle=f"run/{name}/1",
            job_id=name,
            attempt=1,
            command=command,
            shell=fields.pop("shell", ("/bin/bash", "-c")),  # type: ignore[arg-type]
            working_directory=str(fields.pop("working_directory", self.root)),
            environment=environment,
            directory=str(directory),
            **fields,  # type: ignore[arg-type]
        )
        self.executor.start(spec)
        return spec.handle

    def wait(self, handle: str, kind: type = Exit) -> Running | Exit:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for report in self.seen:
                if report.handle == handle and isinstance(report, kind):
                    return report
            select.select([self.executor.fileno()], [], [], 0.2)
            self.seen += self.executor.poll()
        raise AssertionError(f"no {kind.__name__} of {handle}: {self.seen}")

    def run(self, name: str, command: str | tuple[str, ...], **fields: object) -> Exit:
        found = self.wait(self.start(name, command, **fields))
        assert isinstance(found, Exit)
        return found

    def log(self, name: str, stream: str = "stdout") -> str:
        return (self.root / "jobs" / name / "1" / f"{stream}.log").read_text()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "jobs").mkdir()
    made = Bench(tmp_path)
    yield made
    made.executor.close()


def gone(pid: int) -> bool:
    stat = processes.read_stat(pid)
    return stat is None or stat[1] == "Z"


def test_success_and_logs(bench: Bench) -> None:
    report = bench.run("a", "echo out; echo err >&2")
    assert (report.exit_code, report.signal, report.error) == (0, "", "")
    assert bench.log("a") == "out\n"
    assert bench.log("a", "stderr") == "err\n"
    assert isinstance(bench.seen[0], Running)
    assert bench.seen[0].pid > 0


@pytest.mark.parametrize(
    ("command", "code"), [("exit 7", 7), ("false", 1), ("nosuchprogram", 127), ("/etc/passwd", 126)]
)
def test_exit_codes_are_the_shells(bench: Bench, command: str, code: int) -> None:
    assert bench.run("a", command).exit_code == code


def test_exit_by_signal_is_told_apart(bench: Bench) -> None:
    assert bench.run("a", "kill -SEGV $$").signal == "SIGSEGV"
    killed = bench.run("b", "kill -KILL $$")
    assert (killed.exit_code, killed.signal, killed.out_of_memory) == (None, "SIGKILL", False)


def test_standard_input_is_empty(bench: Bench) -> None:
    bench.run("a", "cat; echo end")
    assert bench.log("a") == "end\n"


def test_a_list_is_executed_without_a_shell(bench: Bench) -> None:
    bench.run("a", ("echo", "$HOME", "a  b"))
    assert bench.log("a") == "$HOME a  b\n"


def test_another_shell(bench: Bench) -> None:
    bench.run("a", "echo $0", shell=("/bin/sh", "-c"))
    assert bench.log("a") == "/bin/sh\n"


def test_pipefail_is_off(bench: Bench) -> None:
    assert bench.run("a", "false | true").exit_code == 0


@pytest.mark.parametrize("command", ["true", "env", "ls -d /", "nosuchprogram -x", "./here"])
def test_a_plain_command_is_what_bash_makes_of_it(bench: Bench, command: str) -> None:
    """Executed directly or through bash (forced by a trailing space and `;`), the result is the same."""
    (bench.root / "here").write_text("echo from a file without a shebang\n")
    (bench.root / "here").chmod(0o755)
    direct, shell = bench.run("direct", command), bench.run("shell", f"{command} ;")
    assert direct.exit_code == shell.exit_code
    if command != "env":  # the directories' names differ
        assert bench.log("direct") == bench.log("shell")


def test_bash_functions_and_bash_env_are_respected(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "env").write_text("uname() { echo mine; }\n")
    it = Bench(tmp_path, environ={"PATH": os.environ["PATH"], "BASH_ENV": str(tmp_path / "env")})
    it.run("a", "uname")
    it.executor.close()
    assert it.log("a") == "mine\n"


def test_the_jobs_own_path_is_searched(bench: Bench) -> None:
    (bench.root / "bin").mkdir()
    (bench.root / "bin" / "uname").write_text("#!/bin/sh\necho mine\n")
    (bench.root / "bin" / "uname").chmod(0o755)
    bench.run("a", "uname", environment={"PATH": f"{bench.root}/bin:{os.environ['PATH']}"})
    assert bench.log("a") == "mine\n"


def test_working_directory_and_pwd(bench: Bench) -> None:
    (bench.root / "sub").mkdir()
    bench.run("a", "pwd; echo $PWD; env | grep ^PWD=", working_directory=bench.root / "sub")
    assert bench.log("a") == f"{bench.root}/sub\n{bench.root}/sub\nPWD={bench.root}/sub\n"
    bench.run("b", "env", working_directory=bench.root / "sub")
    assert f"PWD={bench.root}/sub\n" in bench.log("b")


def test_a_missing_working_directory_cannot_start(bench: Bench) -> None:
    report = bench.run("a", "true", working_directory=bench.root / "nowhere")
    assert report.exit_code is None
    assert not report.lost
    assert "nowhere" in report.error


def test_a_missing_executable_cannot_start(bench: Bench) -> None:
    report = bench.run("a", ("/no/such/program",))
    assert report.exit_code is None
    assert "No such file" in report.error


def test_signals_are_as_a_shell_would_have_them(bench: Bench) -> None:
    """SIGPIPE is not ignored (Python ignores it, and children inherit that), nothing is blocked."""
    bench.run("a", "grep -E '^Sig(Ign|Blk)' /proc/$$/status")
    blocked, ignored = (int(line.split()[1], 16) for line in bench.log("a").splitlines())
    assert blocked == 0
    assert ignored & ((1 << 31) - 1) == 0  # the first 31; what libc keeps for itself is not ours to reset


def test_no_descriptor_leaks_into_a_job(bench: Bench) -> None:
    bench.run("a", ("ls", "/proc/self/fd"))
    assert set(bench.log("a").split()) <= {"0", "1", "2", "3"}


def test_an_end_that_is_read_together_with_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    one = Bench(tmp_path, capacity=1)
    try:
        one.run("a", "echo $PPID")
        slot = int(one.log("a"))
        os.kill(slot, signal.SIGSTOP)  # as one that is slow to look
        handle = one.start("b", "sleep 600")
        one.executor.cancel(handle, "cancelled")
        os.kill(slot, signal.SIGCONT)
        report = one.wait(handle)
        assert isinstance(report, Exit)
        assert (report.ended, report.signal) == ("cancelled", "SIGTERM")
    finally:
        one.executor.close()


def test_the_whole_tree_ends_on_cancel(bench: Bench) -> None:
    """A child, a grandchild that left the session, and an orphan of a double fork."""
    script = "sleep 300 & setsid sleep 300 & (setsid sh -c 'sleep 300 & exec sleep 300' &) ; echo ready; wait"
    handle = bench.start("a", script, kill_grace=5.0)
    running = bench.wait(handle, Running)
    assert isinstance(running, Running)
    until(lambda: bench.log("a") == "ready\n")
    until(lambda: len(tree(running.pid, bench)) >= 4)
    pids = tree(running.pid, bench)
    bench.executor.cancel(handle, "cancelled")
    report = bench.wait(handle)
    assert isinstance(report, Exit)
    assert report.ended == "cancelled"
    assert all(gone(pid) for pid in pids)


def tree(pid: int, bench: Bench) -> list[int]:
    slot = processes.read_stat(pid)
    return processes.descendants(slot[0]) if slot else []


def test_what_ignores_term_is_killed_after_the_grace(bench: Bench) -> None:
    handle = bench.start("a", "trap '' TERM; echo ready; while :; do sleep 0.05; done", kill_grace=0.3)
    until(lambda: (bench.root / "jobs/a/1/stdout.log").exists() and bench.log("a") == "ready\n")
    begun = time.monotonic()
    bench.executor.cancel(handle, "timeout")
    report = bench.wait(handle)
    assert time.monotonic() - begun > 0.25
    assert isinstance(report, Exit)
    assert (report.ended, report.signal) == ("timeout", "SIGKILL")


def test_a_job_may_clean_up_within_the_grace(bench: Bench) -> None:
    handle = bench.start("a", "trap 'echo cleaned; exit 3' TERM; echo ready; while :; do sleep 0.05; done")
    until(lambda: (bench.root / "jobs/a/1/stdout.log").exists() and bench.log("a") == "ready\n")
    bench.executor.cancel(handle, "cancelled")
    report = bench.wait(handle)
    assert isinstance(report, Exit)
    assert report.exit_code == 3
    assert "cleaned" in bench.log("a")


def test_a_stopped_job_ends_too(bench: Bench) -> None:
    handle = bench.start("a", "kill -STOP $$; echo never")
    running = bench.wait(handle, Running)
    assert isinstance(running, Running)
    until(lambda: (processes.read_stat(running.pid) or (0, "", 0))[1] == "T")
    bench.executor.cancel(handle, "cancelled")
    assert bench.wait(handle)


def test_processes_left_behind_are_ended_and_said(bench: Bench) -> None:
    report = bench.run("a", "setsid sleep 300 & echo $!", kill_grace=1.0)
    assert report.exit_code == 0
    assert report.leftovers == 1
    assert gone(int(bench.log("a")))
    assert "left behind" in bench.log("a", "stderr")


def test_a_background_process_that_ends_by_itself_is_left_alone(bench: Bench) -> None:
    report = bench.run("a", "(sleep 0.01; echo late) & true")
    assert report.leftovers == 0
    assert bench.log("a") == "late\n"


def test_keep_processes_keeps_them_until_the_run_ends(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    it = Bench(tmp_path, capacity=1)
    it.run("server", "sleep 300 & echo $!", keep_processes=True)
    pid = int(it.log("server"))
    it.run("next", "true")  # another slot takes over: capacity is not used up
    assert not gone(pid)
    it.executor.close()
    assert gone(pid)


@pytest.mark.slow
def test_what_a_kept_process_says_is_masked_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    it = Bench(tmp_path, capacity=1)
    talk = "while :; do echo at sesame-open; sleep 0.02; done"
    it.run("server", f"echo $$; exec bash -c '({talk}) & true'", keep_processes=True, masks=("sesame-open",))
    lines = it.log("server").count("\n")
    until(lambda: it.log("server").count("\n") > lines + 5)
    it.executor.close()
    said = it.log("server")
    assert "sesame" not in said
    assert set(said.splitlines()[1:]) == {"at ***"}


@pytest.mark.slow
def test_any_number_of_jobs_may_keep_processes(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    it = Bench(tmp_path, capacity=1)
    for i in range(12):
        it.run(f"server-{i}", "sleep 300 & echo $!", keep_processes=True)
    pids = [int(it.log(f"server-{i}")) for i in range(12)]
    assert not any(gone(pid) for pid in pids)
    it.executor.close()
    assert all(gone(pid) for pid in pids)


def test_close_ends_what_runs(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    it = Bench(tmp_path)
    running = it.wait(it.start("a", "sleep 300", kill_grace=0.2), Running)
    assert isinstance(running, Running)
    it.executor.close()
    assert gone(running.pid)


def test_a_killed_slot_loses_its_attempt_and_the_tree_ends(bench: Bench) -> None:
    handle = bench.start("a", "setsid sleep 300 & echo $!; wait")
    running = bench.wait(handle, Running)
    assert isinstance(running, Running)
    until(lambda: bench.log("a") != "")
    slot = processes.read_stat(running.pid)
    assert slot is not None
    os.kill(slot[0], signal.SIGKILL)
    report = bench.wait(handle)
    assert isinstance(report, Exit)
    assert report.lost
    until(lambda: gone(int(bench.log("a"))) and gone(running.pid))
    assert bench.run("b", "true").exit_code == 0


def test_a_dead_runner_takes_its_jobs_along(tmp_path: Path) -> None:
    """The slots see their pipes close when the runner is killed."""
    (tmp_path / "jobs").mkdir()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:  # whatever happens, this copy of the test runner must not go on with the tests
            it = Bench(tmp_path)
            found = it.wait(it.start("a", "trap '' TERM; sleep 300", kill_grace=0.2), Running)
            os.write(writer, str(found.pid).encode())  # type: ignore[union-attr]
            signal.pause()
        finally:
            os._exit(1)
    os.close(writer)
    pid = int(os.read(reader, 100))
    os.close(reader)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    until(lambda: gone(pid))
    assert gone(pid)


def test_accounting(bench: Bench) -> None:
    python = "import time; x = bytearray(80_000_000)\nwhile time.process_time() < 0.3: pass"
    report = bench.run("a", ("python3", "-c", python))
    assert 80e6 < report.max_rss < 200e6
    assert 0.2 <= report.cpu_seconds < 5
    assert report.seconds >= 0.2
    small = bench.run("b", "true")
    assert small.max_rss < 20e6  # the floor is the slot's own size


def test_outputs_summary_and_results_are_noticed(bench: Bench) -> None:
    report = bench.run("a", "echo x=1 > $RUNNER_OUTPUT; echo hi > $RUNNER_RESULT_DIR/f")
    assert (report.has_output, report.has_summary, report.has_results) == (True, False, True)
    assert not bench.run("b", "true").has_results


def test_what_a_job_did_to_its_results_folder_does_not_reach_the_next(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    it = Bench(tmp_path, capacity=1)
    it.run("a", "chmod 500 $RUNNER_RESULT_DIR")
    it.run("b", "rmdir $RUNNER_RESULT_DIR; ln -s / $RUNNER_RESULT_DIR")
    it.run("c", "stat -c %F:%a $RUNNER_RESULT_DIR")
    it.run("d", "stat -c %F:%a $RUNNER_RESULT_DIR")
    it.executor.close()
    assert it.log("c") == it.log("d") == "directory:755\n"


def test_a_gigabyte_of_output_does_not_fill_memory(bench: Bench) -> None:
    report = bench.run("a", "head -c 300000000 /dev/zero", environment={})
    assert report.exit_code == 0
    log = bench.root / "jobs/a/1/stdout.log"
    assert log.stat().st_size == 300_000_000
    log.unlink()
    running = [pid for pid in processes.descendants(os.getpid()) if b"VmHWM" in status(pid) and is_ours(pid)]
    assert running
    assert all(int(status(pid).split(b"VmHWM:")[1].split()[0]) < 40_000 for pid in running)


def is_ours(pid: int) -> bool:
    """Not what other tests started for all."""
    return b"moto" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def status(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return b""


def test_secrets_are_masked_on_the_way(bench: Bench) -> None:
    secret = "s3cr3t-value/with+chars"
    script = """echo "1 $TOKEN 2"; printf %s "$TOKEN" | base64
        printf "s3cr3t-va"; sleep 0.1; printf "lue/with+chars"
    """
    bench.run("a", script, environment={"TOKEN": secret}, masks=(secret,))
    text = bench.log("a")
    assert secret not in text
    assert "czNjcjN0" not in text
    assert text.startswith("1 *** 2\n")
    assert text.endswith("***")


def test_a_masked_job_that_prints_much_and_leaves_a_writer_behind(bench: Bench) -> None:
    script = "head -c 3000000 /dev/zero | tr '\\0' x; (sleep 600; echo late) & echo $TOKEN"
    report = bench.run("a", script, environment={"TOKEN": "topsecret"}, masks=("topsecret",), kill_grace=0.2)
    assert report.leftovers >= 1
    text = bench.log("a")
    assert len(text) == 3_000_000 + len("***\n")
    assert text.endswith("x***\n")


def test_many_short_jobs_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    others = set(processes.descendants(os.getpid()))  # what other tests started for all
    it = Bench(tmp_path, capacity=2)
    before = len(os.listdir("/proc/self/fd")) + 2  # the two slots' pipes
    for i in range(0, 200, 2):
        handles = [it.start(f"j{i + k}", "true") for k in range(2)]
        for handle in handles:
            it.wait(handle)
        it.seen.clear()
    assert len(os.listdir("/proc/self/fd")) == before
    below = set(processes.descendants(os.getpid())) - others
    for pid in below:
        assert len(os.listdir(f"/proc/{pid}/fd")) < 20
    it.executor.close()
    assert set(processes.descendants(os.getpid())) <= others

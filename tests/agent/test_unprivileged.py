"""Jobs as a user with no rights: what they can do, and above all what they cannot."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import plan as plans
from runner import run_here
from runner.agent.unprivileged import prepare
from runner.driving import Here
from runner.errors import RefusedError
from runner.executors.local.identity import Identity
from runner.model import Git, Job, Machine, Outcome
from runner.results.reading import OutsideError, freeze, open_within
from runner.runs.reading import read
from runner.state import RunState
from tests.agent.machines import RUN_ID, Cloudy
from tests.aws import Aws
from tests.builders import job, queue
from tests.waiting import until

pytestmark = pytest.mark.root
NOBODY = Identity(name="nobody", uid=65534, gid=65534, home="/tmp")
MADE = f"runner-test-{os.getpid()}"
_NUMBERS = itertools.count(1)


class FixedSecrets:
    def read(self, source: str) -> str:
        assert source == "ssm:/runner/token"
        return "sesame-is-open"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a stranger may look: the folders of tests are their owner's."""
    with tempfile.TemporaryDirectory(prefix="runner-test-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def run(folder: Path, *jobs: Job) -> RunState:
    checkout = folder / "checkout"
    checkout.mkdir()
    os.chown(checkout, NOBODY.uid, NOBODY.gid)
    here = Here(
        directory=folder / "runs" / RUN_ID,
        checkout=checkout,
        environ={"PATH": os.environ["PATH"], "HOME": "/root"},
        identity=NOBODY,
        secrets=FixedSecrets(),
    )
    plan = plans.make(queue(*jobs), source="queues/q.yaml", git=Git(sha="a" * 40))
    run_here.start(plan, here, run_id=RUN_ID, on_events=lambda *_: None)
    return read(here.directory)[1]


def said(folder: Path, name: str, stream: str = "stdout") -> str:
    return (folder / "runs" / RUN_ID / "jobs" / name / "1" / f"{stream}.log").read_text()


def test_a_job_has_all_that_jobs_have(folder: Path) -> None:
    command = """id -u; id -G; echo $HOME $USER $LOGNAME; echo again > /dev/stderr
echo n=1 >> $RUNNER_OUTPUT; echo '# hi' > $RUNNER_SUMMARY
echo r > $RUNNER_RESULT_DIR/r; mkdir -p out; echo o > out/o.txt"""
    state = run(folder, job("a", command=command, result_files=("out/",)), job("b", command="true"))
    assert state.outcome is Outcome.SUCCEEDED
    assert said(folder, "a").splitlines() == ["65534", "65534", "/tmp nobody nobody"]
    assert said(folder, "a", "stderr") == "again\n"
    ended = state.jobs["a"].last_ended
    assert ended is not None
    assert (ended.outputs, ended.summary) == ({"n": "1"}, True)
    kept = folder / "runs" / RUN_ID / "jobs/a/1/results"
    assert (kept / "r").read_text() == "r\n"
    assert (kept / "out/o.txt").read_text() == "o\n"
    other = state.jobs["b"].last_ended
    assert other is not None
    assert (other.outputs, other.summary, other.results) == ({}, False, False)


def test_a_secret_is_given_and_masked(folder: Path) -> None:
    command = 'test "$TOKEN" = sesame-is-open && echo "it is $TOKEN" | tee /dev/stderr'
    state = run(folder, job("a", command=command, secrets={"TOKEN": "ssm:/runner/token"}))
    assert state.outcome is Outcome.SUCCEEDED, state.jobs["a"].reason
    assert said(folder, "a") == said(folder, "a", "stderr") == "it is ***\n"


def test_a_program_that_is_not_there_cannot_start(folder: Path) -> None:
    state = run(folder, job("a", command=("no-such-program", "x")))
    ended = state.jobs["a"].last_ended
    assert ended is not None
    assert ended.cannot_start
    assert "no-such-program" in ended.reason


@pytest.mark.parametrize(
    "command",
    [
        "cat /etc/shadow",
        "touch $RUNNER_RESULT_DIR/../more",
        "mv $RUNNER_RESULT_DIR $RUNNER_RESULT_DIR.old",
        "rm $(dirname $RUNNER_OUTPUT)/stdout.log",
        "ln -sf /etc/shadow $RUNNER_OUTPUT",
        "echo x >> $(dirname $RUNNER_OUTPUT)/../../../events.jsonl",
        "kill -9 $PPID",
        "cat /proc/$PPID/environ",
        "su root -c true < /dev/null",
        "cp /bin/bash own && chmod u+s own && false",
        "grep -q 'NoNewPrivs:.0' /proc/self/status",
        "unshare --mount true",
    ],
)
def test_what_a_job_cannot_do(folder: Path, command: str) -> None:
    state = run(folder, job("a", command=command))
    assert state.jobs["a"].outcome is Outcome.FAILED, said(folder, "a")


def test_its_processes_end_with_it(folder: Path) -> None:
    hiding = "(setsid sh -c 'trap : TERM; while :; do sleep 600 & touch $RUNNER_RESULT_DIR/up; wait; done' &)"
    until_it_is = "until [ -e $RUNNER_RESULT_DIR/up ]; do sleep 0.05; done"
    state = run(
        folder,
        job("left", command=f"{hiding}; {until_it_is}", kill_grace=0.2),
        job("slow", command="trap '' TERM; sleep 600", timeout=0.5, kill_grace=0.2),
    )
    ended = state.jobs["left"].last_ended
    assert ended is not None
    assert ended.leftovers == 2
    assert state.jobs["slow"].outcome is Outcome.TIMED_OUT


@pytest.mark.parametrize(
    ("command", "pattern"),
    [
        ("ln -s /etc/shadow stolen", "stolen"),
        ("ln -s /etc etc", "etc/shadow"),
        ("ln -s /etc/shadow $RUNNER_RESULT_DIR/stolen", ""),
        ("ln -s /etc $RUNNER_RESULT_DIR/etc", ""),
        ("ln -sf /etc/shadow /tmp/runner-test-stolen", "/tmp/runner-test-stolen"),
        ("true", "/etc/shadow"),
    ],
)
def test_what_belongs_to_others_is_no_result(folder: Path, command: str, pattern: str) -> None:
    state = run(folder, job("a", command=command, result_files=(pattern,) if pattern else ()))
    kept = folder / "runs" / RUN_ID / "jobs/a/1/results"
    Path("/tmp/runner-test-stolen").unlink(missing_ok=True)
    assert [
        path
        for path in kept.rglob("*")
        if path.is_file() and not path.is_symlink() and b"root:" in path.read_bytes()
    ] == []
    if pattern or "stolen" in command:
        assert state.jobs["a"].outcome is Outcome.FAILED
        assert "result" in state.jobs["a"].reason


def test_a_kept_program_gives_nobody_rights(folder: Path) -> None:
    command = "cp /bin/true own; chmod 6755 own"
    assert run(folder, job("a", command=command, result_files=("own",))).outcome is Outcome.SUCCEEDED
    kept = folder / "runs" / RUN_ID / "jobs/a/1/results/own"
    assert kept.stat().st_uid == 0
    assert kept.stat().st_mode & 0o7777 == 0o755


class TestReading:
    def test_a_path_that_is_exchanged_is_never_read_as_another(self, folder: Path) -> None:
        """A job swaps a file for a link as fast as it can."""
        secret, inside = folder / "secret", folder / "in"
        secret.write_text("secret")
        inside.mkdir()
        path, good = inside / "file", inside / "good"
        good.write_text("good")
        path.symlink_to(good)
        ending = threading.Event()

        def swap() -> None:
            for target in itertools.cycle((secret, good)):
                if ending.is_set():
                    return
                (inside / "new").symlink_to(target)
                (inside / "new").replace(path)

        swapping = threading.Thread(target=swap)
        swapping.start()
        refused = 0
        try:
            for _ in range(3000):
                try:
                    with open_within(path, (str(inside),)) as file:
                        assert file.read() == b"good"
                except OutsideError:
                    refused += 1
        finally:
            ending.set()
            swapping.join()
        assert refused

    def test_a_frozen_folder_is_its_users_no_more(self, folder: Path) -> None:
        deep = folder / "results/a/b"
        deep.mkdir(parents=True)
        for path in (folder / "results", folder / "results/a", deep):
            path.chmod(0o777)
            os.chown(path, NOBODY.uid, NOBODY.gid)
        freeze(folder / "results", NOBODY.uid)
        for path in (folder / "results", folder / "results/a", deep):
            assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (0, 0o755)
        (deep / "mine").touch()
        os.link(deep / "mine", deep / "linked")
        with pytest.raises(OutsideError, match="does not belong"):
            freeze(folder / "results", NOBODY.uid)


# -- on a machine


class Network:
    """A network of a machine's own, by a process that holds it. We are at two addresses of it."""

    def __init__(self) -> None:
        n = (os.getpid() * 7 + next(_NUMBERS)) % 250 + 1
        self.hosts = (f"10.213.{n}.1", f"10.213.{n}.2")
        self._ours, self._theirs = f"rt{n}a", f"rt{n}b"
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        self.within = ("nsenter", "-t", str(self._holder.pid), "-n")
        self._wait_for_it()
        self._do("ip", "link", "add", self._ours, "type", "veth", "peer", "name", self._theirs)
        self._do("ip", "link", "set", self._theirs, "netns", str(self._holder.pid))
        for host in self.hosts:
            self._do("ip", "addr", "add", f"{host}/24", "dev", self._ours)
        self._do("ip", "link", "set", self._ours, "up")
        self._do(*self.within, "ip", "addr", "add", f"10.213.{n}.9/24", "dev", self._theirs)
        self._do(*self.within, "ip", "link", "set", self._theirs, "up")
        self._do(*self.within, "ip", "link", "set", "lo", "up")

    def _wait_for_it(self) -> None:
        ours = os.readlink("/proc/self/ns/net")
        until(lambda: os.readlink(f"/proc/{self._holder.pid}/ns/net") != ours)

    def _do(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        with contextlib.suppress(subprocess.CalledProcessError):  # it went with its other end
            self._do("ip", "link", "del", self._ours)


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    try:
        yield made
    finally:
        made.close()
        subprocess.run(["userdel", "-r", MADE], check=False, capture_output=True)


@pytest.fixture
def cloudy(aws: Aws, network: Network, folder: Path) -> Iterator[Cloudy]:
    with contextlib.ExitStack() as stack:
        made = Cloudy(aws, folder / "machines", stack, hosts=network.hosts, within=network.within)
        try:
            yield made
        finally:
            made.close()


REACH = """
for url in $AWS_ENDPOINT_URL $AWS_EC2_METADATA_SERVICE_ENDPOINT http://169.254.169.254:80; do
  host=${url#http://}; (exec 3<>"/dev/tcp/${host/:/\\/}") 2>/dev/null && echo reached || echo blocked
done"""


def test_a_machine_keeps_its_role_from_its_jobs(cloudy: Cloudy) -> None:
    """The user is made; the checkout, and what an earlier machine left, is theirs; the role is not."""
    make = "id -un; echo $HOME; cat input; echo x > made; echo s > $RUNNER_STATE_DIR/s"
    again = "cat made >> made; cat $RUNNER_STATE_DIR/s; test $RUNNER_ATTEMPT = 2"
    cloudy.request(
        queue(
            job("make", command=make, result_files=("made",)),
            job("look", "make", command=REACH),
            job("again", "make", command=again),
            machine=Machine(provider="ec2", options={"user": MADE}),
        ),
        {"input": b"from the commit\n"},
    )
    machine = cloudy.launch()
    assert machine.wait() == 0, machine.said()
    assert said_there(cloudy, "make") == [MADE, f"/home/{MADE}", "from the commit"]
    assert said_there(cloudy, "look") == ["reached", "blocked", "blocked"]
    assert (machine.home / "checkout/made").stat().st_uid == pwd.getpwnam(MADE).pw_uid
    machine = cloudy.launch(2, action="retry")
    assert machine.wait() == 0, machine.said()
    assert cloudy.state().outcome is Outcome.SUCCEEDED
    assert said_there(cloudy, "again", 2) == ["s"]


def said_there(cloudy: Cloudy, name: str, attempt: int = 1) -> list[str]:
    log = cloudy.run.get(f"jobs/{name}/{attempt}/stdout.log")
    assert log is not None
    return log.body.decode().splitlines()


PREPARE = """
import socket, subprocess, sys
from pathlib import Path
from runner.agent.unprivileged import prepare
from runner.errors import RefusedError
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with socket.create_server(("127.0.0.1", 0)) as server:
    try:
        prepare(sys.argv[1], "http://127.0.0.1:%d" % server.getsockname()[1], Path(sys.argv[2]))
    except RefusedError as error:
        print(error.message)
"""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "nobody",
            "jobs cannot run as nobody here: the metadata service at 127.0.0.1 cannot be kept from them",
        ),
        ("root", "root is root, or of its group"),
        ("../etc", "'../etc' cannot be the name of a user"),
        ("-h", "'-h' cannot be the name of a user"),
    ],
)
def test_nothing_runs_where_the_role_cannot_be_kept_from_jobs(folder: Path, name: str, sentence: str) -> None:
    """An address of the machine itself: no route leads there, so none can be forbidden."""
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-I", "-c", PREPARE, name, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (sentence, "")


def test_a_user_who_may_become_root_is_refused() -> None:
    name = f"{MADE}-s"
    subprocess.run(["useradd", "-M", "-G", "users,sudo", name], check=True, capture_output=True)
    try:
        with pytest.raises(RefusedError, match=f"{name} is of the group sudo, and so becomes root"):
            prepare(name, "http://127.0.0.1", Path("/nowhere"))
    finally:
        subprocess.run(["userdel", name], check=False, capture_output=True)


def test_a_run_whose_jobs_would_have_the_role_is_over_with_a_sentence(cloudy: Cloudy) -> None:
    cloudy.request(queue(job("a"), machine=Machine(provider="ec2", options={"user": "root"})))
    machine = cloudy.launch()
    assert machine.wait() == 0, machine.said()
    state = cloudy.state()
    assert state.outcome is Outcome.FAILED
    assert state.jobs["a"].reason == "root is root, or of its group"

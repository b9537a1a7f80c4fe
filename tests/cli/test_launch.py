"""`runner launch` against the emulator: what it says of the run that it made."""

from __future__ import annotations

import contextlib
import re

import boto3
import pytest

from runner.clock import SystemClock
from runner.forges.files import FileForge
from runner.ports import RepositoryFacts
from tests.aws import Aws
from tests.aws_strict import IMAGE
from tests.cli.shell import Shell

pytestmark = pytest.mark.slow

QUEUE = """\
queue_id: demo
machine: {{provider: ec2, type: m7i.large, ttl: 1h, ami: {image}{more}}}
jobs:
  - {{job_id: a, command: "true"}}
"""


@pytest.fixture
def account(shell: Shell, aws: Aws) -> Shell:
    """A checkout with a commit. The emulator is one for all tests: what it gets has names of its own."""
    iam = boto3.client("iam", endpoint_url=aws.endpoint)
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_instance_profile(InstanceProfileName="launched")
    ec2 = boto3.client("ec2", region_name="us-east-1", endpoint_url=aws.endpoint)
    group = ec2.create_security_group(GroupName=aws.bucket, Description="no way in")["GroupId"]
    shell.write(
        ".github/runner.yaml",
        f"aws: {{region: us-east-1, bucket: {aws.bucket}, prefix: ci, "
        f"instance_profile: launched, security_group: {group}}}\n",
    )
    shell.write("queue.yaml", QUEUE.format(image=IMAGE, more=""))
    shell.write("other", "file\n")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "first")):
        shell.git(*words)
    return shell


def test_what_it_costs_and_when_it_ends(account: Shell) -> None:
    said = account("launch", "queue.yaml")
    assert said.code == 0, said.err
    first, cost, *_ = said.out.splitlines()
    assert "is asked to run it" in first
    assert cost.startswith("its cost:   at most $0.")
    assert cost.endswith(
        "(3 machines, if the first are lost); each ends by itself after 1h, whatever happens"
    )
    assert said.err.count("older prices are used") <= 1


def test_changes_that_are_not_committed(account: Shell) -> None:
    account.write("other", "changed\n")
    account.write("new/run.sh", "true\n")
    account.write("queue.yaml", QUEUE.format(image=IMAGE, more=", spot: true"))
    said = account("launch", "queue.yaml").err
    assert (
        "the queue is queue.yaml as it is here; the machine gets all other files as HEAD has them, so "
        "without what is not committed here: other, new/\n"
    ) in said


def test_one_that_never_gets_a_machine(account: Shell, aws: Aws) -> None:
    account.write("queue.yaml", QUEUE.format(image="ami-00000000000000000", more=""))
    said = account("launch", "queue.yaml")
    assert said.code in {1, 4}
    url = said.err.rstrip().rpartition("runner status ")[2]
    assert url.startswith(aws.url("ci/runs/demo-")), said.err
    assert f"runner: {url.rpartition('/')[2]}: no machine: " in said.err
    shown = account("status", url).out
    assert "machine: none was launched, cost $0.00" in shown
    told = account("report", url).out
    assert "Class: never ran." in told
    assert "without a name" not in told
    assert f"runner retry {url}" in told
    assert account("status", "--json", url).json["cost"]["at_most"] == 0


def test_one_whose_machine_could_not_be_asked_for(account: Shell, aws: Aws) -> None:
    """The run is there, and somebody has to know. A group would be of one region."""
    settings = account.folder / ".github" / "runner.yaml"
    settings.write_text(re.sub(r", security_group: [^}]+", "", settings.read_text()))
    account.write("queue.yaml", QUEUE.format(image=IMAGE, more=", region: us-esat-1"))
    said = account("launch", "queue.yaml")
    assert said.code == 0, said.err
    assert "could not be asked for yet" in said.out
    assert "goes on:    runner reconcile asks again" in said.out
    assert f"stop it:    runner cancel {aws.url('ci/runs/demo-')}" in said.out


def test_a_queue_that_no_machine_is_launched_for(account: Shell) -> None:
    for provider, hint in (
        ("local", "run it here: runner run local.yaml; or add"),
        ("batch", "leave it out"),
    ):
        name = account.write(
            f"{provider}.yaml", f"machine: {{provider: {provider}}}\njobs: [{{job_id: a, command: 'true'}}]\n"
        )
        said = account("launch", name)
        assert (said.code, f"\n  {hint}" in said.err) == (2, True), said.err


def test_where_there_is_no_commit(shell: Shell) -> None:
    said = shell("launch", "queue.yaml")
    assert (said.code, "is not in a git repository" in said.err) == (3, True), said.err
    shell.git("init", "-q")
    said = shell("launch", "queue.yaml")
    assert (said.code, "has no commit yet" in said.err) == (3, True), said.err
    said = shell("launch", "--commit", "nope", "queue.yaml")
    assert (said.code, "git knows no commit nope" in said.err) == (3, True), said.err


def test_a_file_that_no_commit_of_the_checkout_has(account: Shell) -> None:
    for name in ("/dev/null", "-"):
        said = account("launch", "--commit", "HEAD", name)
        assert (said.code, said.err.splitlines()[-1].strip()) == (2, "name a file of that commit")


def test_a_retry_says_what_became_of_it(account: Shell) -> None:
    url = account("launch", "queue.yaml", "--json").json["results"]
    live = account("retry", url)
    assert (live.code, f"or end it: runner cancel {url}\n" in live.err) == (4, True), live.err
    said = account("cancel", url)
    assert (said.code, said.err.endswith("this does it at once: runner reconcile\n")) == (0, True), said.err
    assert account("reconcile").code == 0
    said = account("retry", url, "--json")
    assert (said.code, said.json["results"]) == (0, url), said.err
    assert said.json["instance_id"].startswith("i-")


def test_a_retry_that_gets_no_machine_says_why(account: Shell) -> None:
    url = account("launch", "queue.yaml", "--json").json["results"]
    assert account("cancel", url).code == 0
    assert account("reconcile").code == 0
    account.write(
        ".github/runner.yaml",
        (account.folder / ".github/runner.yaml").read_text() + "policy: {machine_types: [c7i.large]}\n",
    )
    said = account("retry", url)
    assert said.code == 1
    assert "no machine: " in said.err
    assert "nothing to do" not in said.err


def test_a_run_is_followed_for_a_time_and_to_its_end(account: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose time is up leaves the rest to the next one; nothing of it is lost."""
    forge = FileForge(account.folder.parent / "forge", clock=SystemClock())
    forge.put_repository(RepositoryFacts(id=1, full_name="ann/queues", default_branch="main"))
    monkeypatch.setenv("GITHUB_API_URL", f"file://{account.folder.parent / 'forge'}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "ann/queues")
    made = account("launch", "queue.yaml", "--json").json
    commit = account.git("rev-parse", "HEAD").strip()

    def shown() -> dict[str, str]:
        return {one.context: one.state for one in forge.statuses(commit)}

    assert account("follow", made["run_id"], "--for", "3s").code == 0
    assert shown()["runner/demo"] == "pending"
    assert account("cancel", made["results"]).code == 0
    assert account("follow", made["results"]).code == 0
    assert shown()["runner/demo"] == "error"
    assert account("follow", made["run_id"], "--for", "soon").code == 2
    said = account("reap", "--region", "us-west-2")
    assert (said.code, said.err.splitlines()[-1]) == (
        0,
        "runner: no machine of ann/queues is alive without a run",
    )

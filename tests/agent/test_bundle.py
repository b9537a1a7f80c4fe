"""What a machine is given: small, complete, the same for the same commit."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from runner.bundle import checkout, missed, program
from runner.bundle.archive import Archive, pack
from runner.bundle.closure import closure
from runner.bundle.order import MachineOrder, from_json, order_name, to_json
from runner.bundle.sending import give_order, send
from runner.bundle.unheard import Unheard
from runner.errors import LogError, NotFoundError
from runner.model import Machine
from runner.problems import Severity
from tests.aws import Aws
from tests.builders import job, queue
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bundle")]

KNOWN_TO_OTHERS = {"ruamel", "jsonschema", "jsonschema_rs", "github3", "requests", "click", "rich"}
"""The halves of the program that read files of users, and that speak to forges and people."""
LIMIT = 12 << 20


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return program.build(tmp_path_factory.mktemp("program") / "program.tar.gz")


@pytest.fixture(scope="module")
def unpacked(packed: Archive) -> Path:
    folder = packed.path.with_name("program")
    with tarfile.open(packed.path) as tar:
        for member in tar:
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            found = tar.extractfile(member)
            assert found is not None
            target.write_bytes(found.read())
    return folder


class TestProgram:
    def test_it_is_small_pure_and_the_same_each_time(self, packed: Archive, tmp_path: Path) -> None:
        assert packed.size < LIMIT
        assert program.build(tmp_path / "again.tar.gz").sha256 == packed.sha256
        assert packed.name == f"bundles/{packed.sha256}.tar.gz"
        with tarfile.open(packed.path) as tar:
            names = tar.getnames()
        assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc"))]
        services = {
            name.split("/")[2] for name in names if name.startswith("botocore/data/") and name.count("/") > 3
        }
        assert services == set(program.SERVICES)

    def test_it_starts_anywhere_without_any_other_package(self, unpacked: Path, tmp_path: Path) -> None:
        """`-S`: this Python has no packages of its own at all."""
        asked = ["--run", "s3://my-runs/ci/runs/demo-1", "--generation", "1", "--ttl", "0.5"]
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", str(unpacked), *asked],
            env={"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 4, done.stderr
        assert "the metadata service does not answer" in done.stderr

    @pytest.mark.slow
    def test_it_has_clients_for_what_a_machine_asks(self, unpacked: Path, tmp_path: Path) -> None:
        code = (
            f"import sys; sys.path.insert(0, {str(unpacked)!r})\n"
            "import runner.agent.instance, boto3\n"
            "assert 'jinja2' not in sys.modules  # templates are evaluated in a process of their own\n"
            "import runner.evaluation\n"
            f"for name in {program.SERVICES!r}: boto3.client(name, region_name='eu-west-1')\n"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code], env={}, cwd=tmp_path, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def test_what_others_packages_are_for_is_not_in_it(self) -> None:
        found = closure(program.ROOTS)
        assert set(found.others) <= set(program.CARRIED)
        assert not KNOWN_TO_OTHERS & set(found.others)
        parts = {module.split(".")[1] for module in found.modules if "." in module}
        strangers = {"cli", "gitops", "forges", "setup", "publish", "document", "schema", "validate", "load"}
        assert not strangers & parts


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "run.sh").write_text("#!/bin/sh\necho hello\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("run.sh")
    (folder / ".gitattributes").write_text(
        "secret.txt export-ignore\nversion.txt export-subst\n*.bin filter=lfs diff=lfs merge=lfs -text\n"
    )
    (folder / "secret.txt").write_text("for jobs\n")
    (folder / "version.txt").write_text("$Format:%H$\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def contents(archive: Archive) -> dict[str, tuple[int, bytes]]:
    with tarfile.open(archive.path) as tar:
        members = [(one, tar.extractfile(one)) for one in tar if not one.isdir()]
        return {one.name: (one.mode & 0o777, found.read() if found else b"") for one, found in members}


class TestCheckout:
    def test_it_has_what_a_checkout_has(self, repository: Path, tmp_path: Path) -> None:
        (repository / "run.sh").write_text("changed, and not committed\n")
        made = checkout.build(repository, "HEAD", tmp_path / "c.tar.gz")
        assert made.commit == git(repository, "rev-parse", "HEAD")
        assert made.problems() == []
        found = contents(made.archive)
        assert found["run.sh"] == (0o755, b"#!/bin/sh\necho hello\n")
        assert found["secret.txt"] == (0o644, b"for jobs\n")
        assert found["version.txt"] == (0o644, b"$Format:%H$\n")
        assert "link" in found
        assert not (repository / ".git/info/attributes").exists()

    def test_the_same_commit_is_the_same_archive_in_every_clone(
        self, repository: Path, tmp_path: Path
    ) -> None:
        first = checkout.build(repository, "HEAD", tmp_path / "c.tar.gz")
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "-q", "--depth=1", repository.as_uri(), str(clone))
        git(clone, "config", "tar.umask", "0077")
        again = checkout.build(clone, first.commit, tmp_path / "d.tar.gz")
        assert again.archive.sha256 == first.archive.sha256

    def test_what_a_commit_has_only_pointers_of_is_told(self, repository: Path, tmp_path: Path) -> None:
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 9\n"
        (repository / "model.bin").write_text(pointer)
        (repository / "other.txt").write_text("version https://git-lfs.github.com/spec is what they say\n")
        git(repository, "add", ".")
        commit = git(repository, "rev-parse", "HEAD")
        git(repository, "update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/lib")
        git(repository, "commit", "-q", "-m", "second")
        made = checkout.build(repository, "HEAD", tmp_path / "c.tar.gz")
        assert made.lfs == ("model.bin",)
        assert made.submodules == ("vendor/lib",)
        assert [sentence.split(" ")[0] for sentence in made.problems()] == ["model.bin", "vendor/lib"]
        assert list(checkout.missed(repository, made.commit)) == made.problems()

    def test_only_a_machine_misses_it(self, repository: Path) -> None:
        git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'f' * 40},vendor/lib")
        git(repository, "commit", "-q", "-m", "second")
        commit = git(repository, "rev-parse", "HEAD")
        there = queue(job("a"), machine=Machine(provider="ec2"))
        (told,) = missed.problems(there, repository, commit, "q.yaml")
        assert (str(told.location), told.severity) == ("q.yaml", Severity.WARNING)
        assert told.message.startswith("vendor/lib is a submodule: a machine gets an empty folder")
        assert missed.problems(queue(job("a")), repository, commit, "q.yaml") == []
        assert missed.problems(there, repository, "", "q.yaml") == []

    def test_a_commit_that_is_not_there_is_a_sentence(self, repository: Path, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="no commit"):
            checkout.build(repository, "f" * 40, tmp_path / "c.tar.gz")


class TestOrder:
    ORDER = MachineOrder(
        unheard=(Unheard(instance_id="i-0", generation=1, launched_at=1.5, reason="it did not boot"),),
        checkout="bundles/1.tar.gz",
        checkout_sha256="1" * 64,
        action="retry",
        job_ids=("a",),
        by="sam",
    )

    def test_it_goes_through_json(self) -> None:
        assert from_json(to_json(self.ORDER), order_name(3)) == self.ORDER
        assert order_name(3) == "order/3.json"

    def test_one_that_does_not_say_who_asked_is_read(self) -> None:
        form = json.loads(to_json(replace(self.ORDER, because="the machine was taken back")))
        del form["by"], form["because"]
        read = from_json(json.dumps(form).encode(), "order/1.json")
        assert (read.by, read.because) == ("", "")
        assert read == replace(self.ORDER, by="")

    @pytest.mark.parametrize(
        "raw", [b"", b"[]", b'{"version": 2}', b'{"version":1,"action":"erase"}', b"[" * 9999]
    )
    def test_what_is_none_is_a_sentence(self, raw: bytes) -> None:
        with pytest.raises(LogError, match=r"order/3\.json is not an order"):
            from_json(raw, order_name(3))


@pytest.mark.slow
def test_archives_and_orders_are_sent_once(aws: Aws, tmp_path: Path) -> None:
    packed = pack([("b", b"2"), ("a", b"1")], tmp_path / "x.tar.gz")
    assert send(aws.at("ci"), packed)
    assert not send(aws.at("ci"), packed)
    run = aws.at("ci/runs/demo-1")
    assert give_order(run, TestOrder.ORDER, 1) == TestOrder.ORDER
    other = MachineOrder(checkout="bundles/2.tar.gz", checkout_sha256="2" * 64)
    assert give_order(run, other, 1) == TestOrder.ORDER

from __future__ import annotations

import os
import random
import socket
from pathlib import Path
from typing import Any

import pytest

from runner.errors import NotFoundError, RunnerError
from runner.model import Git
from runner.prepare import Prepared, discover, prepare
from runner.problems import Severity
from tests.hostile_queues import HOSTILE
from tests.measuring import measure

ROOT = Path(__file__).parent.parent
EXAMPLES = Path(__file__).parent / "examples"
QUEUE = "jobs:\n  - job_id: a\n    command: x\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    (folder / "queues").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def prepared(source: str, checkout: Path, **options: Any) -> Prepared:
    given: dict[str, Any] = {
        "environ": {},
        "git": Git(sha="1234", branch="main"),
        "now": "2026-11-22T18:00:00Z",
    }
    return prepare(source, checkout=checkout, **{**given, **options})


def said(found: Prepared) -> list[str]:
    return [f"{p.location} {p.rule}: {p.message}" for p in found.problems]


class TestSources:
    def test_a_file(self, checkout: Path) -> None:
        put(checkout / "queues/q.yaml", QUEUE)
        found = prepared("queues/q.yaml", checkout)
        assert found.problems == []
        assert found.queue is not None
        assert found.queue.queue_id == "q"
        assert found.document is not None
        assert found.document.name == "queues/q.yaml"

    def test_standard_input(self, checkout: Path) -> None:
        found = prepared("-", checkout, stdin=QUEUE.encode())
        assert found.queue is not None
        assert found.queue.queue_id == "stdin"
        assert said(prepared("-", checkout, stdin=b"jobs: 5")) == [
            "-:1:7 schema: `jobs` must be a list, not `5`"
        ]

    def test_a_file_that_is_not_there(self, checkout: Path) -> None:
        with pytest.raises(NotFoundError, match=r"there is no file nowhere\.yaml"):
            prepared("nowhere.yaml", checkout)

    def test_a_path_that_is_none(self, checkout: Path) -> None:
        with pytest.raises(RunnerError, match="cannot be read"):
            prepared("a\0b", checkout)

    def test_a_file_below_a_file(self, checkout: Path) -> None:
        put(checkout / "q.yaml", QUEUE)
        with pytest.raises(RunnerError, match="cannot be read: Not a directory"):
            prepared("q.yaml/x", checkout)

    def test_what_is_not_a_file(self, checkout: Path) -> None:
        os.mkfifo(checkout / "pipe.yaml")
        assert said(prepared("queues", checkout)) == ["queues file: this is a directory, not a file"]
        assert said(prepared("pipe.yaml", checkout)) == ["pipe.yaml file: this is a pipe, not a file"]
        assert said(prepared("/dev/zero", checkout)) == ["/dev/zero file: this is a device, not a file"]

    def test_a_socket(self, checkout: Path) -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("s.yaml")
            with pytest.raises(RunnerError, match=r"s\.yaml cannot be read"):
                prepared("s.yaml", checkout)

    def test_a_link_that_leads_out_of_the_repository(self, checkout: Path, tmp_path: Path) -> None:
        outside = put(tmp_path / "outside.yaml", QUEUE)
        (checkout / "queues/q.yaml").symlink_to(outside)
        (checkout / "away").symlink_to(tmp_path)
        for source in ("queues/q.yaml", "away/outside.yaml", str(checkout / "queues/q.yaml")):
            found = prepared(source, checkout)
            assert found.queue is None
            assert "symlink: the link leads out of the repository" in said(found)[0]

    def test_a_link_inside_and_a_file_elsewhere_are_fine(self, checkout: Path, tmp_path: Path) -> None:
        put(checkout / "real.yaml", QUEUE)
        (checkout / "queues/q.yaml").symlink_to("../real.yaml")
        elsewhere = put(tmp_path / "elsewhere.yaml", QUEUE)
        assert prepared("queues/q.yaml", checkout).problems == []
        assert prepared(str(elsewhere), checkout).problems == []

    def test_no_descriptor_is_left_open(self, checkout: Path) -> None:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            prepared("queues", checkout)
            prepared("-", checkout, stdin=b"")
        assert len(os.listdir("/proc/self/fd")) == before


class TestTemplates:
    TEMPLATE = """\
        params:
          name: {default: world}
          times: {type: integer, default: 1}
        jobs:
          - job_id: greet
            command: echo ${{ params.name | q }}
            timeout: 1m
          - job_id: again
            command: echo ${{ params.times }}
            depends_on: [greet]
        """

    @pytest.fixture(autouse=True)
    def _template(self, checkout: Path) -> None:
        text = "\n".join(line[8:] for line in self.TEMPLATE.splitlines())
        put(checkout / "templates/queues/greeting.yaml", text)

    def test_its_fields_are_under_those_of_the_file(self, checkout: Path) -> None:
        text = "template: greeting\nwith: {name: it's me}\njobs:\n  - {job_id: greet, timeout: 2m}\n"
        found = prepared("-", checkout, stdin=text.encode())
        assert found.problems == []
        assert found.queue is not None
        assert [(job.job_id, job.command, job.timeout) for job in found.queue.jobs] == [
            ("greet", "echo 'it'\"'\"'s me'", 120.0),
            ("again", "echo 1", None),
        ]
        assert found.queue.params == {"name": "it's me", "times": 1}

    def test_the_command_line_goes_before_with(self, checkout: Path) -> None:
        text = b"template: greeting\nwith: {times: 2}\n"
        found = prepared("-", checkout, stdin=text, params={"times": "3"})
        assert found.queue is not None
        assert found.queue.params["times"] == 3

    def test_problems_stand_where_they_were_written(self, checkout: Path) -> None:
        put(checkout / "templates/queues/wrong.yaml", "jobs:\n  - {job_id: a, command: x, timeout: soon}\n")
        text = b"template: wrong\njobs:\n  - {job_id: b, command: x, depends_on: [c]}\n"
        assert said(prepared("-", checkout, stdin=text)) == [
            "-:3:42 unknown-dependency: there is no job `c` to depend on",
            "templates/queues/wrong.yaml:2:38 schema: `timeout` must be a duration, not `soon`",
        ]

    def test_a_line_of_the_template_is_not_given_as_one_of_the_file(self, checkout: Path) -> None:
        text = b"template: greeting\njobs:\n  - {job_id: own, command: x}\n  - {job_id: own, command: x}\n"
        assert said(prepared("-", checkout, stdin=text)) == [
            "-:4:14 duplicate-id: the job id `own` is taken by another job, in line 3"
        ]

    def test_those_of_the_package_are_found_too(self, checkout: Path) -> None:
        names = sorted(path.stem for path in (ROOT / "templates/queues").glob("*.yaml"))
        assert names
        for name in names:
            assert prepared("-", checkout, stdin=f"template: {name}\n".encode()).queue is not None

    def test_a_link_does_not_lead_a_template_out(self, checkout: Path, tmp_path: Path) -> None:
        (checkout / "templates/queues/away.yaml").symlink_to(put(tmp_path / "away.yaml", QUEUE))
        assert "there is no template `away`" in said(prepared("-", checkout, stdin=b"template: away\n"))[0]


class TestParams:
    TEXT = (
        b"params: {n: {type: integer}, s: {default: a}}\n"
        b"jobs:\n  - {job_id: a, command: x, timeout: '${{ params.n }}'}\n"
    )

    def test_given(self, checkout: Path) -> None:
        found = prepared("-", checkout, stdin=self.TEXT, params={"n": "5"}, require_params=True)
        assert found.queue is not None
        assert found.queue.jobs[0].timeout == 5.0
        assert found.queue.params == {"n": 5, "s": "a"}

    def test_missing_where_they_are_needed(self, checkout: Path) -> None:
        found = prepared("-", checkout, stdin=self.TEXT, require_params=True)
        assert said(found) == ["-:1:10 params: the parameter `n` has no value"]
        assert found.queue is None

    def test_missing_where_they_are_not(self, checkout: Path) -> None:
        found = prepared("-", checkout, stdin=self.TEXT)
        assert found.problems == []
        assert found.queue is None
        assert found.missing == {"n"}

    def test_unknown_and_unfit(self, checkout: Path) -> None:
        found = prepared("-", checkout, stdin=self.TEXT, params={"n": "many", "m": "1"}, require_params=True)
        assert said(found)[0].startswith("- params: ")  # the command line is to blame, no line of the file
        assert [line.split(": ", 1)[1] for line in said(found)] == [
            "the queue has no parameter 'm' (it has: n, s)",
            "parameter 'n' must be an integer, not 'many'",
        ]

    def test_what_is_read_from_git_is_remembered_as_it_was_written(self, checkout: Path) -> None:
        text = b"jobs:\n  - {job_id: a, command: 'deploy ${{ git.sha }} ${{ now | q }}'}\n"
        found = prepared("-", checkout, stdin=text)
        assert found.queue is not None
        assert found.queue.jobs[0].command == "deploy 1234 2026-11-22T18:00:00Z"
        assert found.volatile == {("jobs", 0, "command"): "deploy ${{ git.sha }} ${{ now | q }}"}

    @pytest.mark.parametrize(
        "text",
        [
            'queue_id: "\\x24{{ params.x }}"\n',
            'queue_id: "\\u0024\\u007b\\u007b params.x }}"\n',
            'queue_id: "$\\\n  {\\\n  { params.x }}"\n',
        ],
        ids=["hex", "unicode", "folded"],
    )
    def test_no_way_of_writing_hides_an_expression(self, checkout: Path, text: str) -> None:
        found = prepared("-", checkout, stdin=f"params: {{x: {{default: a}}}}\n{text}{QUEUE}".encode())
        assert found.queue is not None
        assert found.queue.queue_id == "a"


class TestConfiguration:
    def test_its_own_problems_stand_in_it(self, checkout: Path) -> None:
        put(checkout / ".github/runner.yaml", "policy:\n  max_tll: 3h\n")
        found = prepared("-", checkout, stdin=QUEUE.encode())
        assert said(found) == [".github/runner.yaml:2:3 unknown-field: `max_tll` is not a field of `policy`"]
        assert found.queue is None

    def test_policy_and_machine(self, checkout: Path) -> None:
        put(
            checkout / ".github/runner.yaml",
            "aws: {bucket: my-runs}\nmachine: {provider: ec2, type: p5.48xlarge}\n"
            "policy: {machine_types: ['m7i.*'], max_ttl: 1d, max_disk: 100GB, secrets: ['env:*']}\n"
            "queues: ['q/*.yaml']\n",
        )
        found = prepared("-", checkout, stdin=QUEUE.encode())
        errors = [p for p in found.problems if p.severity is Severity.ERROR]
        assert [p.message for p in errors] == ["the policy does not allow `type: p5.48xlarge`"]
        assert found.config.has_aws
        assert found.config.queues == ("q/*.yaml",)
        assert found.config.policy.max_ttl == 86400.0
        assert found.config.policy.max_disk == 100 * 10**9

    @pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n", "---\n"])
    def test_an_empty_one_is_none(self, checkout: Path, text: str) -> None:
        put(checkout / ".github/runner.yaml", text)
        assert prepared("-", checkout, stdin=QUEUE.encode()).problems == []


class TestDiscovery:
    @pytest.fixture(autouse=True)
    def _files(self, checkout: Path) -> None:
        for name in (
            "queues/b.yaml",
            "queues/deep/er/a.yml",
            "queues/c.json",
            "queues/x.txt",
            "other/d.yaml",
        ):
            put(checkout / name, QUEUE)
        put(checkout / "queues/.git/e.yaml", QUEUE)

    def found(self, checkout: Path, *paths: str) -> list[str]:
        config = prepared("-", checkout, stdin=b"").config
        return [path.as_posix() for path in discover([Path(p) for p in paths], config, checkout)]

    def test_those_of_the_configuration(self, checkout: Path) -> None:
        assert self.found(checkout) == ["queues/b.yaml", "queues/c.json", "queues/deep/er/a.yml"]
        put(checkout / ".github/runner.yaml", "queues: ['other/*.yaml', 'queues/*/**/*.yml']\n")
        assert self.found(checkout) == ["other/d.yaml", "queues/deep/er/a.yml"]
        put(checkout / ".github/runner.yaml", "queues: ['**/[bd].yaml']\n")
        assert self.found(checkout) == ["other/d.yaml", "queues/b.yaml"]

    def test_those_that_are_named(self, checkout: Path) -> None:
        assert self.found(checkout, "queues/x.txt", "queues/deep", "queues/deep/er/a.yml") == [
            "queues/x.txt",
            "queues/deep/er/a.yml",
        ]

    def test_none(self, checkout: Path) -> None:
        with pytest.raises(NotFoundError, match="there is no file nowhere"):
            self.found(checkout, "nowhere")


class TestExamples:
    @pytest.mark.parametrize("path", sorted((EXAMPLES / "seed").glob("*.json")), ids=lambda p: p.name)
    def test_the_patterns_pass_unchanged(self, path: Path) -> None:
        found = prepared(str(path), ROOT)
        assert not found.has_errors
        assert found.queue is not None
        assert {p.rule for p in found.problems} <= {"undefined-variable"}

    @pytest.mark.parametrize("path", sorted((ROOT / "queues").rglob("*.yaml")), ids=lambda p: p.name)
    def test_our_own_queues_pass(self, path: Path) -> None:
        found = prepared(str(path), ROOT, environ={"SLACK_WEBHOOK": "x"})
        assert not found.has_errors, said(found)


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_end_in_bounded_time_and_memory(case: str, tmp_path: Path) -> None:
    """Templates are rendered in a child, which counts too."""
    cost = measure(
        HOSTILE[case](),
        imports="from pathlib import Path; from runner.model import Git; from runner.prepare import prepare",
        work="[len(p.message) for p in"
        ' prepare("-", checkout=Path("."), environ={}, git=Git(), now="", stdin=raw).problems]',
        folder=tmp_path,
    )
    assert cost.yards < 150  # 60 the longest; what is not linear takes thousands
    assert cost.megabytes < 300
    assert len(cost.result) < 300
    assert max(cost.result, default=0) < 400


class TestFuzz:
    """Broken files of every kind: cut, spliced, with bytes changed. Problems only, each with a place."""

    SEEDS = sorted([*(EXAMPLES / "seed").glob("*.json"), *(ROOT / "queues").rglob("*.yaml")])
    PARTS = (
        [bytes([byte]) for byte in b"\0\xff\t{}[]:\n'\"#|>\r~"]
        + b"<<: *a/- /&a /*a/!!x /${{ / }}/${% if /1e999/99999999999999999999/? ".split(b"/")
        + [b"\xef\xbb\xbf"]
    )

    @pytest.mark.parametrize(
        "seed", [seed if seed < 15 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(300)]
    )
    def test_changed_files(self, seed: int, checkout: Path) -> None:
        chance = random.Random(seed)
        for _ in range(8):
            raw = bytearray(chance.choice(self.SEEDS).read_bytes())
            for _ in range(chance.randint(1, 4)):
                self.change(raw, chance)
            name = chance.choice(["q.yaml", "q.json"])
            (checkout / name).write_bytes(raw)
            found = prepared(name, checkout)
            assert (found.queue is None) == found.has_errors
            for problem in found.problems:
                assert problem.location is not None
                assert problem.message.isprintable()
                assert len(problem.message) < 400

    def change(self, raw: bytearray, chance: random.Random) -> None:
        place = chance.randrange(len(raw) + 1)
        match chance.randrange(4):
            case 0:
                del raw[place : place + chance.randint(1, 40)]
            case 1:
                raw[place:place] = chance.choice(self.PARTS)
            case 2:
                raw[place : place + 1] = bytes([chance.randrange(256)])
            case 3:
                other = chance.choice(self.SEEDS).read_bytes()
                start = chance.randrange(len(other))
                raw[place:place] = other[start : start + chance.randint(1, 200)]

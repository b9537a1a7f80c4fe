"""plan.json of a pull request: what is written is read again; of a stranger's nothing else is taken."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import fields, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner import plan as plans
from runner import schema
from runner.errors import PlanError, RunnerError
from runner.gitops.artifacts.unzipping import member
from runner.gitops.plan import receiving
from runner.gitops.plan.artifact import (
    LIMIT,
    MOST_FILES,
    MOST_REMOVED,
    NAME,
    UNPACKED,
    Bundle,
    PlannedFile,
    is_clean,
    written,
)
from runner.gitops.plan.receiving import from_bytes, read_file
from runner.model import Git, Job
from runner.problems import Location, Problem, Severity
from tests.builders import job, many, queue
from tests.measuring import at_most
from tests.plan_examples import complex_pipeline

ZOO = Path(__file__).parents[1] / "examples" / "hostile-plans"
VALID = (ZOO / "valid.json").read_bytes()
SHA, BASE = "4ead" * 10, "ba5e" * 10


def planned(source: str = "queues/q.yaml", *jobs: Job, **more: Any) -> PlannedFile:
    made = queue(*jobs) if jobs else complex_pipeline()
    return PlannedFile(source=source, plan=plans.symbolic(made, source=source)[0], **more)


def bundle(*files: PlannedFile, **more: Any) -> Bundle:
    return Bundle(**{"sha": SHA, "base": BASE, "runner_version": plans.__version__, "queues": files, **more})


def noise(size: int, seed: int = 0) -> str:
    """Text that cannot be packed below three quarters."""
    return base64.b64encode(
        bytes((i * i * 31 + seed * 7 + (i >> 3) * 17) & 255 for i in range(size))
    ).decode()


def said(path: Path) -> str:
    return path.with_suffix(".txt").read_text(encoding="utf-8").removesuffix("\n")


def places(form: Any) -> Any:
    """Every place inside of a plan where a value stands."""
    pairs = form.items() if isinstance(form, dict) else enumerate(form)
    for key, value in pairs:
        yield form, key
        if isinstance(value, dict | list):
            yield from places(value)


def with_files(count: int) -> bytes:
    form = json.loads(VALID)
    form["queues"] = [{"source": f"queues/{n}.yaml"} for n in range(count)]
    return json.dumps(form).encode()


def packed_text(raw: bytes) -> bytes:
    form = json.loads(VALID)
    packed = base64.b64encode(zlib.compress(raw, 9)).decode()
    form["queues"] = [{"source": "queues/hello.yaml", "packed": packed}]
    return json.dumps(form).encode()


def many_jobs() -> bytes:
    """Four plans of 10,000 jobs, each small once it is packed."""
    files = [planned(f"queues/{n}.yaml", *many(10_000).jobs) for n in range(4)]
    form = json.loads(written(bundle())[1])
    for file in files:
        assert file.plan is not None
        packed = base64.b64encode(zlib.compress(plans.to_json(file.plan), 9)).decode()
        form["queues"].append({"source": file.source, "packed": packed})
    return json.dumps(form).encode()


class TestWriting:
    def test_what_is_written_is_read(self) -> None:
        made = bundle(
            planned(),
            PlannedFile(
                source="queues/broken.yaml",
                problems=(
                    Problem(rule="schema", message="no", hint="mend it"),
                    Problem(
                        rule="x",
                        message="näh",
                        severity=Severity.WARNING,
                        location=Location(file="templates/queues/t.yaml", line=3, column=7),
                    ),
                ),
            ),
            PlannedFile(source="queues/by-hand.yaml", params=("n", "m")),
            removed=("queues/old.yaml",),
        )
        kept, raw = written(made)
        assert kept == made
        assert from_bytes(raw) == made

    def test_nothing_at_all(self) -> None:
        assert from_bytes(written(bundle())[1]) == bundle()

    def test_it_is_what_its_schema_says_and_no_field_is_missing_there(self) -> None:
        _, raw = written(bundle(planned()))
        assert schema.check(json.loads(raw), "pull") == []
        described = schema.load("pull")
        assert described["properties"].keys() == {f.name for f in fields(Bundle)} | {"version"}
        files = described["$defs"]["file"]["properties"]
        assert files.keys() == {f.name for f in fields(PlannedFile)} | {"packed"}

    def test_ten_thousand_jobs_are_packed(self) -> None:
        jobs = (
            replace(
                one,
                timeout=60.0,
                command=f"process --chunk {one.job_id} --of 10000 --into out/results/of/a/usual/length/",
            )
            for one in many(10_000).jobs
        )
        made = bundle(planned("queues/big.yaml", *jobs), planned())
        kept, raw = written(made)
        assert kept == made
        assert len(raw) <= LIMIT
        form = json.loads(raw)["queues"]
        assert ["packed" in file for file in form] == [True, False]
        with at_most(yards=40):
            assert from_bytes(raw) == made

    def test_what_does_not_fit_is_a_problem_of_its_file_alone(self) -> None:
        large = planned("queues/large.yaml", *(job(f"j{i}", command=noise(5000, i)) for i in range(300)))
        made = bundle(planned(), large, removed=("queues/old.yaml",))
        kept, raw = written(made)
        assert len(raw) <= LIMIT
        assert from_bytes(raw) == kept
        small, broken = kept.queues
        assert small == made.queues[0]
        assert (broken.plan, broken.broken) == (None, True)
        assert broken.problems[0].message == (
            "the plan of queues/large.yaml (300 jobs) is too large to be handed to the review"
        )

    def test_more_than_is_ever_unpacked_is_not_written(self) -> None:
        files = [planned(f"queues/{n}.yaml", job("a", command="x" * (3 << 20))) for n in range(4)]
        kept, raw = written(bundle(*files))
        assert from_bytes(raw) == kept
        assert sum(file.plan is not None for file in kept.queues) == UNPACKED // (3 << 20)

    def test_problems_are_cut_before_plans_are(self) -> None:
        problem = Problem(rule="schema", message="m" * 1900, hint="h" * 1900)
        warning = replace(problem, severity=Severity.WARNING)
        files = [
            replace(planned(f"queues/{n}.yaml"), problems=(warning,) * 20 + (problem,) * 20)
            for n in range(30)
        ]
        kept, raw = written(bundle(*files))
        assert len(raw) <= LIMIT
        read = from_bytes(raw)
        assert [file.plan for file in read.queues] == [file.plan for file in kept.queues]
        assert all(file.plan is not None and file.broken for file in read.queues)
        assert "more problems" in read.queues[0].problems[-1].message

    def test_cut_warnings_do_not_break_a_file(self) -> None:
        warnings = tuple(Problem(rule="x", message=f"{n}", severity=Severity.WARNING) for n in range(400))
        _, raw = written(bundle(replace(planned(), problems=warnings)))
        (file,) = from_bytes(raw).queues
        assert len(file.problems) == 300
        assert not file.broken

    def test_the_worst_names_and_texts_still_fit(self) -> None:
        names = [f"queues/{n:03}{'🎈' * 480}.yaml" for n in range(MOST_FILES)]
        problem = Problem(rule="x", message="🎈" * 5000, hint="🎈" * 5000)
        files = [PlannedFile(source=name, problems=(problem,) * 3) for name in names]
        kept, raw = written(bundle(*files, removed=tuple(names)))
        assert len(raw) <= LIMIT
        assert from_bytes(raw).queues
        assert all(file.broken for file in kept.queues)

    def test_a_place_that_is_none_of_the_repository_is_left_out(self) -> None:
        problem = Problem(rule="x", message="m", location=Location(file="/tmp/x.yaml", line=1))
        _, raw = written(bundle(PlannedFile(source="queues/a.yaml", problems=(problem,))))
        assert from_bytes(raw).queues[0].problems == (replace(problem, location=None),)

    def test_many_removed_files_are_cut(self) -> None:
        kept, raw = written(bundle(removed=tuple(f"queues/{n}.yaml" for n in range(500))))
        assert len(kept.removed) == MOST_REMOVED
        assert from_bytes(raw) == kept

    def test_more_jobs_than_are_read_are_not_written(self) -> None:
        files = [planned(f"queues/{n}.yaml", *many(9_000).jobs) for n in range(4)]
        kept, raw = written(bundle(*files))
        assert [file.broken for file in kept.queues] == [True, False, False, False]
        assert len(raw) <= LIMIT


class TestStrangers:
    def test_the_valid_one_is_valid(self) -> None:
        """Else the zoo would be refused for another reason than its own."""
        (file,) = from_bytes(VALID).queues
        assert file.plan is not None
        assert file.plan.queue.jobs[0].command == "echo hello ${{ git.sha | q }}"

    @pytest.mark.parametrize(
        "path", sorted(set(ZOO.glob("*.json")) - {ZOO / "valid.json"}), ids=lambda p: p.stem
    )
    def test_of_the_zoo(self, path: Path) -> None:
        with pytest.raises(PlanError) as caught:
            from_bytes(path.read_bytes())
        assert caught.value.message == f"the plan of this push cannot be read: {said(path)}"
        assert len(caught.value.message) < 400

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_one_exchanged_value_never_passes_for_another_plan(self, data: st.DataObject) -> None:
        form = json.loads(VALID)
        place, key = data.draw(st.sampled_from(list(places(form["queues"][0]["plan"]))))
        before = place[key]
        place[key] = data.draw(
            st.sampled_from(
                [None, True, -1, 2**64, 1e308, "", "x", [], {}, ["x"], {"x": "y"}, "sha256:" + "1" * 64]
            )
        )
        try:
            (file,) = from_bytes(json.dumps(form).encode()).queues
        except PlanError:
            return
        assert file.plan is not None
        # What nobody is asked to agree to may differ: a title.
        assert place[key] == before or key == "queue_name"

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(at=st.integers(0, len(VALID) - 1), to=st.binary(max_size=3))
    def test_damage_is_refused_and_nothing_else_happens(self, at: int, to: bytes) -> None:
        with contextlib.suppress(PlanError):
            found = from_bytes(VALID[:at] + to + VALID[at + 1 :])
            assert all(file.plan is None or file.plan.git == Git() for file in found.queues)

    @pytest.mark.parametrize(
        ("make", "why"),
        [
            (lambda: b" " * (LIMIT + 1), "it has more than 1 MiB"),
            (lambda: b"\xff\xfe" + VALID, "it is not JSON within our bounds"),
            (lambda: b"[" * LIMIT, "it is not JSON within our bounds"),
            (lambda: b"[" + b"[]," * 200_000 + b"[]]", "it does not follow its schema: "),
            (lambda: with_files(MOST_FILES + 1), "it has more files than one pull request is planned with"),
            (lambda: packed_text(b"[" * (4 << 20)), "it is not JSON within our bounds"),
            (lambda: packed_text(b"[" + b"[]," * 400_000 + b"[]]"), "it does not follow its schema: "),
            (lambda: packed_text(VALID + b" " * UNPACKED), "a plan in it is too large, or cut"),
            (many_jobs, "it has more than 30,000 jobs"),
        ],
        ids=[
            "large",
            "bytes",
            "brackets",
            "lists",
            "files",
            "packed-brackets",
            "packed-lists",
            "bomb",
            "jobs",
        ],
    )
    def test_too_much(self, make: Callable[[], bytes], why: str) -> None:
        raw = make()
        with at_most(yards=200), pytest.raises(PlanError) as caught:
            from_bytes(raw)
        assert caught.value.message.startswith(f"the plan of this push cannot be read: {why}")


class TestFiles:
    def test_a_file_is_read(self, tmp_path: Path) -> None:
        (tmp_path / NAME).write_bytes(VALID)
        assert read_file(tmp_path) == VALID

    def test_no_more_than_one_byte_too_many(self, tmp_path: Path) -> None:
        (tmp_path / NAME).write_bytes(b"x" * (LIMIT + 5000))
        assert len(read_file(tmp_path)) == LIMIT + 1

    @pytest.mark.parametrize("kind", ["nothing", "link", "folder", "pipe", "no-folder"])
    def test_nothing_else_is_opened(self, tmp_path: Path, kind: str) -> None:
        place = tmp_path / NAME
        if kind == "link":
            (tmp_path / "secret").write_bytes(VALID)
            place.symlink_to(tmp_path / "secret")
        elif kind == "folder":
            place.mkdir()
        elif kind == "pipe":
            os.mkfifo(place)
        with pytest.raises(PlanError, match="cannot be read"):
            read_file(tmp_path / "none" if kind == "no-folder" else tmp_path)


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("queues/a.yaml", True),
        ("queues/ä b (1).yaml", True),
        ("a", True),
        ("", False),
        ("/etc/passwd", False),
        ("../a", False),
        ("a/../b", False),
        ("./a", False),
        ("a//b", False),
        ("a/", False),
        (".git/config", False),
        ("a\nb", False),
        ("a\\b", False),
        ("a\u202eb", False),
        ("a" * 501, False),
    ],
)
def test_clean_paths(path: str, clean: bool) -> None:
    assert is_clean(path) is clean


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return target.getvalue()


class TestUnzipping:
    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_one_file(self, method: int) -> None:
        raw = zipped(("other", b"x"), (NAME, b"plan"), method=method)
        assert member(raw, NAME, 4) == b"plan"

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"PK",
            b"<html>",
            zipped(("../plan.json", b"x"), ("a/plan.json", b"x"), ("/plan.json", b"x")),
            zipped((NAME, b"12345")),
            zipped((NAME, b"x" * (20 << 20))),
            zipped((NAME, b"plan"), method=zipfile.ZIP_LZMA),
            zipped((NAME, b"plan"))[:-30],
            zipped((NAME, b"plan")).replace(b"plan.json", b"plan.jsoX", 1),
        ],
        ids=["empty", "head", "html", "paths", "longer", "bomb", "lzma", "cut", "two-names"],
    )
    def test_anything_else(self, raw: bytes) -> None:
        with pytest.raises(RunnerError):
            member(raw, NAME, 4)

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_twice(self) -> None:
        with pytest.raises(RunnerError, match="2 files"):
            member(zipped((NAME, b"a"), (NAME, b"b")), NAME, 4)

    def test_a_header_that_lies(self) -> None:
        """It claims four bytes, and there are twenty million."""
        raw = zipped((NAME, b"x" * 20_000_000))
        size = (20_000_000).to_bytes(4, "little")
        assert raw.count(size) == 2
        with pytest.raises(RunnerError):
            member(raw.replace(size, (4).to_bytes(4, "little")), NAME, 4)

    @settings(deadline=None, max_examples=60)
    @given(at=st.integers(0, 200), to=st.integers(0, 255))
    def test_damage(self, at: int, to: int) -> None:
        raw = bytearray(zipped((NAME, b"plan")))
        raw[at % len(raw)] = to
        with contextlib.suppress(RunnerError):
            assert len(member(bytes(raw), NAME, 4)) <= 4


def test_a_plan_is_checked_before_it_is_written() -> None:
    good = planned().plan
    assert good is not None
    receiving.check(good)
    endless = replace(good, queue=replace(good.queue, timeout=1e12))
    with pytest.raises(PlanError, match="numbers that no queue has"):
        receiving.check(endless)

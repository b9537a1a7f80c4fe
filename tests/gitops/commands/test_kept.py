"""Runs that were kept: found through what can be trusted, unpacked whole or not at all."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.errors import NotFoundError, RefusedError, StoreError
from runner.gitops.artifacts import kept
from runner.gitops.artifacts.unpacking import Bounds
from runner.ports import Status
from runner.runs.reading import read
from tests.builders import RUN_ID, failed_log
from tests.forge_worlds import HEAD, MERGE, furnish
from tests.github_double import Double, serving
from tests.gitops.commands.commanding import (
    RUNNING,
    SERVER,
    DoubleWorld,
    World,
    context,
    run_files,
    workflow_run,
    zipped,
)
from tests.gitops.commands.commanding import kept as keep
from tests.virtual_time import VirtualTime


class TestFinding:
    def test_by_its_id_or_as_the_only_one(self, world: World, tmp_path: Path) -> None:
        keep(world)
        for run_id in (RUN_ID, None):
            found = kept.find_run(world.forge, context(tmp_path), [MERGE, HEAD], run_id)
            assert (found.run_id, found.queue_id, found.workflow_run.id) == (run_id or "", "demo", RUNNING)
            assert found.artifact is not None
            assert not found.is_live

    def test_it_is_brought_here(self, world: World, tmp_path: Path) -> None:
        keep(world)
        found = kept.find_run(world.forge, context(tmp_path), [MERGE], RUN_ID)
        kept.bring(world.forge, found, tmp_path / RUN_ID)
        plan, state = read(tmp_path / RUN_ID)
        assert (plan.queue.queue_id, state.run_id) == ("demo", RUN_ID)
        assert state.outcome == failed_log().state().outcome
        assert {p.name for p in (tmp_path / RUN_ID).iterdir()} == {"plan.json", "events.jsonl", "jobs"}

    def test_a_live_one_has_no_artifact_yet(self, world: World, tmp_path: Path) -> None:
        keep(world, conclusion="", state="pending")
        found = kept.find_run(world.forge, context(tmp_path), [MERGE], RUN_ID)
        assert found.is_live
        with pytest.raises(RefusedError, match="is live: workflow run 800"):
            kept.bring(world.forge, found, tmp_path / RUN_ID)

    @pytest.mark.parametrize(
        "fields",
        [
            {"workflow": ".github/workflows/ci.yaml"},
            {"workflow": ".github/workflows/merge.yaml.sh"},
            {"workflow": ".github/workflows/mymerge.yaml"},
            {"workflow": "x/.github/workflows/merge.yaml"},
            {"branch": "topic"},
            {"event": "pull_request"},
            {"event": "pull_request_target"},
            {"head_repository": 8000},
        ],
    )
    def test_a_workflow_run_that_is_none_of_ours(
        self, world: World, tmp_path: Path, fields: dict[str, Any]
    ) -> None:
        keep(world)
        world.workflow(workflow_run(**fields))
        with pytest.raises(NotFoundError, match="none of ours"):
            kept.find_run(world.forge, context(tmp_path), [MERGE], RUN_ID)

    @pytest.mark.parametrize("stem", ["merge", "command", "reconcile", "runner-merge", "my.own-command"])
    def test_our_workflows_whatever_their_callers_are_called(
        self, world: World, tmp_path: Path, stem: str
    ) -> None:
        keep(world)
        world.workflow(workflow_run(workflow=f".github/workflows/{stem}.yml"))
        assert kept.find_run(world.forge, context(tmp_path), [MERGE], RUN_ID).artifact is not None

    @pytest.mark.parametrize(
        "target",
        [
            "",
            f"{SERVER}/octo/lab/actions/runs/{RUNNING}/job/1",
            f"{SERVER}/octo/lab/actions/runs/0{RUNNING}",
            f"{SERVER}/octo/other/actions/runs/{RUNNING}",
            f"https://evil.test/octo/lab/actions/runs/{RUNNING}",
            f"{SERVER}/octo/lab/actions/runs/{RUNNING}?x=1",
            f"{SERVER}/octo/lab/actions/runs/801",
        ],
    )
    def test_a_status_that_leads_elsewhere(self, world: World, tmp_path: Path, target: str) -> None:
        keep(world)
        world.forge.set_status(MERGE, Status(context="runner/demo", state="failure", target=target))
        with pytest.raises(NotFoundError):
            kept.find_run(world.forge, context(tmp_path), [MERGE], RUN_ID)

    @pytest.mark.parametrize("run_id", ["other-20261122T180405-abc123", "demo", "demo2-1", "dem"])
    def test_a_run_of_no_queue_here(self, world: World, tmp_path: Path, run_id: str) -> None:
        keep(world)
        with pytest.raises(NotFoundError, match="there is no run"):
            kept.find_run(world.forge, context(tmp_path), [MERGE], run_id)

    def test_an_artifact_that_has_expired_or_never_was(self, world: World, tmp_path: Path) -> None:
        keep(world)
        world.workflow(workflow_run(801))
        target = f"{SERVER}/octo/lab/actions/runs/801"
        world.forge.set_status(MERGE, Status(context="runner/demo", state="error", target=target))
        with pytest.raises(NotFoundError, match="was never kept"):
            kept.find_run(world.forge, context(tmp_path), [MERGE], RUN_ID)
        world.keep("runner-runs", b"x", 801, expired=True)
        with pytest.raises(NotFoundError, match="has expired"):
            kept.find_run(world.forge, context(tmp_path), [MERGE], RUN_ID)

    def test_the_newest_status_counts(self, world: World, tmp_path: Path) -> None:
        keep(world)
        world.clock.sleep(5)
        world.workflow(workflow_run(802, workflow=".github/workflows/command.yaml", event="issue_comment"))
        world.keep("runner-runs", zipped(run_files()), 802)
        target = f"{SERVER}/octo/lab/actions/runs/802"
        world.forge.set_status(HEAD, Status(context="runner/demo", state="success", target=target))
        found = kept.find_run(world.forge, context(tmp_path), [MERGE, HEAD], RUN_ID)
        assert found.workflow_run.id == 802


def test_statuses_of_others_are_not_ours(tmp_path: Path) -> None:
    clock = VirtualTime()
    with serving(furnish(Double(clock))) as double:
        world = DoubleWorld(double, clock)
        keep(world)
        for status in double.world.statuses[MERGE]:
            status.creator = double.world.account("ann")
        with pytest.raises(NotFoundError):
            kept.find_run(world.forge, context(tmp_path), [MERGE], RUN_ID)
        world.forge.close()
        assert double.violations == []


Change = Callable[[zipfile.ZipFile], None]


def entry(name: str, content: bytes = b"x", mode: int = 0) -> Change:
    def write(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo(f"{RUN_ID}/{name}")
        info.external_attr = mode << 16
        archive.writestr(info, content)

    return write


def archive_at(path: Path, *changes: Change, files: dict[str, bytes] | None = None) -> Path:
    raw = io.BytesIO(zipped(run_files() if files is None else files))
    with zipfile.ZipFile(raw, "a", zipfile.ZIP_DEFLATED) as archive:
        for change in changes:
            change(archive)
    path.write_bytes(raw.getvalue())
    return path


def refuse(tmp_path: Path, archive: Path, match: str, **bounds: int) -> None:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    with pytest.raises(StoreError, match=match):
        kept.restore(archive, RUN_ID, home / RUN_ID, Bounds(**bounds))
    assert list(home.iterdir()) == []
    assert {p.name for p in tmp_path.iterdir()} <= {"home", "runs.zip"}


class TestUnpacking:
    @pytest.mark.parametrize(
        ("change", "match"),
        [
            (entry("../../escaped"), "nowhere"),
            (entry("jobs/../../escaped"), "nowhere"),
            (entry("/absolute"), "nowhere"),
            (entry("jobs//twice"), "nowhere"),
            (entry("jobs/./here"), "nowhere"),
            (entry("a" * 256), "nowhere"),
            (entry("jobs\\..\\escaped"), "a name that is none"),
            (entry("/".join("d" * 65)), "64 folders deep"),
            (entry("link", b"/etc/passwd", stat.S_IFLNK | 0o777), "neither a file nor a folder"),
            (entry("pipe", b"", stat.S_IFIFO | 0o666), "neither a file nor a folder"),
            (entry("device", b"", stat.S_IFCHR | 0o666), "neither a file nor a folder"),
            (entry("plan.json/inside"), "a file and a folder of one name"),
            (entry("jobs/build/2/stdout.log/x"), "a file and a folder of one name"),
        ],
    )
    def test_hostile_entries(self, tmp_path: Path, change: Change, match: str) -> None:
        refuse(tmp_path, archive_at(tmp_path / "runs.zip", change), match)

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_one_name_twice(self, tmp_path: Path) -> None:
        refuse(tmp_path, archive_at(tmp_path / "runs.zip", entry("plan.json", b"{}")), "twice")

    def test_a_nul_in_a_name(self, tmp_path: Path) -> None:
        path = archive_at(tmp_path / "runs.zip", entry("plan.jsonXevil"))
        path.write_bytes(path.read_bytes().replace(b"plan.jsonXevil", b"plan.json\0evil"))
        refuse(tmp_path, path, "a name that is none|twice")

    def test_bounds(self, tmp_path: Path) -> None:
        path = archive_at(tmp_path / "runs.zip", entry("big", b"y" * 5000))
        refuse(tmp_path, path, "more than 4,000 bytes", one=4000)
        refuse(tmp_path, path, "it holds more than 5,100 bytes", total=5100)
        refuse(tmp_path, path, "more than 3 files", files=3)

    def test_a_bomb_whose_list_lies(self, tmp_path: Path) -> None:
        path = archive_at(tmp_path / "runs.zip", entry("big", b"\0" * 1_000_000))
        raw = path.read_bytes()
        for claimed, match in ((10, "big|list|CRC|zip"), (2**31, "more than|longer")):
            at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"PK\x05\x06"))
            lying = bytearray(raw)
            lying[at + 24 : at + 28] = claimed.to_bytes(4, "little")
            path.write_bytes(lying)
            refuse(tmp_path, path, match)

    def test_encrypted(self, tmp_path: Path) -> None:
        path = archive_at(tmp_path / "runs.zip", entry("secret"))
        raw = bytearray(path.read_bytes())
        at = raw.rindex(b"PK\x01\x02")
        raw[at + 8] |= 1
        path.write_bytes(raw)
        refuse(tmp_path, path, "packed in a way")

    def test_what_is_no_archive(self, tmp_path: Path) -> None:
        path = tmp_path / "runs.zip"
        whole = zipped(run_files())
        for raw in (b"", b"PK", b"x" * 1000, whole[: len(whole) // 2], whole[:-30]):
            path.write_bytes(raw)
            refuse(tmp_path, path, "cannot be unpacked")

    def test_damage_anywhere_is_an_error_in_words_or_the_same_run(self, tmp_path: Path) -> None:
        whole = zipped(run_files())
        path, home = tmp_path / "runs.zip", tmp_path / "home"
        home.mkdir()
        for at in range(0, len(whole), 23):
            raw = bytearray(whole)
            raw[at] ^= 0xFF
            path.write_bytes(raw)
            target = home / f"{at}"
            try:
                kept.restore(path, RUN_ID, target)
            except StoreError:
                assert not target.exists()
            else:
                assert read(target)[1].run_id == RUN_ID
        assert not list(home.glob(".restoring*"))

    def test_another_run_by_this_name(self, tmp_path: Path) -> None:
        other = "demo-20200101T000000-zzzzzz"
        files = {name.replace(other, RUN_ID, 1): raw for name, raw in run_files(run_id=other).items()}
        refuse(tmp_path, archive_at(tmp_path / "runs.zip", files=files), "is another run")

    @pytest.mark.parametrize("missing", ["plan.json", "events.jsonl"])
    def test_a_run_without(self, tmp_path: Path, missing: str) -> None:
        files = {name: raw for name, raw in run_files().items() if not name.endswith(missing)}
        refuse(tmp_path, archive_at(tmp_path / "runs.zip", files=files), "no run|another run")

    def test_no_such_run(self, tmp_path: Path) -> None:
        refuse(tmp_path, archive_at(tmp_path / "runs.zip", files={"x/y": b""}), "holds no run")

    @pytest.mark.parametrize("name", ["plan.json", "events.jsonl"])
    def test_a_run_that_cannot_be_read(self, tmp_path: Path, name: str) -> None:
        files = run_files() | {f"{RUN_ID}/{name}": b'{"seq": 1}\n'}
        refuse(tmp_path, archive_at(tmp_path / "runs.zip", files=files), "cannot be read")

    def test_what_is_there_stays(self, tmp_path: Path) -> None:
        archive = archive_at(tmp_path / "runs.zip")
        (tmp_path / RUN_ID).mkdir()
        (tmp_path / RUN_ID / "mine").write_text("x")
        with pytest.raises(StoreError, match="is there already"):
            kept.restore(archive, RUN_ID, tmp_path / RUN_ID)
        assert [p.name for p in (tmp_path / RUN_ID).iterdir()] == ["mine"]

    def test_a_link_for_a_home(self, tmp_path: Path) -> None:
        archive = archive_at(tmp_path / "runs.zip")
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / ".runner").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match="not a folder of its own"):
            kept.restore(archive, RUN_ID, tmp_path / ".runner" / RUN_ID)
        assert list((tmp_path / "elsewhere").iterdir()) == []

    @pytest.mark.parametrize("run_id", ["..", ".", "", "a/b", "a\0", "-x"])
    def test_what_is_no_run_id(self, tmp_path: Path, run_id: str) -> None:
        archive = archive_at(tmp_path / "runs.zip")
        with pytest.raises(StoreError, match="no id of a run"):
            kept.restore(archive, run_id, tmp_path / "target")

    def test_the_runs_of_an_archive(self, tmp_path: Path) -> None:
        files = {**run_files(), "other-1/plan.json": b"", "top.txt": b"", "../up/x": b"", "empty/": b""}
        assert kept.runs_in(archive_at(tmp_path / "runs.zip", files=files)) == (RUN_ID, "other-1")

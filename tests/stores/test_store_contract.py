"""What every store promises, wherever it keeps a run."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from runner import events as e
from runner.errors import NotFoundError, RunIsLiveError, StoreError
from runner.plan import to_json
from runner.ports import Store
from runner.runs.in_bucket import BucketSource
from runner.runs.on_disk import DirectorySource
from runner.runs.reading import Tail
from runner.runs.source import RunSource
from runner.stores.directory import DirectoryStore
from runner.stores.s3 import open_store
from tests.aws import Aws
from tests.builders import failed_log, plan
from tests.waiting import until

pytestmark = pytest.mark.slow

RUN = "demo-20261122T180405-abc123"
LOG = failed_log()
PLAN = to_json(plan(LOG.queue))
HOLDER = {"pid": 1, "host": "here", "since": "2026-11-22T18:04:05Z"}
OTHER = {**HOLDER, "pid": 2}


class Made(Store, Protocol):
    """A store with what begins a run: the port is what a scheduler needs afterwards."""

    def create(self, plan: bytes) -> None: ...

    def open_log(self) -> list[e.Event]: ...


class World(Protocol):
    """Where one run is kept. Each `store` is another process."""

    def store(self) -> Made: ...

    def later(self) -> Made:
        """One that comes when the first is gone."""

    def source(self) -> RunSource: ...


class Directory:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / RUN

    def store(self) -> Made:
        return DirectoryStore(self._folder, RUN)

    later = store

    def source(self) -> RunSource:
        return DirectorySource(self._folder)


class S3:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._generations = itertools.count(2)

    def store(self, generation: int = 1) -> Made:
        return open_store(self._aws.at(f"p/runs/{RUN}"), generation=generation, look_every=0.2)

    def later(self) -> Made:
        return self.store(next(self._generations))

    def source(self) -> RunSource:
        return BucketSource(self._aws.at(f"p/runs/{RUN}"))


@pytest.fixture(params=["directory", "s3"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return Directory(tmp_path) if request.param == "directory" else S3(request.getfixturevalue("aws"))


@pytest.fixture
def opened(world: World) -> Iterator[Callable[[Made], Made]]:
    """Opens stores, and closes them at the end."""
    held: list[Made] = []

    def open_(store: Made, holder: Mapping[str, Any] = HOLDER) -> Made:
        store.lease(holder)
        held.append(store)
        store.open_log()
        return store

    yield open_
    for store in held:
        store.close()


@pytest.fixture
def store(world: World, opened: Callable[[Made], Made]) -> Made:
    made = world.store()
    made.create(PLAN)
    return opened(made)


class TestLog:
    def test_what_was_appended_is_there_after_a_sync(self, store: Made) -> None:
        assert store.events() == []
        store.append(LOG.events[:2])
        store.append(LOG.events[2:5])
        store.sync()
        assert store.events() == LOG.events[:5]
        assert store.events(after=3) == LOG.events[3:5]

    def test_it_is_seen_soon_without_one(self, store: Made, world: World) -> None:
        store.append(LOG.events[:1])
        reader = Tail(world.source())
        assert until(reader.poll) == LOG.events[:1]
        store.append(LOG.events[1:3])
        assert until(reader.poll) == LOG.events[1:3]

    def test_a_log_goes_on_where_it_was(self, store: Made, world: World, opened: Any) -> None:
        store.append(LOG.events[:4])
        store.close()
        again = world.later()
        again.lease(OTHER)
        assert again.open_log() == LOG.events[:4]
        again.append(LOG.events[4:])
        again.close()
        _, state = (tail := Tail(world.source())).poll(), tail.state
        assert (state.seq, state.outcome) == (len(LOG.events), "failed")

    def test_a_run_that_is_over_is_read_whole(self, store: Made, world: World) -> None:
        store.append(LOG.events)
        store.close()
        tail = Tail(world.source())
        assert tail.poll() == LOG.events
        assert tail.plan.queue == LOG.queue
        assert tail.state == LOG.state()
        assert tail.poll() == []
        assert not tail.source.is_live()

    def test_lines_have_their_numbers(self, store: Made, world: World) -> None:
        store.append(LOG.events[:2])
        store.sync()
        store.append(LOG.events[2:3])
        store.sync()
        lines = world.source().fresh().splitlines()
        assert [line.split(b",")[0] for line in lines] == [b'{"seq":1', b'{"seq":2', b'{"seq":3']

    def test_nothing_is_an_append_too(self, store: Made) -> None:
        store.append([])
        store.sync()
        assert store.events() == []


class TestOneWriter:
    def test_a_second_one_is_told_who_holds_it(self, store: Made, world: World) -> None:
        with pytest.raises(RunIsLiveError, match="process 1 on here, since 2026-11-22"):
            world.store().lease(OTHER)

    def test_a_run_that_is_there_is_not_begun_again(self, store: Made, world: World) -> None:
        with pytest.raises(StoreError, match="a run"):
            world.store().create(PLAN + b" ")
        assert world.source().plan_bytes() == PLAN

    def test_a_live_run_is_live(self, store: Made, world: World) -> None:
        store.append(LOG.events[:3])
        store.sync()
        tail = Tail(world.source())
        tail.poll()
        assert tail.source.is_live()


class TestFiles:
    def test_kept_under_its_name(self, store: Made, world: World, tmp_path: Path) -> None:
        made = tmp_path / "made"
        made.write_bytes(b"one\ntwo\n")
        made.chmod(0o755)
        store.put("jobs/a/1/results/b/c.txt", made)
        files = world.source().files
        assert files.read("jobs/a/1/results/b/c.txt") == b"one\ntwo\n"
        assert files.read("jobs/a/1/results/b/c.txt", 3) == b"one"
        assert files.end("jobs/a/1/results/b/c.txt", 4) == b"two\n"
        assert files.sizes("jobs/a")("jobs/a/1/results/b/c.txt") == 8
        digest, size = files.fetch("jobs/a/1/results/b/c.txt", tmp_path / "copy", lambda _: None)
        assert (digest, size) == (hashlib.sha256(b"one\ntwo\n").hexdigest(), 8)
        assert (tmp_path / "copy").read_bytes() == b"one\ntwo\n"

    def test_put_again_replaces(self, store: Made, world: World, tmp_path: Path) -> None:
        for text in ("a longer text", "short"):
            (tmp_path / "f").write_text(text)
            store.put("f", tmp_path / "f")
        assert world.source().files.read("f") == b"short"

    def test_from_where_one_left_off(self, store: Made, world: World, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"0123456789")
        store.put("f", tmp_path / "f")
        files = world.source().files
        assert list(files.pieces("f", 4)) == [(4, b"456789")]
        assert list(files.pieces("f", 10)) == []

    def test_what_is_not_there(self, store: Made, world: World, tmp_path: Path) -> None:
        files = world.source().files
        assert files.end("nothing", 10) == b""
        assert files.sizes("jobs")("jobs/nothing") is None
        with pytest.raises(FileNotFoundError):
            files.read("nothing")
        with pytest.raises(FileNotFoundError):
            list(files.pieces("nothing", 0))
        with pytest.raises(StoreError, match="No such file"):
            store.put("f", tmp_path / "nothing")

    @pytest.mark.parametrize("name", ["a b/\udcff%2F+é", "\udcff" * 249, "é" * 120 + "/é" * 600])
    def test_names_of_any_bytes(self, store: Made, world: World, tmp_path: Path, name: str) -> None:
        """And of any length that a file system takes: S3 takes less."""
        for number in range(2):
            (tmp_path / "f").write_text(str(number))
            store.put(name + "x" * number, tmp_path / "f")
        files = world.source().files
        assert (files.read(name), files.read(name + "x")) == (b"0", b"1")

    def test_names_that_lead_out(self, world: World, store: Made) -> None:
        files = world.source().files
        assert files.is_inside("jobs/a/1/results", "b/c")
        for name in ("../x", "b/../../x", "", "/etc/passwd"):
            assert not files.is_inside("jobs/a/1/results", name)

    def test_empty(self, store: Made, world: World, tmp_path: Path) -> None:
        (tmp_path / "f").touch()
        store.put("f", tmp_path / "f")
        files = world.source().files
        assert (files.read("f"), files.end("f", 5), list(files.pieces("f", 0))) == (b"", b"", [])


class TestRequests:
    def test_they_are_given_until_they_are_in_the_log(self, store: Made, world: World) -> None:
        for job in ("a", "b"):
            world.source().request({"type": "cancel", "job_ids": [job]})
        given = until(store.requests)
        assert [one["job_ids"] for one in given] == [["a"], ["b"]]
        assert [one["type"] for one in given] == ["cancel", "cancel"]
        assert len({one["request"] for one in given}) == 2
        world.source().request({"type": "cancel", "job_ids": ["c"]})
        assert [one["job_ids"] for one in until(store.requests)] == [["c"]]

    def test_the_next_one_gets_what_was_not_asked_again(
        self, store: Made, world: World, opened: Callable[[Made], Made]
    ) -> None:
        world.source().request({"type": "cancel"})
        first = until(store.requests)
        store.close()
        again = world.later()
        again.lease(OTHER)
        again.open_log()
        assert until(again.requests) == first
        again.close()


def test_a_plan_that_is_none_is_no_run(world: World) -> None:
    with pytest.raises(NotFoundError, match=r"no plan\.json"):
        Tail(world.source())


def test_each_is_map(world: World) -> None:
    found: Sequence[int] = list(world.source().files.each(lambda n: n * n, range(40)))
    assert found == [n * n for n in range(40)]

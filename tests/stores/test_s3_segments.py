"""One writer at a time, whatever order requests, replies and delays come in."""

from __future__ import annotations

import contextlib
import functools
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import FencedError, LogError, StoreBusyError
from runner.stores.s3 import Reader, Writer
from runner.stores.s3.segments import MOST, WHOLE, Segment, segment_name
from tests.aws import Aws
from tests.stores.strict_objects import (
    Ended,
    Explored,
    Racer,
    StrictObjects,
    World,
    check_ended,
    check_log,
    race,
)

pytestmark = pytest.mark.slow

OLD = Racer(generation=1, lines=(b"old 1\n", b"old 2\n"))
NEW = Racer(generation=2, lines=(b"new 1\n",))
EMPTY = Racer(generation=2, lines=())
NEWEST = Racer(generation=3, lines=(b"newest\n",))
TWIN = Racer(generation=2, lines=(b"twin 1\n",), name="twin")


@functools.lru_cache(100_000)
def checked_log(held: tuple[tuple[str, bytes], ...]) -> list[Segment]:
    return check_log(dict(held))


@functools.lru_cache(100_000)
def checked_end(held: tuple[tuple[str, bytes], ...], racer: Racer, end: Ended) -> None:
    check_ended(checked_log(held), racer, end)


def check(world: World) -> None:
    checked_log(world.held)
    for racer, replies in zip(world.racers, world.replies, strict=True):
        end = racer.run(replies)
        if not isinstance(end, tuple):
            checked_end(world.held, racer, end)


class TestEveryOrder:
    """All moments of a race, not a sample."""

    @pytest.mark.parametrize(
        ("racers", "faults"),
        [
            ((NEW, TWIN), 1),
            ((OLD, EMPTY, NEWEST), 0),
            ((OLD, NEW), 2),
            pytest.param((OLD, EMPTY, NEWEST), 1, marks=pytest.mark.slow),
        ],
        ids=["twins", "three", "old-new", "three-with-a-fault"],
    )
    def test_the_laws_hold(self, racers: tuple[Racer, ...], faults: int) -> None:
        explored = Explored.of(race(*racers, faults=faults))
        for world in explored.worlds:
            check(world)
        over = [world for world in explored.worlds if len(world.ends()) == len(racers)]
        newest = max(racer.generation for racer in racers)
        for world in over:  # somebody always gets to the end, and of the newest generation
            through = [r for r, end in zip(racers, world.ends(), strict=True) if not end.fenced]
            assert [r.generation for r in through if r.generation == newest] == [newest]
        assert {end.fenced for world in over for end in world.ends()} == {False, True}

    def test_old_lines_get_in_before_the_fence_and_never_after(self) -> None:
        explored = Explored.of(race(OLD, NEW))
        logs = {Reader(objects(world)).fresh() for world in explored.worlds if len(world.ends()) == 2}
        assert logs == {b"new 1\n", b"old 1\nnew 1\n", b"old 1\nold 2\nnew 1\n"}


def objects(world: World) -> StrictObjects:
    found = StrictObjects()
    for name, body in world.held:
        found.create(name, body)
    return found


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=2, max_size=5),
    st.integers(0, 6),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_the_laws_hold_of_more_writers(made: list[tuple[int, int]], faults: int, draw: st.DataObject) -> None:
    racers = [
        Racer(generation=g, lines=tuple(b"%d.%d.%d\n" % (g, at, n) for n in range(count)), name=str(at))
        for at, (g, count) in enumerate(made)
    ]
    world = race(*racers, faults=faults)
    while moves := list(world.moves()):
        world = draw.draw(st.sampled_from(moves))
    check(world)
    assert len(world.ends()) == len(racers)


class TestWriter:
    def test_a_segment_says_who_wrote_it(self) -> None:
        held = StrictObjects()
        writer = Writer(held, generation=3, name="i-1")
        assert writer.fence() == b""
        writer.write(b"line\n")
        assert held.held["events/000002.jsonl"].body == (
            b'{"segment": 2, "generation": 3, "writer": "i-1"}\nline\n'
        )

    def test_what_came_while_a_reply_was_missing_goes_into_the_next(self) -> None:
        held = StrictObjects()
        writer = Writer(held, generation=1, name="w")
        writer.fence()

        def trouble(what: str, name: str) -> None:
            if what == "put":
                held.trouble = lambda _what, _name: None
                held.create(name, Segment(number=2, generation=1, writer="w", lines=b"a\n").encode())
                raise StoreBusyError("the reply was lost")

        held.trouble = trouble
        with pytest.raises(StoreBusyError):
            writer.write(b"a\n")
        writer.write(b"b\n")
        assert Reader(held).fresh() == b"a\nb\n"
        assert writer.number == 3

    def test_a_store_that_forgets_its_conditions_is_found_out(self) -> None:
        held = StrictObjects()
        writer = Writer(held, generation=2, name="w")
        writer.fence()
        stale = Segment(number=2, generation=1, writer="v", lines=b"stale\n")
        held.create(segment_name(2), stale.encode())
        with pytest.raises(LogError, match="generation 1, which generation 2 had shut out"):
            writer.write(b"a\n")
        assert Reader(held).fresh() == b""

    def test_it_says_who_writes_now(self) -> None:
        held = StrictObjects()
        Writer(held, generation=2, name="i-new").fence()
        with pytest.raises(FencedError, match=r"generation 2 \(i-new\) writes .* 1 \(i-old\) is over"):
            Writer(held, generation=1, name="i-old").fence()


class TestReader:
    def written(self, count: int) -> StrictObjects:
        held = StrictObjects()
        writer = Writer(held, generation=1, name="w")
        writer.fence()
        for number in range(count):
            writer.write(b"%d\n" % number)
        held.asked.clear()
        return held

    def test_a_look_at_what_is_known_costs_one_request(self) -> None:
        held = self.written(3)
        reader = Reader(held)
        assert reader.fresh() == b"0\n1\n2\n"
        held.asked.clear()
        assert reader.fresh() == b""
        assert held.asked == [("get", "events/000005.jsonl")]
        writer = Writer(held, generation=2, name="w2")
        writer.fence()
        held.asked.clear()
        assert reader.fresh() == b""
        assert held.asked == [("get", "events/000005.jsonl"), ("get", "events/000006.jsonl")]

    def test_many_segments_are_asked_for_at_once(self) -> None:
        held = self.written(200)
        assert Reader(held).fresh() == b"".join(b"%d\n" % number for number in range(200))
        assert len(held.asked) < 201 + 1 + 32
        assert {what for what, _ in held.asked} == {"get"}

    def test_the_whole_log_is_one_request_and_goes_on(self) -> None:
        held = self.written(50)
        said = {"segments": "51", "generation": "1", "writer": "w"}
        held.replace(WHOLE, b"everything\n", "", said)
        held.asked.clear()
        reader = Reader(held)
        assert reader.fresh() == b"everything\n"
        assert len(held.asked) == 2
        Writer(held, generation=2, name="w2").fence()
        assert (reader.fresh(), reader.number, reader.generation) == (b"", 52, 2)

    def test_a_whole_log_of_somebody_else_does_not_count(self) -> None:
        held = self.written(1)
        held.replace(WHOLE, b"by hand\n", "", {})
        assert Reader(held).fresh() == b"0\n"

    def test_what_was_read_before_a_request_that_failed_is_not_lost(self) -> None:
        held = self.written(40)
        reader, left = Reader(held), iter(range(10**6))

        def busy(_what: str, _name: str) -> None:
            if next(left) in {3, 4, 9, 20, 30, 31, 44}:
                raise StoreBusyError("S3 asks for patience")

        held.trouble = busy
        found = b""
        while reader.number < 41:
            with contextlib.suppress(StoreBusyError):
                found += reader.fresh()
        held.trouble = lambda _what, _name: None
        assert found + reader.fresh() == b"".join(b"%d\n" % number for number in range(40))

    def test_what_came_before_something_wrong_holds(self) -> None:
        held = self.written(5)
        held.create("events/000007.jsonl", b"what?")
        reader = Reader(held)
        with pytest.raises(LogError):
            reader.fresh()
        assert reader.left() == b"0\n1\n2\n3\n4\n"
        assert reader.left() == b""

    def test_no_more_is_read_than_a_log_may_have(self) -> None:
        held = self.written(100)
        reader = Reader(held, most=100)
        with pytest.raises(LogError, match="the log has more than 100 B, which no runner writes"):
            reader.fresh()
        assert 90 < len(reader.left()) <= 100
        reader = Reader(held, most=10_000)
        reader.number = MOST
        held.held[segment_name(MOST + 1)] = held.held[segment_name(1)]
        with pytest.raises(LogError, match="the log has more than 500,000 segments"):
            reader.fresh()

    @pytest.mark.parametrize("said", ["9" * 1100, "-3"])
    def test_a_whole_log_that_says_nonsense_of_itself_does_not_count(self, said: str) -> None:
        held = self.written(3)
        lines = Reader(held).fresh()
        held.replace(WHOLE, b"{}\n", "", {"segments": said, "generation": "1", "writer": "w"})
        reader = Reader(held)
        assert (reader.fresh(), reader.number) == (lines, 4)

    def test_a_segment_that_is_none(self) -> None:
        held = self.written(1)
        held.create("events/000003.jsonl", b"what?")
        with pytest.raises(LogError, match=r"events/000003\.jsonl does not say who wrote it"):
            Reader(held).fresh()


def test_writers_race_on_the_emulator(aws: Aws) -> None:
    """The same laws with real requests, side by side."""
    racers = [
        Racer(generation=g, lines=tuple(b"%d.%d\n" % (g, n) for n in range(6)), name=f"w{g}")
        for g in (1, 2, 3)
    ]
    known: dict[str, list[bytes]] = {racer.name: [] for racer in racers}

    def run(racer: Racer) -> None:
        writer = Writer(aws.at("race"), generation=racer.generation, name=racer.name)
        try:
            writer.fence()
            for line in racer.lines:
                writer.write(line)
                known[racer.name].append(line)
        except FencedError:
            return

    threads = [threading.Thread(target=run, args=(racer,)) for racer in racers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bucket = aws.at("race")
    held = {one.name: bucket.get(one.name) for one in bucket.names("")}
    found = check_log({name: one.body for name, one in held.items() if one is not None})
    for racer in racers:
        written = b"".join(one.lines for one in found if one.writer == racer.name)
        assert written.startswith(b"".join(known[racer.name]))
    assert tuple(known["w3"]) == racers[2].lines

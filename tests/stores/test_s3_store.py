"""What a run in a bucket does beyond the contract: the whole log, trouble, claims, leases, requests."""

from __future__ import annotations

import threading

import pytest

from runner import events as e
from runner.errors import FencedError, RunIsLiveError, StoreBusyError, StoreError
from runner.stores.s3 import Claims, Found, Location, Reader, S3Store
from runner.stores.s3.claims import LASTS
from runner.stores.s3.leases import Line, acquire, lease_name
from runner.stores.s3.requests import Requests, put_request
from runner.stores.s3.segments import WHOLE
from tests.aws import Aws
from tests.builders import failed_log
from tests.stores.strict_objects import StrictObjects

pytestmark = pytest.mark.slow

LOG = failed_log().events
PLACE = Location.parse("s3://my-runs/p/runs/demo-1")


class Kept:
    """Stores of one run over objects in memory."""

    def __init__(self) -> None:
        self.objects = StrictObjects()

    def store(self, generation: int = 1) -> S3Store:
        made = S3Store(self.objects, "demo-1", upload=lambda _name, _file: None, generation=generation)
        made.open_log()
        return made


@pytest.fixture
def kept() -> Kept:
    return Kept()


class TestLog:
    def test_nothing_to_say_costs_nothing(self, kept: Kept) -> None:
        store = kept.store()
        kept.objects.asked.clear()
        store.append([])
        store.sync()
        assert kept.objects.asked == []

    def test_it_is_opened_first(self, kept: Kept) -> None:
        store = S3Store(kept.objects, "demo-1", upload=lambda _name, _file: None)
        with pytest.raises(StoreError, match="the log of demo-1 is not open"):
            store.append(LOG[:1])
        store.close()

    def test_the_whole_log_of_a_run_that_is_over_is_one_object(self, kept: Kept) -> None:
        kept.store().append(LOG[:-1])
        again = kept.store(generation=2)
        again.append(LOG[-1:])
        again.finish(Reader(kept.objects).fresh())
        whole = kept.objects.held[WHOLE]
        assert e.decode_lines(whole.body) == LOG
        assert whole.metadata["generation"] == "2"
        kept.objects.asked.clear()
        assert Reader(kept.objects).fresh() == whole.body
        assert len(kept.objects.asked) == 2

    def test_the_whole_log_of_an_older_generation_gives_way(self, kept: Kept) -> None:
        first = kept.store()
        first.append(LOG)
        second = kept.store(generation=2)
        with pytest.raises(FencedError):
            first.write(b"{}\n")
        said = {"segments": "2", "generation": "1", "writer": "w"}
        kept.objects.replace(WHOLE, b"", "", said)  # what the first had sent before it knew
        second.finish(Reader(kept.objects).fresh())
        assert kept.objects.held[WHOLE].metadata["generation"] == "2"

    def test_what_could_not_be_written_yet_goes_with_what_comes_next(self, kept: Kept) -> None:
        store = kept.store()
        failures = iter([True, True, False])

        def trouble(what: str, _name: str) -> None:
            if what == "put" and next(failures, False):
                raise StoreBusyError("SlowDown")

        kept.objects.trouble = trouble
        for events in (LOG[:2], LOG[2:3]):
            with pytest.raises(StoreBusyError):
                store.append(events)
        assert store.events() == []
        store.sync()
        assert store.events() == LOG[:3]

    def test_a_writer_that_is_fenced_writes_no_more(self, kept: Kept) -> None:
        old = kept.store()
        old.append(LOG[:2])
        new = kept.store(generation=2)
        for deed in (lambda: old.append(LOG[2:3]), old.sync, old.close):
            with pytest.raises(FencedError, match="generation 2"):
                deed()
        assert new.events() == LOG[:2]


class TestClaims:
    def test_one_of_many_gets_a_generation(self, aws: Aws) -> None:
        won: list[int] = []
        lost: list[str] = []

        def claim(number: int) -> None:
            store = S3Store(aws.at("runs/demo-1"), "demo-1", upload=lambda *_: None)
            try:
                store.lease({"instance_id": f"i-{number}"})
                won.append(number)
            except RunIsLiveError as error:
                lost.append(error.message)

        threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert set(lost) == {f"agent/1 of run demo-1 is taken: i-{won[0]} has it"}

    def test_a_lost_reply_is_no_loss(self) -> None:
        objects = StrictObjects()
        for _ in range(2):
            S3Store(objects, "demo-1", upload=lambda *_: None).lease({"instance_id": "i-1"})
        assert list(objects.held) == ["agent/1"]


class TestWhoPosts:
    def test_one_has_it_until_it_falls_silent(self) -> None:
        objects = StrictObjects()
        one, other = Claims(objects), Claims(objects)
        assert [one.take("7-final"), other.take("7-final"), other.take("7-live")] == [True, False, True]
        objects.ticks += 100.0
        assert one.take("7-final")
        objects.ticks += 100.0
        assert not other.take("7-final")
        objects.ticks += LASTS
        assert [other.take("7-final"), one.take("7-final")] == [True, False]

    @pytest.mark.parametrize("silent", [0.0, LASTS])
    def test_of_two_at_once_one_gets_it(self, silent: float) -> None:
        """Also where the one that fell silent asks again while another takes it over."""
        objects, got = StrictObjects(), []
        one, other = Claims(objects), Claims(objects)
        if silent:
            assert one.take("7-final")
            objects.ticks += silent

        def meanwhile(what: str, _name: str) -> None:
            if what == "put":
                objects.trouble = lambda _what, _name: None
                got.append(other.take("7-final"))

        objects.trouble = meanwhile
        got.append(one.take("7-final"))
        assert got == [True, False]

    def test_what_is_none_of_ours_holds_nobody_up_for_long(self) -> None:
        objects = StrictObjects({"said/7-final.json": Found(body=b"[]", etag="x")})
        objects.ticks = LASTS
        assert Claims(objects).take("7-final")


class TestLeases:
    """Runs are named by letters; `over` are those that have ended."""

    def test_it_names_a_run_until_that_is_over(self) -> None:
        objects, over = StrictObjects(), set[str]()
        is_over = over.__contains__
        assert acquire(objects, "prod deploy", "a", is_over).run_id == "a"
        assert acquire(objects, "prod deploy", "a", is_over).run_id == "a"
        assert acquire(objects, "prod deploy", "b", is_over).run_id == "a"
        assert acquire(objects, "other", "b", is_over).run_id == "b"
        over.add("a")
        assert acquire(objects, "prod deploy", "b", is_over).run_id == "b"

    def test_who_waits_is_next_in_order_of_arrival(self) -> None:
        objects, over = StrictObjects(), set[str]()
        is_over = over.__contains__
        for run_id in "abcd":
            line = acquire(objects, "g", run_id, is_over)
        assert (line.run_id, line.waiting, line.before("c")) == ("a", ("b", "c", "d"), ("a", "b"))
        over |= {"a", "b"}  # b was cancelled while it waited
        line = acquire(objects, "g", "d", is_over)
        assert (line.run_id, line.waiting) == ("c", ("d",)), "c has it before it looks"
        assert acquire(objects, "g", "c", is_over) == line
        over.add("c")
        line = acquire(objects, "g", "e", is_over)
        assert (line.run_id, line.waiting) == ("d", ("e",)), "who comes last is not served first"

    def test_who_does_not_wait_has_no_place_and_passes_nobody(self) -> None:
        objects, over = StrictObjects(), set[str]()
        is_over = over.__contains__
        assert acquire(objects, "g", "a", is_over, waits=False).run_id == "a"
        assert acquire(objects, "g", "x", is_over, waits=False).waiting == ()
        acquire(objects, "g", "b", is_over)
        over.add("a")
        assert acquire(objects, "g", "a", is_over, waits=False).run_id == "b", "its turn is over"
        over.add("b")
        assert acquire(objects, "g", "a", is_over, waits=False).run_id == "a"

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"run_id": 1, "waiting": 1}', b"[" * 100_000, b"\xff"])
    def test_what_is_none_of_ours_is_a_free_lease(self, body: bytes) -> None:
        objects = StrictObjects()
        objects.create(lease_name("g"), body)
        assert acquire(objects, "g", "a", lambda _: False).run_id == "a"

    def test_of_many_who_find_it_free_one_gets_it(self, aws: Aws) -> None:
        bucket = aws.at("p")
        assert acquire(bucket, "g", "old", lambda _: False).run_id == "old"
        found: list[Line] = []
        threads = [
            threading.Thread(
                target=lambda n=n: found.append(acquire(bucket, "g", f"new-{n}", lambda run: run == "old"))
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({line.run_id for line in found}) == 1
        last = acquire(bucket, "g", found[0].run_id, lambda _: False)
        assert {last.run_id, *last.waiting} == {f"new-{n}" for n in range(8)}, "nobody lost its place"


def test_requests_are_looked_for_now_and_then() -> None:
    objects, now = StrictObjects(), [0.0]
    looking = Requests(objects, every=5.0, clock=lambda: now[0])
    put_request(objects, {"type": "cancel"})
    objects.create("requests/what.json", b"[1]")
    assert [one["type"] for one in looking.found()] == ["cancel"]
    objects.asked.clear()
    now[0] = 4.9
    assert looking.found() == []
    assert objects.asked == []
    now[0] = 5.0
    assert looking.found() == []
    assert [name for name in objects.held if name.startswith("requests/")] == []


def test_a_request_from_before_counts_no_more() -> None:
    objects = StrictObjects()
    put_request(objects, {"type": "cancel"}, "old")
    put_request(objects, {"type": "cancel"}, "new")
    looking = Requests(objects, every=0.0, since=objects.held["requests/new.json"].modified)
    assert [one["request"] for one in looking.found()] == ["new"]
    assert looking.found() == []
    assert not objects.held


def test_a_request_is_not_removed_that_was_given_to_nobody() -> None:
    """Where one of two cannot be read, the other one comes with it the next time."""
    objects = StrictObjects()
    put_request(objects, {"type": "cancel"}, "1")
    put_request(objects, {"type": "cancel"}, "2")
    looking = Requests(objects, every=0.0)

    def busy(what: str, name: str) -> None:
        if (what, name) == ("get", "requests/2.json"):
            raise StoreBusyError("slow down")

    objects.trouble = busy
    for _ in range(2):
        with pytest.raises(StoreBusyError):
            looking.found()
    objects.trouble = lambda _what, _name: None
    assert [one["request"] for one in looking.found()] == ["1", "2"]

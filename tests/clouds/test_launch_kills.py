"""A launcher killed between any two calls, and the next one, and the one after: one machine, the same."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from runner.errors import CapacityError, CloudBusyError, CloudRefusedError, CloudUnsureError
from runner.launching.launch import Launched, launch
from runner.launching.ledger import claim_name, claimed_by, record_name
from runner.launching.reap import YOUNG, RunFacts, orphans
from runner.launching.steps import PAUSES, REPLAYABLE, SETTLES
from tests.aws import Aws
from tests.aws_strict import IMAGE, UBUNTU, refusal
from tests.clouds.claiming import claim
from tests.clouds.cloud_in_memory import MemoryCloud
from tests.clouds.conftest import Ec2World
from tests.clouds.making import PURPOSE, of_generation, requests
from tests.stores.strict_objects import StrictObjects

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """The process is gone: nothing of ours is run after it."""


class Mortal:
    """Passes calls on; after so many, each carried out, the launcher is killed before it sees the reply."""

    def __init__(self, inner: Any, life: list[int]) -> None:
        self._inner = inner
        self._life = life

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        if name == "now":
            return call

        def lived(*arguments: Any) -> Any:
            try:
                return call(*arguments)
            finally:
                self._life[0] -= 1
                if self._life[0] <= 0:
                    raise Killed

        return lived


FOR_EVER = 1 << 30


def go(cloud: Any, ledger: Any, calls: int = FOR_EVER, **more: Any) -> Launched | None:
    """One launcher, that lives for so many calls; None where it was killed."""
    life, slept = [calls], more.pop("slept", [])
    asked = more.pop("requests", requests())
    try:
        return launch(PURPOSE, asked, Mortal(cloud, life), Mortal(ledger, life), sleep=slept.append, **more)
    except Killed:
        return None


def _none(_type: str, _spot: bool, _subnet: str) -> bool:
    return False


def _no_spot(_type: str, spot: bool, _subnet: str) -> bool:
    return spot


@pytest.mark.parametrize("lag", [0, 1000])
@pytest.mark.parametrize("lost", [0, 1])
@pytest.mark.parametrize("short_of", [_none, _no_spot])
def test_killed_anywhere_twice_the_third_has_the_one_machine(
    short_of: Callable[[str, bool, str], bool], lost: int, lag: int
) -> None:
    killed = 0
    for first, second in itertools.product(range(1, 24), range(1, 24, 3)):
        cloud, ledger = MemoryCloud(short_of=short_of, lost=lost, lag=lag), StrictObjects()
        attempts = [go(cloud, ledger, first), go(cloud, ledger, second), go(cloud, ledger)]
        killed += attempts.count(None)
        (machine,) = cloud.living()
        assert {one.instance_id for one in attempts if one is not None} == {machine.id}
        assert claim(ledger, 1, machine.id)
        assert go(cloud, ledger) == Launched(instance_id=machine.id)
    assert killed > 50


def test_killed_and_nobody_comes_its_machine_has_the_run_or_is_reaped() -> None:
    for calls in range(1, 20):
        cloud, ledger = MemoryCloud(short_of=_no_spot), StrictObjects()
        go(cloud, ledger, calls)
        for machine in cloud.living():
            over = orphans(
                cloud.living(),
                {PURPOSE.run_id: RunFacts(is_over=True)},
                repository=PURPOSE.repository,
                now=machine.launched + YOUNG,
            )
            assert [one.instance for one in over] == [machine]
            assert claim(ledger, 1, machine.id)


def test_the_record_is_there_before_the_look_and_the_look_before_the_launch() -> None:
    order: list[str] = []

    class Noted(Mortal):
        def __getattr__(self, name: str) -> Any:
            call = getattr(self._inner, name)
            return lambda *given: (order.append(name), call(*given))[1]

    cloud, ledger = MemoryCloud(short_of=_no_spot), StrictObjects()
    launch(PURPOSE, requests(), Noted(cloud, []), Noted(ledger, []), sleep=lambda _: None)
    told = [name for name in order if name in {"create", "find", "launch"}]
    assert told == ["create", "find", "launch"] * 3


def test_only_a_definite_no_leads_to_the_next_request() -> None:
    """Replies are lost for ever: the first request is made again and again, and no other."""
    cloud, ledger, slept = MemoryCloud(lag=FOR_EVER, lost=FOR_EVER), StrictObjects(), []

    tokens: list[str] = []

    class Silent(Mortal):
        def launch(self, request: Any) -> Any:
            tokens.append(request.token)
            raise CloudUnsureError("EC2 does not answer", hint="try again")

    with pytest.raises(CloudUnsureError):
        launch(PURPOSE, requests(), Silent(cloud, [FOR_EVER]), ledger, sleep=slept.append)
    assert tokens == [requests()[0].token] * (len(PAUSES) + 1)
    assert slept == [*PAUSES, PAUSES[-1]], "the last look comes after the last try"
    assert record_name(1, 2) not in ledger.held


def test_a_no_after_a_doubt_counts_only_when_everything_would_be_visible() -> None:
    """The first launch was carried out and its reply lost; asked again, the cloud says that it has none."""
    cloud, ledger, slept = MemoryCloud(lost=1, lag=1), StrictObjects(), []
    made: list[str] = []

    class Forgetful(Mortal):
        def launch(self, request: Any) -> Any:
            if made:
                raise CapacityError("no such machine is free", hint="try others")
            made.append(request.token)
            return cloud.launch(request)

    found = launch(PURPOSE, requests(), Forgetful(cloud, [FOR_EVER]), ledger, sleep=slept.append)
    assert slept == [PAUSES[0], SETTLES]
    assert [one.id for one in cloud.living()] == [found.instance_id]
    assert record_name(1, 2) not in ledger.held


def test_patience_is_had_and_a_refusal_is_the_end() -> None:
    errors = [CloudBusyError("wait", hint="later"), CloudRefusedError("you may not", hint="allow it")]
    cloud, ledger, slept = MemoryCloud(), StrictObjects(), []

    class Refusing(Mortal):
        def launch(self, request: Any) -> Any:
            raise errors.pop(0)

    with pytest.raises(CloudRefusedError):
        launch(PURPOSE, requests(), Refusing(cloud, [FOR_EVER]), ledger, sleep=slept.append)
    assert slept == [PAUSES[0]]
    assert errors == []


def test_all_reasons_are_said_when_there_is_no_machine_at_all() -> None:
    told: list[str] = []
    cloud, ledger = MemoryCloud(short_of=lambda *_: True), StrictObjects()
    with pytest.raises(CapacityError) as caught:
        go(cloud, ledger, notice=told.append)
    assert caught.value.message.startswith("none of 3 machines is to be had: no m7i.large is free")
    assert len(told) == 2


def test_a_machine_that_never_started_for_lack_of_capacity_is_a_definite_no() -> None:
    cloud, ledger = MemoryCloud(), StrictObjects()
    first = go(cloud, ledger)
    assert first is not None
    cloud.end(first.instance_id, "capacity", "AWS had no such machine free after all")
    second = go(cloud, ledger)
    assert second is not None
    assert [one.id for one in cloud.living()] == [second.instance_id]
    assert b"free after all" in ledger.held[record_name(1, 2)].body


def test_a_generation_whose_machine_has_ended_gets_no_other() -> None:
    cloud, ledger = MemoryCloud(), StrictObjects()
    first = go(cloud, ledger)
    assert first is not None
    cloud.end(first.instance_id, "spot")
    again = go(cloud, ledger)
    assert again is not None
    assert again.instance is not None
    assert (again.instance_id, again.instance.is_gone) == (first.instance_id, True)
    assert cloud.living() == []
    fresh = launch(of_generation(2), requests(purpose=of_generation(2)), cloud, ledger, sleep=lambda _: None)
    assert [one.id for one in cloud.living()] == [fresh.instance_id]


def test_a_machine_that_ended_and_is_forgotten_is_not_launched_again() -> None:
    cloud, ledger = MemoryCloud(lag=FOR_EVER), StrictObjects()
    first = go(cloud, ledger)
    assert first is not None
    cloud.end(first.instance_id, "spot")
    with pytest.raises(CloudRefusedError):
        go(cloud, ledger)
    assert cloud.living() == []


def test_what_was_asked_for_is_asked_for_again_whatever_is_wanted_now() -> None:
    cloud, ledger = MemoryCloud(lost=1, lag=FOR_EVER), StrictObjects()
    with pytest.raises(CloudUnsureError):
        cloud.launch(requests()[0])
    cloud.lost = 0
    assert go(cloud, ledger, 4) is None  # the record is written, the process gone
    assert record_name(1, 1) in ledger.held
    other = go(cloud, ledger, requests=requests(image="ami-2"))
    assert other is not None
    assert [one.id for one in cloud.living()] == [other.instance_id]


def test_an_old_request_is_not_repeated() -> None:
    cloud, ledger = MemoryCloud(), StrictObjects()
    assert go(cloud, ledger, 4) is None
    ledger.ticks += REPLAYABLE + 1
    with pytest.raises(Exception, match="12 hours ago") as caught:
        go(cloud, ledger)
    assert "new generation" in caught.value.hint  # type: ignore[attr-defined]
    assert cloud.held == {}


def test_the_claim_is_the_lease_of_the_runs_store() -> None:
    ledger = StrictObjects()
    assert claim(ledger, 1, "i-1")
    assert claim(ledger, 1, "i-1")
    assert not claim(ledger, 1, "i-2")
    assert claimed_by(ledger, 1) == "i-1"
    assert claim(ledger, 2, "i-2")
    assert claimed_by(ledger, 2) == "i-2"
    assert claim_name(2) in ledger.held


def test_on_ec2_and_s3_killed_anywhere_there_is_one_machine(ec2: Ec2World, aws: Aws) -> None:
    ec2.region.short_of = lambda type_, spot, _subnet: spot and type_ == "m7i.large"
    ec2.region.lag = 1
    cloud = ec2.cloud()
    image = cloud.image(UBUNTU)
    assert image.id == IMAGE
    for calls in (4, 7, 10):
        purpose = dataclasses.replace(PURPOSE, run_id=f"{PURPOSE.run_id}-{calls}")
        asked = requests(purpose=purpose, image=image.id, security_group=ec2.security_group)
        bucket, life = aws.at(f"runs/{purpose.run_id}"), [calls]
        with pytest.raises(Killed):
            launch(purpose, asked, Mortal(cloud, life), Mortal(bucket, life), sleep=lambda _: None)
        made = launch(purpose, asked, ec2.cloud(), bucket, sleep=lambda _: None)
        tags = {"runner:run": purpose.run_id}
        cloud.find(tags)
        (found,) = cloud.find(tags)
        assert (found.id, found.type, found.spot) == (made.instance_id, "c7i.large", True)
        assert claim(bucket, 1, made.instance_id)
        assert claimed_by(bucket, 1) == made.instance_id


def test_on_ec2_a_refusal_is_a_sentence_with_the_fix(ec2: Ec2World, aws: Aws) -> None:
    said = refusal(
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. User: arn:aws:sts::1:x is not authorized to "
        "perform: iam:PassRole on resource: r. Encoded authorization failure message: SECRETSECRET",
        status=403,
    )
    ec2.region.trouble.append(said)
    purpose = dataclasses.replace(PURPOSE, run_id="refused")
    asked = requests(purpose=purpose, image=IMAGE, security_group=ec2.security_group)
    with pytest.raises(CloudRefusedError) as caught:
        launch(purpose, asked, ec2.cloud(), aws.at("runs/refused"), sleep=lambda _: None)
    assert caught.value.message == "cannot launch m7i.large (spot): iam:PassRole is denied"
    assert "allow iam:PassRole" in caught.value.hint
    assert "SECRET" not in f"{caught.value.message} {caught.value.hint}"

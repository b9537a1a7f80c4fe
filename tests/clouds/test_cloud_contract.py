"""What every cloud promises, wherever its machines are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest

from runner.errors import CapacityError, CloudEndedError, CloudRefusedError, CloudUnsureError
from runner.launching.naming import REPOSITORY, repository_tags, search_tags
from runner.ports import Cloud, Image, LaunchRequest
from tests.aws_strict import IMAGE
from tests.clouds.cloud_in_memory import MemoryCloud
from tests.clouds.conftest import Ec2World
from tests.clouds.making import PURPOSE, requests

pytestmark = pytest.mark.slow

OURS = repository_tags(PURPOSE.repository)


@dataclass
class World:
    """`knobs` has `short_of`, `lag`, `lost`. A purpose of its own for each test keeps its machines apart."""

    cloud: Cloud
    knobs: Any
    requests: list[LaunchRequest]
    tags: dict[str, str]


@pytest.fixture(params=["memory", "ec2"])
def world(request: pytest.FixtureRequest) -> World:
    purpose = dataclasses.replace(PURPOSE, run_id=f"train-{request.node.name}")
    tags = search_tags(purpose)
    if request.param == "memory":
        image = Image(id=IMAGE, root_device="/dev/sda1", disk=15)
        memory = MemoryCloud(images={IMAGE: image})
        return World(memory, memory, requests(purpose=purpose, image=IMAGE), tags)
    ec2: Ec2World = request.getfixturevalue("ec2")
    asked = requests(purpose=purpose, image=IMAGE, security_group=ec2.security_group)
    return World(ec2.cloud(), ec2.region, asked, tags)


def test_a_machine_is_found_by_its_tags_and_by_its_id(world: World) -> None:
    made = world.cloud.launch(world.requests[0])
    assert (made.type, made.spot, made.is_gone) == ("m7i.large", True, False)
    (found,) = world.cloud.find(world.tags)
    assert found.id == made.id
    assert found.tags == world.requests[0].tags
    assert [one.id for one in world.cloud.describe([made.id, "i-0123456789abcdef0"])] == [made.id]
    assert world.cloud.find({**world.tags, REPOSITORY: "acme/other"}) == []


def test_one_token_gives_one_machine(world: World) -> None:
    first, again = (world.cloud.launch(world.requests[0]) for _ in range(2))
    assert first.id == again.id
    assert len(world.cloud.find(world.tags)) == 1


def test_a_token_with_another_request_leaves_it_open(world: World) -> None:
    made = world.cloud.launch(world.requests[0])
    with pytest.raises(CloudUnsureError):
        world.cloud.launch(dataclasses.replace(world.requests[0], type="c7i.large"))
    assert [one.id for one in world.cloud.find(world.tags)] == [made.id]


def test_the_request_of_a_machine_that_has_ended_is_refused(world: World) -> None:
    made = world.cloud.launch(world.requests[0])
    world.cloud.terminate([made.id], OURS)
    with pytest.raises(CloudEndedError, match="has ended"):
        world.cloud.launch(world.requests[0])


def test_no_capacity_is_definite(world: World) -> None:
    world.knobs.short_of = lambda _type, spot, _subnet: spot
    with pytest.raises(CapacityError) as caught:
        world.cloud.launch(world.requests[0])
    assert caught.value.hint
    assert world.cloud.find(world.tags) == []
    assert not world.cloud.launch(world.requests[2]).spot


def test_a_lost_reply_leaves_it_open_and_the_same_request_finds_out(world: World) -> None:
    world.knobs.lost = 1
    with pytest.raises(CloudUnsureError):
        world.cloud.launch(world.requests[0])
    made = world.cloud.launch(world.requests[0])
    assert [one.id for one in world.cloud.find(world.tags)] == [made.id]


def test_what_was_launched_may_be_missing_for_a_while(world: World) -> None:
    world.knobs.lag = 2
    world.cloud.launch(world.requests[0])
    assert [len(world.cloud.find(world.tags)) for _ in range(3)] == [0, 0, 1]


def test_too_much_user_data_is_refused(world: World) -> None:
    most = dataclasses.replace(world.requests[0], user_data="é" * 8192)
    world.cloud.check(most)
    more = dataclasses.replace(world.requests[0], user_data="é" * 8192 + "x")
    for ask in (world.cloud.check, world.cloud.launch):
        with pytest.raises(CloudRefusedError, match="user data"):
            ask(more)
    assert world.cloud.find(world.tags) == []


def test_a_check_launches_nothing_and_uses_no_token(world: World) -> None:
    world.cloud.check(world.requests[0])
    assert world.cloud.find(world.tags) == []
    world.cloud.launch(world.requests[0])
    assert len(world.cloud.find(world.tags)) == 1


def test_only_machines_with_the_tags_are_ended_and_twice_is_no_trouble(world: World) -> None:
    one, other = world.cloud.launch(world.requests[0]), world.cloud.launch(world.requests[1])
    assert world.cloud.terminate([one.id], {REPOSITORY: "acme/other"}) == []
    assert not any(found.is_gone for found in world.cloud.find(world.tags))
    for _ in range(2):
        assert list(world.cloud.terminate([one.id, "i-0123456789abcdef0"], OURS)) == [one.id]
    gone = {found.id: found.is_gone for found in world.cloud.describe([one.id, other.id])}
    assert gone == {one.id: True, other.id: False}
    (ended,) = world.cloud.describe([one.id])
    assert ended.ended == "terminated"
    assert ended.reason


def test_an_image_has_what_a_disk_needs(world: World) -> None:
    assert world.cloud.image(IMAGE) == Image(id=IMAGE, root_device="/dev/sda1", disk=15)
    with pytest.raises(CloudRefusedError) as caught:
        world.cloud.image("ami-00000000000000000")
    assert caught.value.hint

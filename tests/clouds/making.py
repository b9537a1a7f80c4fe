"""Requests for machines, as tests want them."""

from __future__ import annotations

from dataclasses import replace

from runner.launching.attempts import Attempt
from runner.launching.launch import requests_of
from runner.launching.naming import Purpose
from runner.ports import Image, LaunchRequest

PURPOSE = Purpose(
    run_id="train-20261122T180405-abc123",
    queue_id="train",
    repository="Acme/Models",
    commit="1" * 40,
    generation=1,
    ttl=4 * 3600.0,
    pull="7",
    owner="octocat",
)
ATTEMPTS = (
    Attempt(type="m7i.large", spot=True),
    Attempt(type="c7i.large", spot=True),
    Attempt(type="m7i.large"),
)


def requests(
    attempts: tuple[Attempt, ...] = ATTEMPTS,
    *,
    purpose: Purpose = PURPOSE,
    image: str = "ami-1",
    security_group: str = "sg-1",
    user_data: str = "#!/bin/sh\n",
) -> list[LaunchRequest]:
    return requests_of(
        purpose,
        attempts,
        image=Image(id=image, root_device="/dev/sda1", disk=8),
        disk=30,
        security_group=security_group,
        instance_profile="",
        user_data=user_data,
    )


def of_generation(generation: int) -> Purpose:
    return replace(PURPOSE, generation=generation)

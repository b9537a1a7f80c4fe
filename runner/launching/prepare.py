"""From what a queue wants to requests that the cloud would take: all that can be known before a launch."""

from __future__ import annotations

from collections.abc import Sequence

from runner.canonical.machine import architecture_of, region_named
from runner.errors import CapacityError, UsageError
from runner.launching.account import Account
from runner.launching.attempts import disk_of, image_name, plan_of_attempts, types_of
from runner.launching.boot import Bundle, user_data
from runner.launching.launch import requests_of
from runner.launching.naming import Purpose
from runner.model import Machine
from runner.ports import Cloud, Image, LaunchRequest


def region_of(machine: Machine, account: Account) -> str:
    """Where the machine lives; the bucket stays in the account's region. "": as the SDK finds it."""
    return region_named(machine.options, account.region)


def prepare(
    purpose: Purpose, machine: Machine, account: Account, bundle: Bundle, cloud: Cloud, *, endpoint: str = ""
) -> list[LaunchRequest]:
    """The requests of `launch`, each kind of them tried without launching. Raises UsageError, CloudError.

    `cloud` is that of `region_of`; `endpoint` as for `user_data`.
    """
    attempts = plan_of_attempts(machine, account)
    image = cloud.image(image_name(machine))
    _check_architecture(machine, image)
    profile = str(machine.options.get("instance_profile") or account.instance_profile)
    if not profile:
        raise UsageError(
            "no instance profile is set: the machine could not read its bundle",
            hint="set `aws.instance_profile` in .github/runner.yaml",
        )
    requests = requests_of(
        purpose,
        attempts,
        image=image,
        disk=disk_of(machine, image),
        security_group=cloud.security_group(account.security_group),
        instance_profile=profile,
        user_data=user_data(purpose, account, bundle, endpoint=endpoint),
    )
    _try(requests, cloud)
    return requests


def _check_architecture(machine: Machine, image: Image) -> None:
    type_ = types_of(machine)[0]
    if architecture_of(type_) != image.architecture:
        raise UsageError(
            f"{type_} is a machine for {architecture_of(type_)}, "
            f"and the image {image.id} is for {image.architecture}",
            hint="correct `machine.ami`, or leave it out",
        )


def _try(requests: Sequence[LaunchRequest], cloud: Cloud) -> None:
    """Each type in each market once. That there is none now is for the launch to find out."""
    kinds = {(request.type, request.spot): request for request in reversed(requests)}
    for request in reversed(kinds.values()):
        try:
            cloud.check(request)
        except CapacityError:
            continue

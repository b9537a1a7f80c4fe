"""EC2 behind the cloud port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from botocore import exceptions as sdk

from runner.aws.clients import Client, Settings
from runner.aws.failures import code_of
from runner.clouds import quotas
from runner.clouds.client import connect
from runner.clouds.ec2.groups import security_group
from runner.clouds.ec2.images import look_up
from runner.clouds.ec2.parameters import parameters
from runner.clouds.ec2.telling import instance
from runner.clouds.trouble import told
from runner.ports import Image, Instance, LaunchRequest

SETTLES = 60.0
"""Seconds after which every launch can be seen. AWS promises no number; this is many times what it takes."""
_AT_ONCE = 100


class Ec2Cloud:
    """`Cloud` in one region of one account. Safe for threads.

    `page`: how many machines one answer holds. `once` tries only once. Else the error of a launch would be
    that of its last try, and say nothing of those before: a time-out, then a refusal, would read as if
    nothing could have been launched.
    """

    def __init__(self, *, ec2: Client, ssm: Client, once: Client, page: int = 100, region: str = "") -> None:
        self._ec2 = ec2
        self._ssm = ssm
        self._once = once
        self._page = page
        self._region = region

    @classmethod
    def open(cls, settings: Settings | None = None) -> Ec2Cloud:
        """Raises CloudError where no settings can be found; asks nothing of AWS yet."""
        settings = settings or Settings()
        ec2 = connect("ec2", settings)
        return cls(
            ec2=ec2,
            ssm=connect("ssm", settings),
            once=connect("ec2", replace(settings, tries=1)),
            region=ec2.meta.region_name or "",
        )

    def image(self, name: str) -> Image:
        return look_up(self._ec2, self._ssm, name)

    def security_group(self, given: str) -> str:
        return security_group(self._ec2, given)

    def check(self, request: LaunchRequest) -> None:
        asked = parameters(request)
        # The token is for the launch itself: one that was used for a trial would make it another request.
        del asked["ClientToken"]
        with told(f"launch {_called(request)}", hints=self._hints(request)):
            try:
                self._ec2.run_instances(**asked, DryRun=True)
            except sdk.ClientError as error:
                if code_of(error) != "DryRunOperation":
                    raise

    def launch(self, request: LaunchRequest) -> Instance:
        asked = parameters(request)
        with told(f"launch {_called(request)}", writes=True, hints=self._hints(request)):
            answer = self._once.run_instances(**asked)
        return instance(answer["Instances"][0])

    def find(self, tags: Mapping[str, str]) -> Sequence[Instance]:
        with told("look for machines"):
            return self._found(_filters(tags))

    def describe(self, instance_ids: Sequence[str]) -> Sequence[Instance]:
        with told("look at machines"):
            return self._among(instance_ids, [])

    def terminate(self, instance_ids: Sequence[str], tags: Mapping[str, str]) -> Sequence[str]:
        if not tags:
            raise ValueError("machines are ended by their tags, never without")
        with told("end machines", writes=True):
            ours = [found.id for found in self._among(instance_ids, _filters(tags))]
            for first in range(0, len(ours), _AT_ONCE):
                self._ec2.terminate_instances(InstanceIds=ours[first : first + _AT_ONCE])
        return ours

    def console(self, instance_id: str) -> str:
        with told(f"read the console of {instance_id}"):
            try:
                answer = self._ec2.get_console_output(InstanceId=instance_id, Latest=True)
            except sdk.ClientError as error:
                # Only newer machines give what is on the console now; others what was there after the boot.
                if code_of(error) not in {"UnsupportedOperation", "InvalidParameterCombination"}:
                    raise
                answer = self._ec2.get_console_output(InstanceId=instance_id)
        return str(answer.get("Output", ""))

    def _hints(self, request: LaunchRequest) -> Mapping[str, str]:
        return quotas.hints(request.type, spot=request.spot, region=self._region)

    def _among(self, instance_ids: Sequence[str], filters: Sequence[Mapping[str, Any]]) -> list[Instance]:
        """By a filter, since one unknown id beside known ones would be an error for all."""
        found = []
        for first in range(0, len(instance_ids), _AT_ONCE):
            some = {"Name": "instance-id", "Values": list(instance_ids[first : first + _AT_ONCE])}
            found += self._found([some, *filters])
        return found

    def _found(self, filters: Sequence[Mapping[str, Any]]) -> list[Instance]:
        pages = self._ec2.get_paginator("describe_instances").paginate(
            Filters=list(filters), PaginationConfig={"PageSize": self._page}
        )
        found = [
            instance(said)
            for page in pages
            for reservation in page["Reservations"]
            for said in reservation["Instances"]
        ]
        return sorted(found, key=lambda one: (one.launched, one.id))


def _filters(tags: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Exactly these values: a filter takes `*` and `?` for patterns, unless they are escaped."""
    return [{"Name": f"tag:{key}", "Values": [_literal(value)]} for key, value in sorted(tags.items())]


def _literal(value: str) -> str:
    return value.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _called(request: LaunchRequest) -> str:
    market = "spot" if request.spot else "on-demand"
    return f"{request.type} ({market}{f', {request.subnet}' if request.subnet else ''})"

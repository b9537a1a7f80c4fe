"""EC2 before the emulator, for each test with its own group and its own memory of tokens."""

from __future__ import annotations

import functools
import itertools
import os
from dataclasses import dataclass, field
from typing import Any

import pytest

from runner.aws.clients import Settings
from runner.clouds.client import connect
from runner.clouds.ec2 import Ec2Cloud
from tests.aws import Aws
from tests.aws_strict import Region, StrictEc2, StrictSsm

_NAMES = itertools.count(1)


@dataclass
class Ec2World:
    """`cloud` is made anew for each launcher; `region` is what they share. `plain`: the emulator itself."""

    plain: Any
    ssm: Any
    security_group: str
    region: Region = field(default_factory=Region)

    def cloud(self, page: int = 100) -> Ec2Cloud:
        strict = StrictEc2(self.plain, self.region)
        return Ec2Cloud(ec2=strict, ssm=StrictSsm(self.ssm), once=strict, page=page)


@functools.cache
def _clients(_endpoint: str) -> tuple[Any, Any]:
    """It takes the SDK half a second to make one: shared by all tests of this process."""
    settings = Settings(tries=2, read_timeout=20.0)
    return connect("ec2", settings), connect("ssm", settings)


@pytest.fixture
def ec2(aws: Aws) -> Ec2World:
    plain, ssm = _clients(aws.endpoint)
    name = f"machines-{os.getpid()}-{next(_NAMES)}"
    group = plain.create_security_group(GroupName=name, Description="no way in")["GroupId"]
    return Ec2World(plain=plain, ssm=ssm, security_group=group)

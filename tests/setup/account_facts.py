"""An account of AWS that is set up as it should be, and short ways to others."""

from __future__ import annotations

import dataclasses
from typing import Any

from runner.clouds.account.facts import (
    INTERNET,
    Account,
    Asked,
    Bucket,
    Caller,
    Condition,
    Group,
    Kind,
    Network,
    Profile,
    Provider,
    Quota,
    Right,
    Role,
    Statement,
    Subnet,
    Unseen,
)
from runner.clouds.quotas import QuotaName, quota_of
from runner.launching.account import Account as Settings
from runner.ports import Image, Subject
from runner.setup import facts as setup
from runner.setup.facts import Aws, Facts, Online
from runner.setup.wanted import CLOUD, caller, wanted
from tests.setup import test_doctor as doctor

HOST = "token.actions.githubusercontent.com"


PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"


ROLE = "arn:aws:iam::123456789012:role/runner"


SUBJECT = "repo:octo@7/lab@1:ref:refs/heads/main"


WORKFLOW = f"acme/runner/.github/workflows/cloud.yaml@{'a1b2c3d4' * 5}"


SUBNET_A = "subnet-a (us-east-1a)"


OTHER = "acme/runner/.github/workflows/cloud.yaml@v1"


DENIED = Unseen(why="GetRole is denied to these credentials")


PLACE = "arn:aws:s3:::my-runs/runner/"


UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"


def named(type_: str) -> QuotaName:
    found = quota_of(type_, spot=False)
    assert found is not None
    return found


def line(claim: str, *values: str, operator: str = "StringEquals") -> Condition:
    return Condition(operator=operator, key=f"{HOST}:{claim}", values=values)


AUD, SUB = line("aud", "sts.amazonaws.com"), line("sub", SUBJECT)


STATEMENT = Statement(
    allows=True,
    actions=("sts:AssumeRoleWithWebIdentity",),
    federated=(PROVIDER,),
    services=(),
    conditions=(AUD, SUB, line("repository_id", "1"), line("job_workflow_ref", WORKFLOW)),
)


FOR_MACHINES = Statement(
    allows=True, actions=("sts:AssumeRole",), federated=(), services=("ec2.amazonaws.com",), conditions=()
)


READ = Right(action="s3:GetObject", resource=f"{PLACE}bundles/doctor.tar.gz", allowed=True)


WRITE = Right(action="s3:PutObject", resource=f"{PLACE}runs/doctor/events/000001.jsonl", allowed=True)


NO_WRITE = dataclasses.replace(WRITE, allowed=False)


CHANGE = Right(action="s3:PutObject", resource=f"{PLACE}bundles/doctor.tar.gz", allowed=False)


INSTANCE = Role(
    arn="arn:aws:iam::123456789012:role/runner-instance",
    trust=(FOR_MACHINES,),
    rights=(READ, WRITE, CHANGE),
)


BUCKET = Bucket(
    region="us-east-1",
    encrypted=True,
    closed=True,
    expiring=("runner/runs/", "runner/bundles/"),
    aborting=True,
    conditional=True,
)


ASKED = Asked(
    region="us-east-1",
    bucket="my-runs",
    prefix="runner",
    role=ROLE,
    profile="runner-instance",
    types=("m7i.large", "g6.xlarge"),
    spot=("m7i.large",),
    images=(UBUNTU,),
)


A = Subnet(id="subnet-a", vpc="vpc-1", zone="us-east-1a", public_ip=True, free=4091, out=INTERNET, s3=False)


B = dataclasses.replace(A, id="subnet-b", zone="us-east-1b")


ON_DEMAND = Quota(name=named("m7i.large"), types=("m7i.large",), vcpus=32.0)


GPUS = Quota(name=named("g6.xlarge"), types=("g6.xlarge",), vcpus=8.0)


FOUND = Account(
    asked=ASKED,
    caller=Caller(account="123456789012", arn="arn:aws:iam::123456789012:user/ann"),
    region="us-east-1",
    enabled=True,
    bucket=BUCKET,
    role=Role(arn=ROLE, trust=(STATEMENT,), rights=(READ, WRITE)),
    providers=(Provider(arn=PROVIDER, audiences=("sts.amazonaws.com",)),),
    profile=Profile(name="runner-instance", role=INSTANCE),
    images=(Image(id="ami-0abc", root_device="/dev/sda1", disk=8),),
    network=Network(default="vpc-1", subnets=(A, B)),
    group=Group(id="sg-1", vpc="vpc-1", outbound=1),
    kinds=(
        Kind(name="m7i.large", vcpus=2, zones=("us-east-1a", "us-east-1b")),
        Kind(name="g6.xlarge", vcpus=4, zones=("us-east-1b",)),
    ),
    quotas=(ON_DEMAND, GPUS),
    spot_role=True,
    trial=True,
)


AWS = Aws(
    named=True,
    account=Settings(
        region="us-east-1",
        bucket="my-runs",
        prefix="runner",
        instance_profile="runner-instance",
        role=ROLE,
    ),
    unlimited=(),
    elsewhere=(),
    unpriced=(),
    found=FOUND,
)


CALLER = {file.path: file.text for file in wanted(doctor.SOURCE, "main", example=False, cloud=True)}[
    caller(CLOUD)
]


CALLED = setup.Caller(path=caller(CLOUD), here=CALLER, merged=CALLER)


WITH_CLOUD = dataclasses.replace(doctor.REPOSITORY, callers=(*doctor.REPOSITORY.callers, CALLED))


ONLINE = dataclasses.replace(
    doctor.ONLINE,
    workflows=(
        *(doctor.ONLINE.workflows or ()),
        dataclasses.replace((doctor.ONLINE.workflows or ())[0], path=caller(CLOUD)),
    ),
    token_subject=Subject(prefix="repo:octo@7/lab@1"),
)


WELL = dataclasses.replace(doctor.WELL, repository=WITH_CLOUD, github=ONLINE, aws=AWS)


def with_aws(**changed: Any) -> Facts:
    return dataclasses.replace(WELL, aws=dataclasses.replace(AWS, **changed))


def with_found(**changed: Any) -> Facts:
    return with_aws(found=dataclasses.replace(FOUND, **changed))


def with_asked(**changed: Any) -> Facts:
    return with_found(asked=dataclasses.replace(ASKED, **changed))


def with_bucket(**changed: Any) -> Facts:
    return with_found(bucket=dataclasses.replace(BUCKET, **changed))


def with_trust(*conditions: Condition, **changed: Any) -> Facts:
    statement = dataclasses.replace(STATEMENT, conditions=conditions or STATEMENT.conditions, **changed)
    return with_found(role=Role(arn=ROLE, trust=(statement,), rights=(READ, WRITE)))


def with_online(facts: Facts, **changed: Any) -> Facts:
    assert isinstance(facts.github, Online)
    return dataclasses.replace(facts, github=dataclasses.replace(facts.github, **changed))


def with_subnets(*subnets: Subnet) -> Facts:
    return with_found(network=Network(default="vpc-1", subnets=subnets))


def with_caller(**changed: Any) -> Facts:
    own = dataclasses.replace(CALLED, **changed)
    repository = dataclasses.replace(doctor.REPOSITORY, callers=(*doctor.REPOSITORY.callers, own))
    return dataclasses.replace(WELL, repository=repository)


def without_limits() -> Facts:
    return with_aws(unlimited=("machine_types", "max_cost"))

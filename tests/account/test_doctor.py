"""`runner doctor` on an account: well as the template makes it, and the traps of the first week."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from runner.clouds.account import looking
from runner.clouds.account.facts import Account, Asked, Bucket, Network, Profile, Role, Unasked
from runner.config import Config
from runner.model import Machine
from runner.setup.aws import account_checks, bucket_checks, machine_checks, network_checks, role_checks
from runner.setup.aws import looking as asked_of
from runner.setup.aws.trust_checks import Said
from runner.setup.facts import Aws
from runner.setup.findings import Finding, Level
from tests.account.stack import PROVIDER, WORKFLOW, Stack, client
from tests.aws import Aws as Emulator
from tests.aws_strict import IMAGE
from tests.project import Project
from tests.repositories import QUIET, commit_all, repository
from tests.wire import Answer, Request, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("account")]  # the emulator

SAID = Said(
    repository="Acme/Models",
    subject="repo:Acme/Models:ref:refs/heads/main",
    repository_id="456789",
    workflow=WORKFLOW,
)
MACHINE = Machine(provider="ec2", options={"type": "m5.large", "ami": IMAGE, "spot": True})
LIMITS = {"machine_types": ("m5.*",), "max_ttl": 3600.0, "max_cost": 5.0}
_WHO = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/ann</Arn>"
    "<Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
_UNKNOWN = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>"
HOST = "token.actions.githubusercontent.com"


@pytest.fixture
def settings(aws: Emulator, stack: Stack) -> Config:
    """What the template gives, in an account with what it does not make."""
    iam, ec2 = client("iam", aws.endpoint), client("ec2", aws.endpoint)
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_open_id_connect_provider(Url=f"https://{HOST}", ClientIDList=["sts.amazonaws.com"])
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="AWSServiceRoleForEC2Spot", AssumeRolePolicyDocument="{}")
    _open(ec2)
    made = stack.configuration
    _as_in_the_template(client("s3", aws.endpoint), made.account.bucket)
    return dataclasses.replace(made, policy=dataclasses.replace(made.policy, **LIMITS))


def _open(ec2: Any) -> None:
    """The emulator's default network has no way out."""
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])[
        "RouteTables"
    ]
    if not any(route.get("DestinationCidrBlock") == "0.0.0.0/0" for route in table["Routes"]):
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
        ec2.create_route(
            RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
        )


def _as_in_the_template(s3: Any, bucket: str) -> None:
    """What the emulator leaves out when it makes a bucket of a template."""
    names = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(names, True))
    rules = [
        {"ID": "runs", "Filter": {"Prefix": "ci/runs/"}, "Expiration": {"Days": 90}},
        {"ID": "uploads", "Filter": {}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
    ]
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [{**rule, "Status": "Enabled"} for rule in rules]}
    )


def look(settings: Config, **changed: Any) -> Aws:
    account = dataclasses.replace(settings.account, **changed)
    found = asked_of.look(dataclasses.replace(settings, account=account), [MACHINE])
    assert found is not None
    return found


def findings(aws: Aws, said: Said = SAID) -> list[Finding]:
    if isinstance(aws.found, Unasked):
        return list(account_checks.check(aws))
    return [
        *account_checks.check(aws),
        *bucket_checks.check(aws.found),
        *role_checks.of_workflows(aws.found, said),
        *role_checks.of_machines(aws.found),
        *network_checks.check(aws.found),
        *machine_checks.check(aws.found, aws),
    ]


def ill(aws: Aws, said: Said = SAID) -> list[str]:
    return [one.what for one in findings(aws, said) if one.level in {Level.WARNING, Level.PROBLEM}]


def test_an_account_as_the_template_makes_it(settings: Config) -> None:
    found = look(settings)
    assert ill(found) == []
    notes = [one.what.partition(": ")[2] for one in findings(found) if one.level is Level.NOTE]
    # What the emulator does not know, and nothing else, is said not to be checked.
    assert [note.rpartition(": ")[0] for note in notes] == [
        "what the role runner may do",
        "what the role runner-instance of machines may do",
        "the quota for standard machines, on-demand (L-1216C47A)",
        "the quota for standard machines, spot (L-34B43A08)",
    ]
    well = [one.what for one in findings(found) if one.level is Level.OK]
    assert f"the trust policy of runner is for {SAID.subject} alone" in well
    assert "EC2 would launch m5.large for these credentials" in well


def test_nothing_is_left_in_the_bucket(settings: Config, aws: Emulator) -> None:
    look(settings)
    s3 = client("s3", aws.endpoint)
    assert s3.list_objects_v2(Bucket=settings.account.bucket, Prefix="ci/prices/")["KeyCount"] == 0


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"bucket": "nobody-has-this-one"}, "there is no bucket nobody-has-this-one"),
        ({"role": "arn:aws:iam::123456789012:role/no"}, "there is no role arn:aws:iam::123456789012:role/no"),
        ({"instance_profile": "no"}, "there is no instance profile no"),
        ({"subnets": ("subnet-0123",)}, "there is no subnet subnet-0123 in us-east-1"),
        ({"security_group": "sg-0123"}, "cannot look at the security group"),
    ],
)
def test_what_is_not_there(settings: Config, changed: dict[str, Any], expected: str) -> None:
    found = ill(look(settings, **changed))
    assert any(what.startswith(expected) for what in found), found


def test_a_repository_whose_tokens_carry_numbers(settings: Config) -> None:
    said = dataclasses.replace(SAID, subject="repo:Acme@12/Models@456789:ref:refs/heads/main")
    assert ill(look(settings), said) == [
        f"the trust policy of runner wants sub {SAID.subject}, and tokens say {said.subject}"
    ]


def test_a_new_version_of_the_workflow(settings: Config) -> None:
    said = dataclasses.replace(SAID, workflow=WORKFLOW.replace("c" * 40, "d" * 40))
    (found,) = ill(look(settings), said)
    assert found.endswith(f"the caller has {said.workflow}")


def _no_default_network(ec2: Any) -> None:
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    for subnet in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc["VpcId"])


def test_no_default_network(settings: Config, aws: Emulator) -> None:
    _no_default_network(_in(aws, "ap-south-1"))
    found = looking.look(Asked(region="ap-south-1", types=("m5.large",)))
    assert isinstance(found, Account)
    assert found.network == Network(default="", subnets=())
    assert [one.what for one in network_checks.check(found)] == [
        "there is no default network in ap-south-1, and `aws.subnets` is empty",
        "no security group is set, and the default network has none called queue-runner",
    ]


def _in(aws: Emulator, region: str) -> Any:
    return boto3.Session(aws_access_key_id="ADMIN", aws_secret_access_key="x", region_name=region).client(
        "ec2", endpoint_url=aws.endpoint
    )


Build = Callable[[Any, str, str], object]
"""A client of EC2, a route table, a network."""


def _internet(ec2: Any, table: str, vpc: str) -> None:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)


def _endpoint(ec2: Any, table: str, vpc: str) -> None:
    name = f"com.amazonaws.{ec2.meta.region_name}.s3"
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, RouteTableIds=[table])


@pytest.mark.parametrize(
    ("build", "public", "expected"),
    [
        (lambda *_: None, True, ["nothing leads from {} to S3"]),
        (_internet, True, []),
        (
            _internet,
            False,
            ["machines in {} get no public address, and only an internet gateway leads out"],
        ),
        (_endpoint, False, ["from {} only S3 can be reached"]),
    ],
)
def test_ways_to_s3(aws: Emulator, build: Build, public: bool, expected: list[str]) -> None:
    ec2 = _in(aws, "eu-west-1")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="eu-west-1a")["Subnet"]
    name = subnet["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=name, MapPublicIpOnLaunch={"Value": public})
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=name)
    build(ec2, table, vpc)
    group = ec2.create_security_group(GroupName="x", Description="x", VpcId=vpc)["GroupId"]
    asked = Asked(region="eu-west-1", subnets=(name,), security_group=group, types=("m5.large",))
    found = looking.look(asked)
    assert isinstance(found, Account)
    ill = [one.what for one in network_checks.check(found) if one.level is not Level.OK]
    assert ill == [one.format(f"{name} (eu-west-1a)") for one in expected]


def test_a_group_that_lets_others_in_and_one_of_another_network(aws: Emulator) -> None:
    ec2 = _in(aws, "eu-west-1")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="open", Description="x", VpcId=vpc)["GroupId"]
    found = looking.look(Asked(region="eu-west-1", security_group=group, types=("m5.large",)))
    assert isinstance(found, Account)
    assert any("EC2 takes no machine with the two" in one.why for one in network_checks.check(found))
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    found = looking.look(Asked(region="eu-west-1", security_group=group, types=("m5.large",)))
    assert isinstance(found, Account)
    assert any(one.what.endswith("it has inbound rules") for one in network_checks.check(found))


def test_a_bucket_as_somebody_made_it_by_hand(aws: Emulator) -> None:
    found = looking.look(Asked(region="us-east-1", bucket=aws.bucket, types=("m5.large",)))
    assert isinstance(found, Account)
    assert found.bucket == Bucket(
        region="us-east-1", encrypted=False, closed=False, expiring=(), aborting=False, conditional=True
    )
    assert [one.what for one in bucket_checks.check(found) if one.level is Level.WARNING] == [
        "nothing ever deletes runs: no lifecycle rule is about runs/",
        "uploads that were never finished are kept for ever",
        f"the bucket {aws.bucket} may be made public",
        f"the bucket {aws.bucket} says nothing of encryption",
    ]


def test_a_role_that_lets_in_whoever_comes(aws: Emulator) -> None:
    iam, name = client("iam", aws.endpoint), f"lax-{os.getpid()}"
    policy = {
        "Effect": "Allow",
        "Principal": {"Federated": [PROVIDER]},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {f"{HOST}:sub": "repo:Acme/*"}},
    }
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": policy}))
    iam.create_instance_profile(InstanceProfileName=name)
    arn = f"arn:aws:iam::123456789012:role/{name}"
    found = looking.look(Asked(region="us-east-1", role=arn, profile=name, types=("m5.large",)))
    assert isinstance(found, Account)
    assert isinstance(found.role, Role)
    said = [one.what for one in role_checks.of_workflows(found, SAID) if one.level is Level.WARNING]
    assert said == [
        f"the trust policy of {name} does not ask whom a token is for",
        f"the trust policy of {name} has a wildcard: sub repo:Acme/*",
        f"the trust policy of {name} knows the repository by its name alone",
    ]
    assert found.profile == Profile(name=name, role=None)


def test_an_account_without_credentials_is_said_once(monkeypatch: pytest.MonkeyPatch, aws: Emulator) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    found = looking.look(Asked(region="us-east-1"))
    assert found == Unasked(
        why="not asked: there are no AWS credentials here",
        fix="to look there too: AWS_PROFILE=NAME runner doctor, or log in: aws sso login",
    )


def test_a_profile_that_does_not_exist_is_a_mistake(monkeypatch: pytest.MonkeyPatch, aws: Emulator) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nix")
    found = looking.look(Asked(region="eu-west-1"))
    assert isinstance(found, Unasked)
    assert found.failed
    assert found.why.endswith("there is no AWS profile `nix`")
    assert "AWS_PROFILE" in found.fix


def test_nobody_waits_for_what_does_not_answer(monkeypatch: pytest.MonkeyPatch, aws: Emulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes a question, and never says a word
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        found = looking.look(Asked(region="us-east-1"), seconds=0.5)
        assert time.monotonic() - began < 30, "the SDK alone would wait for a minute"
    assert isinstance(found, Unasked)
    assert (found.why, found.failed) == ("not asked: AWS did not answer within 0.5 s", True)
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        found = looking.look(Asked(region="us-east-1"))
    assert isinstance(found, Unasked)
    assert found.failed


def test_a_region_that_is_not_enabled_takes_no_credentials(
    monkeypatch: pytest.MonkeyPatch, aws: Emulator
) -> None:
    def only_at_home(request: Request) -> Answer:
        if "/us-east-1/sts/" in request.headers["Authorization"]:
            return Answer(body=_WHO.encode())
        return Answer(403, b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>")

    with serving(only_at_home) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        found = looking.look(Asked(region="eu-south-1"))
        assert isinstance(found, Unasked)
        assert (found.why, found.failed) == ("AWS takes these credentials, but not in eu-south-1", True)
        assert "enable-region --region-name eu-south-1" in found.fix


def test_the_command(settings: Config, stack: Stack, aws: Emulator, tmp_path: Path) -> None:
    root = repository(tmp_path / "lab")
    (root / ".github").mkdir()
    (root / ".github" / "runner.yaml").write_text(stack.outputs["Configuration"])
    commit_all(root)
    done = Project(root, env=QUIET | aws.env).run("doctor", "--json")
    found = json.loads(done.stdout)
    said = {(one["group"], one["level"]): one["what"] for one in found["findings"]}
    assert done.stderr == ""
    assert said["AWS: the network", "ok"].startswith("the security group sg-")
    assert said["AWS", "warning"] == (
        "no limit is set: `policy.machine_types`, `policy.max_ttl`, `policy.max_cost`"
    )
    bare = {name: value for name, value in aws.env.items() if "ACCESS" not in name and "TOKEN" not in name}
    done = Project(root, env=QUIET | bare).run("doctor")
    assert "· note     not asked: there are no AWS credentials here" in done.stdout
    assert "AWS: " not in done.stdout

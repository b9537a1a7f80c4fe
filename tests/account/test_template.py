"""The template itself: sound, and what the emulator does not make of it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml

from runner import config
from tests.account.policies import Statement, may_assume
from tests.account.stack import ACCOUNT_ID, PROVIDER, TEMPLATE, Stack, client, deploy
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("account")]


@pytest.fixture(scope="module")
def template() -> Any:
    return cfn_yaml.load(str(TEMPLATE))


def test_it_is_sound() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), "--include-checks", "I", "--", str(TEMPLATE)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_what_is_kept_is_closed_and_encrypted(template: Any) -> None:
    bucket = template["Resources"]["Bucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    (statement,) = template["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::Sub": "${Bucket.Arn}/*"}]


def test_what_is_kept_is_deleted_in_time_and_not_with_the_stack(template: Any) -> None:
    bucket = template["Resources"]["Bucket"]
    rules = {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
    assert (rules["runs"]["Prefix"], rules["runs"]["ExpirationInDays"]) == (
        {"Fn::Sub": "${Prefix}/runs/"},
        {"Ref": "RunDays"},
    )
    assert (rules["bundles"]["Prefix"], rules["bundles"]["ExpirationInDays"]) == (
        {"Fn::Sub": "${Prefix}/bundles/"},
        {"Ref": "BundleDays"},
    )
    unfinished = rules["uploads-that-were-never-finished"]
    assert unfinished["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "Prefix" not in unfinished
    assert len(rules) == 3
    for name in ("Bucket", "BucketPolicy", "Provider"):
        assert template["Resources"][name]["DeletionPolicy"] == "RetainExceptOnCreate", name


def test_nothing_else_is_made(template: Any) -> None:
    """Nothing that costs something while nobody uses it, and nothing that opens a way in."""
    assert sorted(one["Type"] for one in template["Resources"].values()) == [
        "AWS::EC2::SecurityGroup",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::OIDCProvider",
        "AWS::IAM::Role",
        "AWS::IAM::Role",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    ]


def test_the_provider_is_of_github_and_for_aws(template: Any) -> None:
    made = template["Resources"]["Provider"]
    assert made["Properties"] == {"Url": {"Ref": "Issuer"}, "ClientIdList": ["sts.amazonaws.com"]}
    assert made["Condition"] == "CreatesProvider"


def test_machines_get_their_role_from_ec2_alone(stack: Stack) -> None:
    (trust,) = stack.machine_trust
    assert (trust.actions, trust.principals) == (("sts:AssumeRole",), ("ec2.amazonaws.com",))


def test_each_condition_is_one_that_aws_knows_there(stack: Stack) -> None:
    """A key that a resource does not have is never fulfilled, and a launch would be denied."""
    known = json.loads((resources.files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text())["ec2"]
    for one in stack.actions:
        for action in one.actions:
            service, _, name = action.partition(":")
            if service == "ec2" and name not in {"CreateTags"}:
                _check(one, known["Actions"][name.lower()].get("Resources", []), known["Resources"])


def _check(one: Statement, takes: list[str], types: dict[str, Any]) -> None:
    for resource in one.resources:
        kind = resource.rpartition(":")[2].partition("/")[0]
        assert kind in takes or (resource == "*" and not takes), (one.sid, kind)
        keys = types[kind]["ConditionKeys"] if takes else ["aws:RequestedRegion"]
        for _, key, _ in one.conditions:
            assert key in {given.replace("${TagKey}", "runner:repository") for given in keys}, (one.sid, key)


def test_what_it_says_is_the_configuration(stack: Stack) -> None:
    made = stack.configuration
    assert made.has_aws
    named = {
        "region": "Region",
        "bucket": "Bucket",
        "prefix": "Prefix",
        "instance_profile": "InstanceProfile",
        "security_group": "SecurityGroup",
    }
    said = {name: getattr(made.account, name) for name in named}
    assert said == {name: stack.outputs[output] for name, output in named.items()}
    assert made.account.subnets == ()
    assert f"role: {stack.outputs['Role']}\n" in stack.outputs["Configuration"]


def test_it_can_be_deployed_with_two_parameters(aws_endpoint: str) -> None:
    """The emulator has no provider to trust, else everything is there."""
    made = deploy(aws_endpoint, "defaults", alone=True, Repository="Acme/Models", RepositoryId="456789")
    assert made.account.prefix == "runner"
    (trust,) = made.trust
    conditions = {key.rpartition(":")[2]: values for _, key, values in trust.conditions}
    assert conditions == {
        "aud": ("sts.amazonaws.com",),
        "sub": ("repo:Acme/Models:ref:refs/heads/main",),
        "repository_id": ("456789",),
    }


def test_repositories_whose_tokens_carry_numbers(aws_endpoint: str) -> None:
    made = deploy(aws_endpoint, "numbers", OwnerId="123", Branch="trunk")
    (trust,) = made.trust
    subject = [values for _, key, values in trust.conditions if key.endswith(":sub")]
    assert subject == [("repo:Acme@123/Models@456789:ref:refs/heads/trunk",)]


def test_github_enterprise_has_an_issuer_of_its_own(aws_endpoint: str) -> None:
    issuer = "https://github.example.com/_services/token"
    provider = f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/github.example.com/_services/token"
    made = deploy(aws_endpoint, "enterprise", Issuer=issuer, ProviderArn=provider)
    claims = {"aud": "sts.amazonaws.com", "sub": "repo:Acme/Models:ref:refs/heads/main"}
    assert may_assume(made.trust, provider, claims)
    assert not may_assume(made.trust, provider, claims | {"sub": "repo:Acme/Models:pull_request"})
    assert not may_assume(made.trust, PROVIDER, claims)


def test_a_subject_of_ones_own_is_taken_as_it_is(aws_endpoint: str) -> None:
    made = deploy(aws_endpoint, "subject", Subject="repository_owner:Acme:ref:refs/heads/main")
    assert may_assume(
        made.trust,
        PROVIDER,
        {
            "aud": "sts.amazonaws.com",
            "sub": "repository_owner:Acme:ref:refs/heads/main",
            "repository_id": "456789",
            "job_workflow_ref": "acme/runner/.github/workflows/cloud.yaml@" + "c" * 40,
        },
    )


def test_a_network_of_ones_own(aws_endpoint: str) -> None:
    ec2 = client("ec2", aws_endpoint)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    made = deploy(aws_endpoint, "network", Vpc=vpc, Subnets=subnet)
    group = made.account.security_group
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["VpcId"] == vpc
    assert made.account.subnets == (subnet,)
    (where,) = [one for one in made.actions if one.sid == "InTheseSubnets"]
    assert where.conditions == (("StringEquals", "ec2:SubnetID", (subnet,)),)


def test_jobs_may_be_given_more(template: Any) -> None:
    role = template["Resources"]["InstanceRole"]["Properties"]
    given = ["HasJobPolicies", {"Ref": "JobPolicies"}, {"Ref": "AWS::NoValue"}]
    assert role["ManagedPolicyArns"] == {"Fn::If": given}


def test_the_group_lets_nobody_in(stack: Stack, aws_endpoint: str) -> None:
    found = client("ec2", aws_endpoint).describe_security_groups(GroupIds=[stack.account.security_group])
    (group,) = found["SecurityGroups"]
    assert group["IpPermissions"] == []
    assert [one["IpProtocol"] for one in group["IpPermissionsEgress"]] == ["-1"]


def test_its_outputs_are_what_the_settings_know() -> None:
    """A setting that the template does not speak of would be one that nobody sets."""
    text = TEMPLATE.read_text(encoding="utf-8")
    written = text.partition("  Configuration:")[2].partition("\n      - All")[0]
    known = json.loads((TEMPLATE.parents[2] / "schemas/config.schema.json").read_text())["properties"]["aws"]
    assert [name for name in known["properties"] if f"\n          {name}: " not in written] == []
    assert config.PLACE in text

"""The template, deployed to the emulator; and what it made, as IAM has it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from runner import config
from runner.launching.account import Account
from tests.account.calls import Decoder
from tests.account.policies import Statement, statements

TEMPLATE = Path(__file__).parents[2] / "templates/aws/runner.yaml"
ACCOUNT_ID = "123456789012"
PROVIDER = f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/token.actions.githubusercontent.com"
WORKFLOW = "acme/runner/.github/workflows/cloud.yaml@" + "c" * 40
# Lists are given: the emulator takes a list's default for a text; and the provider, which it cannot make.
GIVEN = {
    "Repository": "Acme/Models",
    "RepositoryId": "456789",
    "ProviderArn": PROVIDER,
    "Workflows": WORKFLOW,
    "Prefix": "ci",
    "InstanceTypes": "m*.*,c*.*,r*.*,t3.*,t3a.*,t4g.*",
}


@dataclass(frozen=True)
class Stack:
    """`actions` and `machines`: what their roles may; `trust`: who gets them. `key` encrypts secrets."""

    outputs: Mapping[str, str]
    actions: list[Statement]
    machines: list[Statement]
    trust: list[Statement]
    machine_trust: list[Statement]
    key: str = ""

    @property
    def configuration(self) -> config.Config:
        raw = self.outputs["Configuration"].encode()
        made, problems = config.parse(raw, "runner.yaml")
        assert problems == []
        return made

    @property
    def account(self) -> Account:
        return self.configuration.account

    def arn(self, name: str) -> str:
        """Of what is kept under a name."""
        return f"arn:aws:s3:::{self.account.bucket}/{self.account.key(name)}"


def client(service: str, endpoint: str) -> Any:
    given = {"aws_access_key_id": "ADMIN", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=endpoint, **given)  # type: ignore[call-overload]


def deploy(endpoint: str, name: str, *, alone: bool = False, **given: str) -> Stack:
    """As `aws cloudformation deploy` does it. `alone`: with nothing but what is given."""
    parameters = given if alone else GIVEN | given
    formation = client("cloudformation", endpoint)
    formation.create_stack(
        StackName=name,
        TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    (made,) = formation.describe_stacks(StackName=name)["Stacks"]
    iam = client("iam", endpoint)
    return Stack(
        outputs={one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]},
        actions=_granted(iam, name),
        machines=_granted(iam, f"{name}-instance"),
        trust=_trusted(iam, name),
        machine_trust=_trusted(iam, f"{name}-instance"),
        key=given.get("SecretKeys", ""),
    )


def _trusted(iam: Any, role: str) -> list[Statement]:
    return statements(iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"])


def _granted(iam: Any, role: str) -> list[Statement]:
    found: list[Statement] = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        # The emulator keeps a policy of a template as Python would print it.
        found += statements(ast.literal_eval(document) if isinstance(document, str) else document)
    return found


def decoder(emulator: str, keys: Mapping[str, str] | None = None) -> Decoder:
    """Looks up roles and tags in the emulator, past everything that is in front of it."""
    return Decoder(
        ACCOUNT_ID, _role_of(client("iam", emulator)), _tags_of(client("ec2", emulator)), keys or {}
    )


def _role_of(iam: Any) -> Callable[[str], str]:
    def role_of(profile: str) -> str:
        (role,) = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
        return str(role["Arn"])

    return role_of


def _tags_of(ec2: Any) -> Callable[[str], dict[str, str]]:
    def tags_of(instance_id: str) -> dict[str, str]:
        found = ec2.describe_instances(InstanceIds=[instance_id])
        return {tag["Key"]: tag["Value"] for tag in found["Reservations"][0]["Instances"][0]["Tags"]}

    return tags_of

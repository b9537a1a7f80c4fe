"""What neither role can do, whoever gets hold of it; and who cannot get hold of the first."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.account.policies import Call, may, may_assume
from tests.account.stack import ACCOUNT_ID, PROVIDER, WORKFLOW, Stack

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("account")]

EC2 = f"arn:aws:ec2:us-east-1:{ACCOUNT_ID}"
MACHINE = f"{EC2}:instance/i-0abc"
OURS = "runner:repository"
LAUNCH = {
    "ec2:InstanceType": "m7i.large",
    "ec2:MetadataHttpTokens": "required",
    "ec2:InstanceProfile": f"arn:aws:iam::{ACCOUNT_ID}:instance-profile/runner-instance",
    f"aws:RequestTag/{OURS}": "acme/models",
}
DISK = {"ec2:Encrypted": "true", f"aws:RequestTag/{OURS}": "acme/models"}
TO_EC2 = {"iam:PassedToService": "ec2.amazonaws.com"}
RUN = "runs/train-20261122T180405-abc123"
CLAIMS = {
    "aud": "sts.amazonaws.com",
    "sub": "repo:Acme/Models:ref:refs/heads/main",
    "repository_id": "456789",
    "job_workflow_ref": WORKFLOW,
}


def launch(**changed: str) -> Call:
    names = {"tokens": "ec2:MetadataHttpTokens", "type": "ec2:InstanceType", "profile": "ec2:InstanceProfile"}
    more = {names.get(name, f"aws:RequestTag/{OURS}"): value for name, value in changed.items()}
    return Call("ec2:RunInstances", f"{EC2}:instance/new", LAUNCH | more)


def without(key: str) -> dict[str, str]:
    return {name: value for name, value in LAUNCH.items() if name != key}


def ended(repository: str, action: str = "ec2:TerminateInstances") -> Call:
    return Call(action, MACHINE, {f"aws:ResourceTag/{OURS}": repository})


def passed(role: str, to: Mapping[str, str] = TO_EC2) -> Call:
    return Call("iam:PassRole", f"arn:aws:iam::{ACCOUNT_ID}:role/{role}", to)


ALLOWED = [
    launch(),
    launch(type="t3.micro"),
    launch(repository="Acme/Models"),
    ended("acme/models"),
    passed("runner-instance"),
    Call("ec2:RunInstances", f"{EC2}:volume/new", DISK),
    Call("ec2:CreateTags", MACHINE, {"ec2:CreateAction": "RunInstances"}),
    Call("ssm:GetParameter", "arn:aws:ssm:us-east-1::parameter/aws/service/canonical/ubuntu/server/x"),
]
"""So that what follows is denied for the reason that its name says."""

DENIED = {
    "a machine without our mark": Call(
        "ec2:RunInstances", f"{EC2}:instance/new", without(f"aws:RequestTag/{OURS}")
    ),
    "a machine with another's mark": launch(repository="acme/other"),
    "a machine with the old metadata service": launch(tokens="optional"),
    "a machine that says nothing of it": Call(
        "ec2:RunInstances", f"{EC2}:instance/new", without("ec2:MetadataHttpTokens")
    ),
    "a machine with GPUs": launch(type="p5.48xlarge"),
    "a machine of a family whose name begins alike": launch(type="trn1.32xlarge"),
    "a machine with another profile": launch(
        profile=f"arn:aws:iam::{ACCOUNT_ID}:instance-profile/administrators"
    ),
    "a machine without a profile": Call(
        "ec2:RunInstances", f"{EC2}:instance/new", without("ec2:InstanceProfile")
    ),
    "a machine elsewhere": Call(
        "ec2:RunInstances", f"arn:aws:ec2:eu-west-1:{ACCOUNT_ID}:instance/new", LAUNCH
    ),
    "a disk in the clear": Call("ec2:RunInstances", f"{EC2}:volume/new", DISK | {"ec2:Encrypted": "false"}),
    "a disk without a mark": Call("ec2:RunInstances", f"{EC2}:volume/new", {"ec2:Encrypted": "true"}),
    "a machine in another group": Call("ec2:RunInstances", f"{EC2}:security-group/sg-0other"),
    "a machine with a key to log in": Call("ec2:RunInstances", f"{EC2}:key-pair/mine"),
    "a disk from somebody's snapshot": Call("ec2:RunInstances", "arn:aws:ec2:us-east-1::snapshot/snap-1"),
    "a launch template": Call("ec2:RunInstances", f"{EC2}:launch-template/lt-1"),
    "to mark what is there": Call("ec2:CreateTags", MACHINE),
    "to mark by another way": Call("ec2:CreateTags", MACHINE, {"ec2:CreateAction": "CreateVolume"}),
    "to take a mark away": Call("ec2:DeleteTags", MACHINE, {f"aws:ResourceTag/{OURS}": "acme/models"}),
    "to end another's machine": ended("acme/other"),
    "to end a machine without a mark": Call("ec2:TerminateInstances", MACHINE),
    "to read another's console": ended("acme/other", "ec2:GetConsoleOutput"),
    "to stop our machine": ended("acme/models", "ec2:StopInstances"),
    "to change our machine's role": ended("acme/models", "ec2:AssociateIamInstanceProfile"),
    "to change our machine's script": ended("acme/models", "ec2:ModifyInstanceAttribute"),
    "to pass another role": passed("administrator"),
    "to pass its own role": passed("runner"),
    "to pass the role to something else": passed(
        "runner-instance", {"iam:PassedToService": "lambda.amazonaws.com"}
    ),
    "to open the group": Call("ec2:AuthorizeSecurityGroupIngress", f"{EC2}:security-group/sg-0abc"),
    "to make roles for services": Call(
        "iam:CreateServiceLinkedRole", f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role/spot.amazonaws.com/x"
    ),
    "to read a job's secret": Call(
        "ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT_ID}:parameter/runner/token"
    ),
    "to read a job's other secret": Call(
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:us-east-1:{ACCOUNT_ID}:secret:runner/login-AbCdEf",
    ),
    "to look around elsewhere": Call("ec2:DescribeInstances", "*", {"aws:RequestedRegion": "eu-west-1"}),
}


@pytest.mark.parametrize("call", ALLOWED, ids=str)
def test_the_workflows_may(stack: Stack, call: Call) -> None:
    assert may(stack.actions, call)


@pytest.mark.parametrize("what", DENIED)
def test_the_workflows_may_not_have(stack: Stack, what: str) -> None:
    assert not may(stack.actions, DENIED[what])


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("s3:GetObject", "../other/runs/x"),
        ("s3:PutObject", "secrets/x"),
        ("s3:DeleteObject", f"{RUN}/events.jsonl"),
        ("s3:DeleteObject", "bundles/abc.tar.gz"),
        ("s3:DeleteObject", "leases/gpu.json"),
        ("s3:PutBucketPolicy", ""),
        ("s3:PutObjectAcl", f"{RUN}/plan.json"),
        ("s3:GetObjectVersion", f"{RUN}/plan.json"),
    ],
)
def test_the_workflows_may_not(stack: Stack, action: str, name: str) -> None:
    bucket = f"arn:aws:s3:::{stack.account.bucket}"
    outside = f"{bucket}/{name.removeprefix('../')}"
    assert not may(stack.actions, Call(action, outside if name.startswith("..") else stack.arn(name)))


@pytest.mark.parametrize(
    "name",
    [
        "bundles/abc.tar.gz",
        f"{RUN}/plan.json",
        f"{RUN}/wanted.json",
        f"{RUN}/order/1.json",
        f"{RUN}/launch/1-1.json",
        f"{RUN}/requests/1.json",
        f"{RUN}/said/7-final.json",
        "live/train-20261122T180405-abc123",
        "leases/gpu.json",
        "prices/us-east-1.json",
    ],
)
def test_a_machine_may_not_write(stack: Stack, name: str) -> None:
    assert not may(stack.machines, Call("s3:PutObject", stack.arn(name)))


@pytest.mark.parametrize("name", ["plan.json", "order/1.json", "launch/1-1.json", "wanted.json"])
def test_a_machine_may_keep_results_with_such_names(stack: Stack, name: str) -> None:
    assert may(stack.machines, Call("s3:PutObject", stack.arn(f"{RUN}/jobs/a/1/results/{name}")))


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("s3:GetObject", "live/train-20261122T180405-abc123"),
        ("s3:GetObject", "leases/gpu.json"),
        ("s3:GetObject", "prices/us-east-1.json"),
        ("s3:DeleteObject", f"{RUN}/events/000001.jsonl"),
        ("s3:DeleteObject", f"{RUN}/jobs/a/1/stdout.log"),
        ("s3:DeleteObject", "bundles/abc.tar.gz"),
        ("s3:PutObjectTagging", f"{RUN}/jobs/a/1/stdout.log"),
    ],
)
def test_a_machine_may_not(stack: Stack, action: str, name: str) -> None:
    assert not may(stack.machines, Call(action, stack.arn(name)))


def test_nobody_lists_beyond_its_prefix(stack: Stack) -> None:
    def lists(prefix: str | None) -> Call:
        context = {} if prefix is None else {"s3:prefix": prefix}
        return Call("s3:ListBucket", f"arn:aws:s3:::{stack.account.bucket}", context)

    for role in (stack.actions, stack.machines):
        assert may(role, lists("ci/runs/"))
        assert not [prefix for prefix in (None, "", "c", "ci", "other/") if may(role, lists(prefix))]
    assert not may(stack.machines, lists("ci/live/"))


@pytest.mark.parametrize(
    "call",
    [
        launch(),
        ended("acme/models"),
        passed("runner-instance"),
        Call("ec2:DescribeInstances", "*", {"aws:RequestedRegion": "us-east-1"}),
        Call("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT_ID}:parameter/other/token"),
        Call("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT_ID}:parameter/runner-of-others/token"),
        Call("ssm:PutParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT_ID}:parameter/runner/token"),
        Call(
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:us-east-1:{ACCOUNT_ID}:secret:other-AbCdEf",
        ),
        Call("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT_ID}:role/runner"),
    ],
    ids=str,
)
def test_a_machine_may_not_either(stack: Stack, call: Call) -> None:
    assert not may(stack.machines, call)


def test_keys_decrypt_secrets_alone(stack: Stack) -> None:
    def decrypted(key: str, by: str | None) -> Call:
        return Call("kms:Decrypt", key, {} if by is None else {"kms:ViaService": by})

    assert may(stack.machines, decrypted(stack.key, "ssm.us-east-1.amazonaws.com"))
    assert not may(stack.machines, decrypted(stack.key, None))
    assert not may(stack.machines, decrypted(stack.key, "s3.us-east-1.amazonaws.com"))
    assert not may(stack.machines, decrypted(stack.key + "0", "ssm.us-east-1.amazonaws.com"))


def test_the_workflow_of_the_default_branch_gets_the_role(stack: Stack) -> None:
    assert may_assume(stack.trust, PROVIDER, CLAIMS)
    assert may_assume(stack.trust, PROVIDER, CLAIMS | {"environment": "", "ref": "refs/heads/main"})


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": "repo:Acme/Models:ref:refs/heads/other"},
        {"sub": "repo:Acme/Models:ref:refs/heads/main2"},
        {"sub": "repo:Acme/Models:ref:refs/tags/main"},
        {"sub": "repo:Acme/Models:pull_request"},
        {"sub": "repo:Acme/Models:environment:production"},
        {"sub": "repo:Acme/Models-2:ref:refs/heads/main", "repository_id": "1"},
        {"sub": "repo:acme/models:ref:refs/heads/main"},
        {"repository_id": "4567890"},
        {"job_workflow_ref": "acme/models/.github/workflows/merge.yaml@refs/heads/main"},
        {"job_workflow_ref": WORKFLOW.replace("cloud.yaml", "merge.yaml")},
        {"job_workflow_ref": WORKFLOW.replace("c" * 40, "d" * 40)},
        {"job_workflow_ref": WORKFLOW.replace("acme/", "mallory/")},
        {"aud": "https://github.com/Acme"},
    ],
    ids=lambda changed: " ".join(changed.values()),
)
def test_nobody_else_gets_it(stack: Stack, changed: dict[str, str]) -> None:
    assert not may_assume(stack.trust, PROVIDER, CLAIMS | changed)


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_token_without_a_claim_does_not(stack: Stack, claim: str) -> None:
    assert not may_assume(
        stack.trust, PROVIDER, {key: value for key, value in CLAIMS.items() if key != claim}
    )


def test_tokens_of_another_issuer_do_not(stack: Stack) -> None:
    other = f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/token.example.com"
    assert not may_assume(stack.trust, other, CLAIMS)

"""`runner doctor` on an account of AWS: each trap is found, said with its fix, and nothing else is."""

from __future__ import annotations

import dataclasses

import pytest

from runner.clouds.account.facts import (
    Caller,
    Group,
    Network,
    Profile,
    Provider,
    Refused,
    Role,
    Unasked,
)
from runner.launching.account import Account as Settings
from runner.ports import Subject
from runner.setup import checks, diagnosis
from runner.setup.facts import Facts
from runner.setup.findings import Level
from runner.setup.wanted import CLOUD, caller
from tests.setup import test_doctor as doctor
from tests.setup.account_facts import (
    ASKED,
    AUD,
    AWS,
    BUCKET,
    CALLER,
    CHANGE,
    DENIED,
    FOUND,
    GPUS,
    HOST,
    INSTANCE,
    NO_WRITE,
    ON_DEMAND,
    OTHER,
    PROVIDER,
    READ,
    ROLE,
    STATEMENT,
    SUB,
    SUBJECT,
    SUBNET_A,
    UBUNTU,
    WELL,
    WORKFLOW,
    WRITE,
    A,
    B,
    line,
    with_asked,
    with_aws,
    with_bucket,
    with_caller,
    with_found,
    with_online,
    with_subnets,
    with_trust,
    without_limits,
)
from tests.snapshots import assert_snapshot

OLD = "repo:octo/lab:ref:refs/heads/main"


NUMBER = line("repository_id", "1")


TRUST = "the trust policy of runner"


NOTE, WARNING, PROBLEM = Level.NOTE, Level.WARNING, Level.PROBLEM


CASES: dict[str, tuple[Facts, list[tuple[Level, str]]]] = {
    "well": (WELL, []),
    "no-aws": (dataclasses.replace(WELL, aws=None), []),
    "no-credentials": (
        with_aws(found=Unasked(why="not asked: there are no AWS credentials here", fix="log in")),
        [(NOTE, "not asked: there are no AWS credentials here")],
    ),
    "expired": (
        with_aws(found=Unasked(why="cannot ask: they have expired", fix="log in", failed=True)),
        [(PROBLEM, "cannot ask: they have expired")],
    ),
    "no-account-named-yet": (
        with_aws(named=False, unpriced=("m7i.large",), found=dataclasses.replace(FOUND, bucket=None)),
        [(PROBLEM, "queues ask for machines of AWS, and .github/runner.yaml names no account")],
    ),
    "no-account-named": (
        with_aws(named=False, found=Unasked(why="not asked", fix="log in")),
        [
            (PROBLEM, "queues ask for machines of AWS, and .github/runner.yaml names no account"),
            (NOTE, "not asked"),
        ],
    ),
    "half-an-account": (
        dataclasses.replace(
            with_asked(bucket="", profile=""),
            aws=dataclasses.replace(
                AWS,
                account=Settings(region="us-east-1", role=ROLE),
                found=dataclasses.replace(FOUND, asked=dataclasses.replace(ASKED, bucket="", profile="")),
            ),
        ),
        [(PROBLEM, "`aws.bucket` is not set"), (PROBLEM, "`aws.instance_profile` is not set")],
    ),
    "no-role": (
        dataclasses.replace(
            doctor.WELL,
            aws=dataclasses.replace(
                AWS,
                account=dataclasses.replace(AWS.account, role=""),
                found=dataclasses.replace(FOUND, role=None, asked=dataclasses.replace(ASKED, role="")),
            ),
        ),
        [(WARNING, "`aws.role` is not set: no workflow launches anything")],
    ),
    "no-limits": (
        without_limits(),
        [(WARNING, "no limit is set: `policy.machine_types`, `policy.max_cost`")],
    ),
    "elsewhere": (
        with_aws(elsewhere=("eu-west-1",)),
        [(NOTE, "not checked: machines in eu-west-1, where queues ask for some")],
    ),
    "another-account": (
        with_found(caller=Caller(account="210987654321", arn="arn:aws:iam::210987654321:user/ann")),
        [(WARNING, "`aws.role` is of account 123456789012, and these credentials are of 210987654321")],
    ),
    "region-not-enabled": (
        with_found(enabled=False),
        [(PROBLEM, "the account may not use the region us-east-1")],
    ),
    "no-bucket": (with_found(bucket=None), [(PROBLEM, "there is no bucket my-runs")]),
    "foreign-bucket": (
        with_found(bucket=Refused(what="the bucket my-runs is not open", fix="check its name")),
        [(PROBLEM, "the bucket my-runs is not open")],
    ),
    "distant-bucket": (
        with_bucket(region="eu-west-1"),
        [(PROBLEM, "the bucket my-runs is in eu-west-1, not in us-east-1")],
    ),
    "lax-bucket": (
        with_bucket(encrypted=False, closed=False, expiring=("other/", "runner/bundles/"), aborting=False),
        [
            (WARNING, "nothing ever deletes runs: no lifecycle rule is about runner/runs/"),
            (WARNING, "uploads that were never finished are kept for ever"),
            (WARNING, "the bucket my-runs may be made public"),
            (WARNING, "the bucket my-runs says nothing of encryption"),
        ],
    ),
    "all-expires": (with_bucket(expiring=("",)), []),
    "writes-twice": (
        with_bucket(conditional=False),
        [(PROBLEM, "the bucket my-runs takes a second write under one name")],
    ),
    "no-such-role": (with_found(role=None), [(PROBLEM, f"there is no role {ROLE}")]),
    "no-arn": (with_asked(role="runner"), [(PROBLEM, "`aws.role` is runner, which is no ARN of a role")]),
    "role-may-not-write": (
        with_found(role=Role(arn=ROLE, trust=(STATEMENT,), rights=(READ, NO_WRITE))),
        [(PROBLEM, f"the role runner may not s3:PutObject on {WRITE.resource}")],
    ),
    "trusts-nobody": (
        with_trust(federated=()),
        [(PROBLEM, f"{TRUST} lets in no job of GitHub")],
    ),
    "trusts-by-deny": (with_trust(allows=False), [(PROBLEM, f"{TRUST} lets in no job of GitHub")]),
    "trusts-everybody": (
        with_trust(AUD, NUMBER),
        [(PROBLEM, f"{TRUST} does not ask which repository a job is of")],
    ),
    "any-audience": (with_trust(SUB), [(WARNING, f"{TRUST} does not ask whom a token is for")]),
    "wrong-audience": (
        with_trust(line("aud", "https://github.com/octo"), SUB),
        [(PROBLEM, f"{TRUST} wants aud https://github.com/octo, and tokens say sts.amazonaws.com")],
    ),
    "old-subject": (
        with_trust(AUD, line("sub", OLD), NUMBER),
        [(PROBLEM, f"{TRUST} wants sub {OLD}, and tokens say {SUBJECT}")],
    ),
    "old-subject-of-an-old-repository": (
        with_online(with_trust(AUD, line("sub", OLD), NUMBER), token_subject=Subject(prefix="repo:octo/lab")),
        [],
    ),
    "a-forge-that-says-no-prefix": (
        with_online(with_trust(AUD, line("sub", OLD), NUMBER), token_subject=Subject()),
        [],
    ),
    "another-branch": (
        with_trust(AUD, line("sub", "repo:octo@7/lab@1:ref:refs/heads/trunk")),
        [
            (
                PROBLEM,
                f"{TRUST} wants sub repo:octo@7/lab@1:ref:refs/heads/trunk, and tokens say {SUBJECT}",
            )
        ],
    ),
    "letters-count": (
        with_trust(AUD, line("sub", SUBJECT.upper())),
        [(PROBLEM, f"{TRUST} wants sub {SUBJECT.upper()}, and tokens say {SUBJECT}")],
    ),
    "letters-need-not-count": (
        with_trust(AUD, line("sub", SUBJECT.upper(), operator="StringEqualsIgnoreCase")),
        [],
    ),
    "wildcard": (
        with_trust(AUD, line("sub", "repo:octo@7/lab@1:*", operator="ForAnyValue:StringLike")),
        [(WARNING, f"{TRUST} has a wildcard: sub repo:octo@7/lab@1:*")],
    ),
    "a-star-that-is-none": (
        with_trust(AUD, line("sub", "repo:octo@7/lab@1:*")),
        [(PROBLEM, f"{TRUST} wants sub repo:octo@7/lab@1:*, and tokens say {SUBJECT}")],
    ),
    "one-of-two": (with_trust(AUD, line("sub", "repo:octo/other:ref:refs/heads/main", SUBJECT)), []),
    "a-subject-of-ones-own": (
        with_online(WELL, token_subject=Subject(prefix="repo:octo/lab", keys=("repo", "job_workflow_ref"))),
        [(NOTE, "not checked: `sub` of runner: this repository's is made of repo, job_workflow_ref")],
    ),
    "a-subject-that-is-not-known": (
        with_online(WELL, token_subject=None),
        [(NOTE, f"not checked: whether tokens of this repository say sub {SUBJECT}")],
    ),
    "by-name-alone": (
        with_online(with_trust(AUD, line("sub", OLD)), token_subject=Subject(prefix="repo:octo/lab")),
        [(WARNING, f"{TRUST} knows the repository by its name alone")],
    ),
    "another-repository": (
        with_trust(AUD, SUB, line("repository_id", "2")),
        [(PROBLEM, f"{TRUST} wants repository_id 2; this one's is 1")],
    ),
    "another-version": (
        with_trust(AUD, SUB, line("job_workflow_ref", OTHER)),
        [
            (
                PROBLEM,
                f"{TRUST} wants the workflow {OTHER}; the caller has {WORKFLOW}",
            )
        ],
    ),
    "no-provider": (
        with_found(providers=()),
        [(PROBLEM, f"the account has no OIDC provider {HOST}")],
    ),
    "provider-for-others": (
        with_found(providers=(Provider(arn=PROVIDER, audiences=("other",)),)),
        [(PROBLEM, f"the OIDC provider {HOST} takes no tokens for sts.amazonaws.com")],
    ),
    "no-profile": (with_found(profile=None), [(PROBLEM, "there is no instance profile runner-instance")]),
    "empty-profile": (
        with_found(profile=Profile(name="runner-instance", role=None)),
        [(PROBLEM, "the instance profile runner-instance carries no role")],
    ),
    "profile-for-others": (
        with_found(profile=Profile(name="p", role=dataclasses.replace(INSTANCE, trust=(STATEMENT,)))),
        [(PROBLEM, "the role runner-instance of the instance profile p is not for machines")],
    ),
    "machines-may-not-read": (
        with_found(
            profile=Profile(
                name="p",
                role=dataclasses.replace(INSTANCE, rights=(dataclasses.replace(READ, allowed=False), CHANGE)),
            )
        ),
        [(PROBLEM, f"the role runner-instance of machines may not s3:GetObject on {READ.resource}")],
    ),
    "machines-may-change-what-runs": (
        with_found(
            profile=Profile(
                name="p",
                role=dataclasses.replace(INSTANCE, rights=(READ, dataclasses.replace(CHANGE, allowed=True))),
            )
        ),
        [(WARNING, "machines may write what machines run: runner-instance may write below bundles/")],
    ),
    "no-image": (
        with_found(images=(Refused(what="there is no image x", fix=""),)),
        [(PROBLEM, "there is no image x")],
    ),
    "no-default-network": (
        with_found(
            network=Network(default="", subnets=()),
            group=Refused(what="no security group is set", fix="create it"),
        ),
        [
            (PROBLEM, "there is no default network in us-east-1, and `aws.subnets` is empty"),
            (PROBLEM, "no security group is set"),
        ],
    ),
    "default-network-without-subnets": (
        with_subnets(),
        [(PROBLEM, "the default network in us-east-1 has no subnets, and `aws.subnets` is empty")],
    ),
    "unknown-subnet": (
        with_asked(subnets=("subnet-a", "subnet-b", "subnet-x")),
        [(PROBLEM, "there is no subnet subnet-x in us-east-1")],
    ),
    "no-way-to-s3": (
        with_subnets(dataclasses.replace(A, out=""), dataclasses.replace(B, out="")),
        [(PROBLEM, "nothing leads from subnet-a (us-east-1a), subnet-b (us-east-1b) to S3")],
    ),
    "no-address": (
        with_subnets(dataclasses.replace(A, public_ip=False), B),
        [
            (
                PROBLEM,
                f"machines in {SUBNET_A} get no public address, and only an internet gateway leads out",
            )
        ],
    ),
    "no-address-is-needed": (
        with_subnets(
            dataclasses.replace(A, public_ip=False, out="a NAT gateway"),
            dataclasses.replace(B, public_ip=False, s3=True),
        ),
        [],
    ),
    "only-s3": (
        with_subnets(dataclasses.replace(A, out="", s3=True), B),
        [(WARNING, "from subnet-a (us-east-1a) only S3 can be reached")],
    ),
    "full-subnet": (
        with_subnets(dataclasses.replace(A, free=0), B),
        [(WARNING, "subnet-a has no address left")],
    ),
    "open-group": (
        with_found(group=Refused(what="the security group sg-1 lets others in", fix="remove them")),
        [(PROBLEM, "the security group sg-1 lets others in")],
    ),
    "closed-group": (
        with_found(group=Group(id="sg-1", vpc="vpc-1", outbound=0)),
        [(PROBLEM, "the security group sg-1 lets nothing out")],
    ),
    "foreign-group": (
        with_found(group=Group(id="sg-1", vpc="vpc-2", outbound=1)),
        [
            (
                PROBLEM,
                f"the security group sg-1 is of vpc-2, and {SUBNET_A}, subnet-b (us-east-1b) is not",
            )
        ],
    ),
    "no-such-type": (
        with_found(kinds=FOUND.kinds[:1]),  # type: ignore[index]
        [(PROBLEM, "there are no machines g6.xlarge in us-east-1")],
    ),
    "not-in-these-zones": (
        with_subnets(A),
        [(PROBLEM, "g6.xlarge is not to be had in us-east-1a, where the subnets are")],
    ),
    "no-gpus": (
        with_found(quotas=(ON_DEMAND, dataclasses.replace(GPUS, vcpus=0.0))),
        [(PROBLEM, "the quota for G and VT machines, on-demand is 0 vCPUs, and g6.xlarge needs 4")],
    ),
    "no-spot-role": (
        with_found(spot_role=False),
        [(PROBLEM, "the account has no role for spot machines (AWSServiceRoleForEC2Spot)")],
    ),
    "no-spot-wanted": (
        with_found(spot_role=False, asked=dataclasses.replace(ASKED, spot=())),
        [],
    ),
    "launch-denied": (
        with_found(trial=Refused(what="cannot launch m7i.large: iam:PassRole is denied", fix="allow it")),
        [(PROBLEM, "a launch was tried, without launching: cannot launch m7i.large: iam:PassRole is denied")],
    ),
    "nothing-to-try": (with_found(trial=False), []),
    "unpriced": (
        with_aws(unpriced=("g6.xlarge",)),
        [(NOTE, "the table of prices knows nothing of g6.xlarge in us-east-1")],
    ),
    "workflow-missing": (
        with_caller(here=None, merged=None),
        [(PROBLEM, f"{caller(CLOUD)} is missing")],
    ),
    "workflow-without-identity": (
        with_caller(here=CALLER.replace("      id-token: write", "      id-token: none")),
        [
            (WARNING, f"{caller(CLOUD)} was changed since runner init wrote it"),
            (PROBLEM, f"{caller(CLOUD)} has no `id-token: write` among its permissions"),
        ],
    ),
    "nothing-may-be-seen": (
        with_found(
            enabled=DENIED, bucket=DENIED, role=DENIED, providers=DENIED, profile=DENIED, images=(DENIED,),
            network=DENIED, group=DENIED, kinds=DENIED, quotas=DENIED, spot_role=DENIED, trial=DENIED,
        ),
        [
            (NOTE, f"not checked: {what}: {DENIED.why}")
            for what in (
                "the region us-east-1", "the bucket my-runs", f"the role {ROLE}",
                "the instance profile runner-instance", "the subnets", "the security group",
                f"the image {UBUNTU}", "the types of machines", "the quotas",
                "the account's role for spot machines", "a launch that is only tried",
            )
        ],
    ),
    "little-may-be-seen": (
        with_found(
            bucket=dataclasses.replace(
                BUCKET, encrypted=DENIED, closed=DENIED, expiring=DENIED, aborting=DENIED, conditional=DENIED
            ),
            role=Role(arn=ROLE, trust=(STATEMENT,), rights=DENIED),
            providers=DENIED,
            profile=Profile(name="p", role=dataclasses.replace(INSTANCE, rights=DENIED)),
            quotas=(dataclasses.replace(GPUS, vcpus=DENIED),),
        ),
        [
            (NOTE, f"not checked: {what}: {DENIED.why}")
            for what in (
                "whether it may be written, once under each name", "how long runs are kept",
                "whether it is closed", "its encryption", "the account's OIDC provider",
                "what the role runner may do", "what the role runner-instance of machines may do",
                "the quota for G and VT machines, on-demand (L-DB2E81BA)",
            )
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_is_found_and_nothing_else(name: str) -> None:
    facts, expected = CASES[name]
    assert doctor.said(facts) == expected
    assert checks.blocks(checks.check(facts)) is any(level is PROBLEM for level, _ in expected)


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_well_has_a_reason_and_a_fix(name: str) -> None:
    for _, findings in checks.check(CASES[name][0]):
        for finding in findings:
            assert bool(finding.fix) is (finding.level is not Level.OK), finding
            assert bool(finding.why) is (finding.level in {WARNING, PROBLEM}), finding


def of_aws(facts: Facts) -> str:
    groups = [group for group in checks.check(facts) if group[0].startswith("AWS")]
    return diagnosis.text(groups) + "\n"


@pytest.mark.parametrize(
    ("name", "setting"),
    [("no-bucket", "bucket"), ("no-such-role", "role"), ("no-profile", "instance_profile")],
)
def test_what_is_not_there_may_be_a_name_that_is_wrong(name: str, setting: str) -> None:
    findings = [one for _, group in checks.check(CASES[name][0]) for one in group]
    (finding,) = [one for one in findings if one.what == CASES[name][1][0][1]]
    assert finding.fix.startswith(f"correct `aws.{setting}`, or create it: docs/aws.md of runner ")


def test_the_list_as_people_read_it() -> None:
    first_week = dataclasses.replace(
        with_trust(AUD, line("sub", OLD), NUMBER),
        aws=dataclasses.replace(
            AWS,
            unlimited=("machine_types", "max_ttl", "max_cost"),
            found=dataclasses.replace(
                FOUND,
                role=Role(
                    arn=ROLE,
                    trust=(dataclasses.replace(STATEMENT, conditions=(AUD, line("sub", OLD), NUMBER)),),
                    rights=DENIED,
                ),
                network=Network(default="vpc-1", subnets=(dataclasses.replace(A, public_ip=False), B)),
                quotas=(ON_DEMAND, dataclasses.replace(GPUS, vcpus=0.0)),
                spot_role=False,
            ),
        ),
    )
    assert_snapshot("doctor/aws-well.txt", of_aws(WELL))
    assert_snapshot("doctor/aws-first-week.txt", of_aws(first_week))
    assert_snapshot("doctor/aws-unseen.txt", of_aws(CASES["nothing-may-be-seen"][0]))


def test_no_heading_without_anything_below_it() -> None:
    for facts, _ in CASES.values():
        assert all(findings for heading, findings in checks.check(facts) if heading.startswith("AWS"))


def test_a_repository_outside_of_git_has_an_account_all_the_same() -> None:
    facts = dataclasses.replace(WELL, repository=None)
    assert [heading for heading, _ in checks.check(facts)][-6:] == [
        "AWS",
        "AWS: the bucket",
        "AWS: the role of workflows",
        "AWS: the role of machines",
        "AWS: the network",
        "AWS: machines",
    ]

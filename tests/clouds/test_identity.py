"""A job in Actions becomes a role of AWS, without a stored key, for as long as the job lives."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator

import boto3
import pytest

from runner.clouds import identity
from runner.clouds.client import connect as connect_to
from runner.clouds.identity import CredentialsUnanswered, Role, assume_from_actions, sign_in
from runner.clouds.identity_token import TokenSource, from_environment
from runner.clouds.opening import open_cloud
from runner.errors import CloudError, CloudRefusedError, StoreBusyError
from runner.stores.s3 import Bucket, Location, connect
from tests.aws import Aws, isolate
from tests.clouds.actions import BEARER, CLAIMS, ROLE, Job, playing

pytestmark = pytest.mark.slow  # a client of the SDK takes a third of a second to make

SAID = (
    f"a job that says sub {CLAIMS['sub']}, aud sts.amazonaws.com, "
    f"repository_id 99, job_workflow_ref {CLAIMS['job_workflow_ref']}"
)
DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    with playing(Job()) as played:
        isolate(monkeypatch, played.address)
        for name, value in played.environ.items():
            monkeypatch.setenv(name, value)
        yield played


def source(job: Job) -> TokenSource:
    return from_environment(job.environ, pause=lambda _: None)


def role(job: Job, clock: float | None = None) -> Role:
    assumed = assume_from_actions(job.environ, ROLE)
    assumed.tokens = source(job)
    if clock is not None:
        assumed.clock = lambda: clock
    return assumed


def touch_bucket() -> None:
    connect().head_bucket(Bucket="runs")


def test_all_clients_are_the_role_and_share_its_credentials(job: Job) -> None:
    assert sign_in(os.environ, role=ROLE, region="eu-west-1") == ROLE
    touch_bucket()
    touch_bucket()
    credentials = connect_to("ec2").meta.config and boto3.DEFAULT_SESSION.get_credentials()
    assert credentials.get_frozen_credentials().access_key == "KEY1"
    assert job.keys == ["KEY1", "KEY1"]
    assert job.asked == [("api-version=2.0&audience=sts.amazonaws.com", f"bearer {BEARER}")]
    assert [one["WebIdentityToken"] for one in job.exchanged] == job.given
    sent = job.exchanged[0]
    assert (sent["RoleArn"], sent["RoleSessionName"], sent["DurationSeconds"]) == (
        ROLE,
        "runner-4711-2",
        "3600",
    )
    assert connect_to("ec2").meta.region_name == "us-east-1"  # AWS_REGION, as for every client


def test_credentials_that_end_are_renewed_with_a_fresh_token(job: Job) -> None:
    job.life = 5  # the SDK renews what ends within ten minutes before it signs anything
    sign_in(os.environ, role=ROLE)
    touch_bucket()
    touch_bucket()
    assert job.keys == ["KEY2", "KEY3"]
    assert len(set(job.given)) == 3
    assert [one["WebIdentityToken"] for one in job.exchanged] == job.given


def test_old_credentials_serve_while_there_are_no_new_ones(job: Job) -> None:
    job.life = 500
    sign_in(os.environ, role=ROLE)
    job.refusals = [401]
    touch_bucket()
    touch_bucket()
    assert job.keys == ["KEY1", "KEY1"]
    assert len(job.asked) == 2  # and it is not asked again with every request


def test_a_request_that_cannot_be_signed_now_may_be_repeated(job: Job) -> None:
    job.life = 30
    signed = role(job)
    identity.use(signed)
    job.refusals = [503] * 6
    with pytest.raises(StoreBusyError, match="it does not answer"):
        Bucket(connect(), Location(bucket="runs")).get("x")
    assert job.keys == []
    Bucket(connect(), Location(bucket="runs")).get("x")
    assert job.keys == ["KEY2"]


def test_a_second_sign_in_changes_nothing(job: Job) -> None:
    sign_in(os.environ, role=ROLE)
    assert sign_in(os.environ, role=ROLE) == ROLE
    assert len(job.exchanged) == 1


def test_a_default_session_of_the_sdk_is_nobodys_identity(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("sts")
    assert boto3.DEFAULT_SESSION is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "later")
    touch_bucket()
    assert job.keys == ["later"]


def test_no_child_can_ask_for_a_token(job: Job) -> None:
    sign_in(os.environ, role=ROLE)
    said = subprocess.check_output(["env"], text=True)
    assert "GITHUB_RUN_ID" in said
    assert BEARER not in said
    assert "ID_TOKEN" not in said


def test_no_secret_is_shown(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assumed = role(job)
    job.errors = [DENIED]
    with pytest.raises(CloudError) as raised:
        identity.use(assumed)
    shown = f"{raised.value.message} {raised.value.hint} {assumed!r} {source(job)!r} {caplog.text}"
    cause: BaseException | None = raised.value
    while cause is not None:
        shown, cause = (
            f"{shown} {cause!r} {getattr(cause, 'response', '')}",
            cause.__cause__ or cause.__context__,
        )
    for secret in (BEARER, job.given[0], job.given[0].split(".")[1]):
        assert secret not in shown
    assumed.renew()
    assert "secret" not in repr(assumed)


@pytest.mark.parametrize(
    ("error", "kind", "said", "hint"),
    [
        (DENIED, CloudRefusedError, SAID,
         "trust policy of runner: token.actions.githubusercontent.com:sub"),
        (("InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://x"),
         CloudRefusedError, "has no OIDC provider token.actions.githubusercontent.com",
         "--url https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com"),
        (("InvalidIdentityToken", "Incorrect token audience"), CloudRefusedError,
         "does not take aud sts.amazonaws.com", "add sts.amazonaws.com to its client ids"),
        (("InvalidIdentityToken", "Provided Token is not a Login With Amazon token"), CloudRefusedError,
         "AWS does not accept the token", "look at the OIDC provider"),
        (("ValidationError", "1 validation error"), CloudRefusedError, "1 validation error", "aws.role"),
        (("IDPRejectedClaim", "no"), CloudRefusedError, "rejects a claim of a job that says sub", ""),
    ],
)  # fmt: skip
def test_what_aws_refuses_is_said_with_the_claims_and_the_line(
    job: Job, error: tuple[str, str], kind: type[CloudError], said: str, hint: str
) -> None:
    job.errors = [error]
    with pytest.raises(kind) as raised:
        identity.use(role(job))
    assert f"cannot assume {ROLE}" in raised.value.message
    assert said in raised.value.message
    assert hint in raised.value.hint
    assert boto3.DEFAULT_SESSION is None  # and nobody works on as somebody else by chance


@pytest.mark.parametrize("code", ["ExpiredTokenException", "IDPCommunicationError"])
def test_a_token_that_came_late_is_asked_for_once_more(job: Job, code: str) -> None:
    job.errors = [(code, "Token expired")]
    identity.use(role(job))
    assert job.exchanged[-1]["WebIdentityToken"] == job.given[-1]
    job.errors = [(code, "Token expired")] * 9
    with pytest.raises(CredentialsUnanswered):
        role(job).renew()


def test_it_works_against_an_sts_of_others_and_a_cloud(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with playing(Job()) as job:
        assert sign_in(job.environ, role=ROLE, region="us-east-1") == ROLE
    said = connect_to("sts").get_caller_identity()
    assert said["Arn"] == "arn:aws:sts::123456789012:assumed-role/runner/runner-4711-2"
    bucket = Bucket(connect(), Location(bucket=aws.bucket))
    bucket.create("x", b"by the role")
    assert bucket.get("x").body == b"by the role"
    assert open_cloud("us-east-1").find({"queue-runner": "none"}) == []

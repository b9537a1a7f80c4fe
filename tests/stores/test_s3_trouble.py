"""What goes wrong with S3, in sentences with what to do."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions as sdk

from runner.errors import StoreBusyError, StoreError, UsageError
from runner.stores.s3 import Location, Settings, connect
from runner.stores.s3.trouble import told, trouble
from tests.aws import Aws

pytestmark = pytest.mark.slow

PLACE = Location.parse("s3://my-runs/p/runs/demo-1")


def refused(code: str, operation: str = "PutObject", status: int = 403, **more: Any) -> sdk.ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": more.get("message", "AKIASECRET hush")},
        "ResponseMetadata": {
            "HTTPStatusCode": status,
            "RequestId": "R1",
            "HTTPHeaders": more.get("headers", {}),
        },
    }
    return sdk.ClientError(answer, operation)


class TestSentences:
    @pytest.mark.parametrize(
        ("error", "message", "hint"),
        [
            (sdk.ProfileNotFound(profile="nix"), "there is no AWS profile `nix`", "unset AWS_PROFILE"),
            (
                sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
                "the AWS credentials lack AWS_SECRET_ACCESS_KEY",
                "or neither of them",
            ),
            (sdk.NoCredentialsError(), "there are no AWS credentials", "aws sso login"),
            (refused("ExpiredToken"), "the AWS credentials have expired", "get new ones"),
            (sdk.UnauthorizedSSOTokenError(), "the login to AWS has expired", "aws sso login"),
            (refused("InvalidAccessKeyId"), "AWS does not accept the credentials", "before AWS_PROFILE"),
            (refused("SignatureDoesNotMatch"), "AWS does not accept the credentials", "AWS_PROFILE"),
            (
                refused("AccessDenied"),
                "s3:PutObject is denied",
                "allow s3:PutObject on arn:aws:s3:::my-runs/p/runs/demo-1",
            ),
            (
                refused("AccessDenied", "GetObject"),
                "s3:GetObject is denied",
                "s3:ListBucket on arn:aws:s3:::my-runs",
            ),
            (refused("AccessDenied", "ListObjectsV2"), "s3:ListBucket is denied", "on arn:aws:s3:::my-runs"),
            (
                refused("AccessDenied", message="x is not authorized to perform: kms:GenerateDataKey on y"),
                "kms:GenerateDataKey is denied",
                "allow kms:GenerateDataKey",
            ),
            (refused("NoSuchBucket", status=404), "there is no bucket my-runs", "check the name"),
            (refused("RequestTimeTooSkewed"), "clock is off by more than 15 minutes", "set the clock"),
            (
                refused("PermanentRedirect", status=301, headers={"x-amz-bucket-region": "eu-west-1"}),
                "the bucket is in eu-west-1",
                "set AWS_REGION=eu-west-1",
            ),
            (sdk.NoRegionError(), "no AWS region is set", "AWS_REGION"),
            (refused("Strange", status=400), "S3 refused PutObject (Strange); S3's number for it is R1", ""),
        ],
    )
    def test_what_a_user_can_do_something_about(self, error: Exception, message: str, hint: str) -> None:
        made = trouble("write", PLACE, error)
        assert not isinstance(made, StoreBusyError)
        assert made.message.startswith("cannot write s3://my-runs/p/runs/demo-1: ")
        assert message in made.message
        assert hint in made.hint
        assert "hush" not in made.message + made.hint

    def test_of_no_bucket_it_names_the_service(self) -> None:
        said = trouble("talk to", Location(bucket=""), sdk.NoRegionError()).message
        assert said == "cannot talk to S3: no AWS region is set"

    @pytest.mark.parametrize(
        "error",
        [
            refused("SlowDown", status=503),
            refused("InternalError", status=500),
            refused("Strange", status=502),
            sdk.EndpointConnectionError(endpoint_url="https://nowhere"),
            sdk.ReadTimeoutError(endpoint_url="https://nowhere"),
            sdk.ConnectTimeoutError(endpoint_url="https://nowhere"),
        ],
    )
    def test_what_may_pass(self, error: Exception) -> None:
        with pytest.raises(StoreBusyError), told("read", PLACE):
            raise error

    def test_a_bucket_that_is_not_there(self, aws: Aws) -> None:
        bucket = aws.at("")
        bucket.where = Location(bucket="no-such-bucket")
        for deed in (lambda: bucket.get("x"), lambda: bucket.create("x", b""), lambda: bucket.names("")):
            with pytest.raises(StoreError, match="there is no bucket no-such-bucket"):
                deed()

    def test_an_endpoint_that_is_none(self, aws: Aws) -> None:
        with pytest.raises(StoreError, match="nonsense is not an endpoint"):
            connect(Settings(endpoint="nonsense"))

    def test_a_server_that_is_gone(self, aws: Aws) -> None:
        made = aws.at("x")
        made.client = connect(Settings(endpoint="http://127.0.0.1:1", tries=1))
        with pytest.raises(StoreBusyError, match=r"cannot read s3://.*/x/y: it does not answer"):
            made.get("y")


@pytest.mark.parametrize(
    "url", ["s3://", "s3://B/x", "s3://b", "s3:/bucket/x", "s3://bucket/../x", "bucket/x"]
)
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="is not a place in S3"):
        Location.parse(url)


def test_a_place() -> None:
    place = Location.parse("s3://my-runs//a/b/")
    assert (str(place), place.name, str(place.below("c"))) == (
        "s3://my-runs/a/b",
        "b",
        "s3://my-runs/a/b/c",
    )
    assert str(Location.parse("s3://my-runs")) == "s3://my-runs"
    longest = place.key("é" * 510)
    assert longest == "a/b/" + "é" * 510
    keys = {place.key(name) for name in ("é" * 511, "é" * 511 + "x", "\udcff" * 255 + "x" * 5, "x" * 4000)}
    assert len(keys) == 4
    assert all(1021 < len(key.encode()) <= 1024 for key in keys)

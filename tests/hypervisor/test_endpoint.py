"""The endpoint refuses, hides and loses what AWS does: on the wire, for any client."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore import exceptions as sdk
from botocore.config import Config

from tests.aws_strict import IMAGE, UBUNTU
from tests.hypervisor.calls import ACCOUNT, Call
from tests.hypervisor.ec2 import Shown
from tests.hypervisor.emulator import forget
from tests.hypervisor.endpoint import Endpoint
from tests.hypervisor.refusals import Refused
from tests.hypervisor.signing import Key, new_key

pytestmark = pytest.mark.slow

PERSON = f"arn:aws:iam::{ACCOUNT}:user/ann"
ONE: dict[str, Any] = {"ImageId": IMAGE, "InstanceType": "m5.large", "MinCount": 1, "MaxCount": 1}


@pytest.fixture
def endpoint(moto: str) -> Iterator[Endpoint]:
    forget(moto)
    made = Endpoint(moto)
    made.keys["AKIAANN"] = Key("AKIAANN", "secret", PERSON)
    yield made
    made.close()


def client(endpoint: Endpoint, service: str, key: Key | None = None) -> Any:
    key = key or endpoint.keys["AKIAANN"]
    return boto3.client(
        service,
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret,
        aws_session_token=key.token or None,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
    )


def code(call: Any, **asked: Any) -> str:
    with pytest.raises(sdk.ClientError) as caught:
        call(**asked)
    return str(caught.value.response["Error"]["Code"])


def ids(ec2: Any, **asked: Any) -> list[str]:
    found = ec2.describe_instances(**asked)["Reservations"]
    return [one["InstanceId"] for reservation in found for one in reservation["Instances"]]


def test_a_token_gives_one_instance_however_often_it_is_used(endpoint: Endpoint) -> None:
    ec2 = client(endpoint, "ec2")
    first = ec2.run_instances(**ONE, ClientToken="t", UserData="a")["Instances"][0]
    again = ec2.run_instances(**ONE, ClientToken="t", UserData="a")["Instances"][0]
    assert again["InstanceId"] == first["InstanceId"]
    assert again["InstanceType"] == "m5.large"
    assert ids(ec2) == [first["InstanceId"]]
    assert code(ec2.run_instances, **ONE, ClientToken="t", UserData="b") == "IdempotentParameterMismatch"
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    assert code(ec2.run_instances, **ONE, ClientToken="t", UserData="a") == "IdempotentInstanceTerminated"


def test_two_at_once_with_one_token_get_the_same_instance(endpoint: Endpoint) -> None:
    ec2 = client(endpoint, "ec2")
    got: list[str] = []

    def launch() -> None:
        got.append(ec2.run_instances(**ONE, ClientToken="t")["Instances"][0]["InstanceId"])

    threads = [threading.Thread(target=launch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert len(set(got)) == 1


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"UserData": "x" * 16_385}, "InvalidParameterValue"),
        ({"ClientToken": "x" * 65}, "InvalidParameterValue"),
        ({"ClientToken": "ü"}, "InvalidParameterValue"),
        ({"ImageId": "ami-00000000"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "m99.huge"}, "InvalidParameterValue"),
        ({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue"),
    ],
)
def test_what_ec2_does_not_launch(endpoint: Endpoint, wrong: dict[str, Any], expected: str) -> None:
    ec2 = client(endpoint, "ec2")
    assert code(ec2.run_instances, **{**ONE, **wrong}) == expected
    assert code(ec2.run_instances, **{**ONE, **wrong}, DryRun=True) == expected
    assert ids(ec2) == []


def test_a_dry_run_launches_nothing(endpoint: Endpoint) -> None:
    ec2 = client(endpoint, "ec2")
    assert code(ec2.run_instances, **ONE, UserData="x" * 16_384, DryRun=True) == "DryRunOperation"
    assert ids(ec2) == []


def test_as_many_are_launched_as_there_are(endpoint: Endpoint) -> None:
    ec2 = client(endpoint, "ec2")
    assert len(ec2.run_instances(**{**ONE, "MaxCount": 2})["Instances"]) == 2


def test_capacity_is_of_a_type_in_a_market(endpoint: Endpoint) -> None:
    endpoint.ec2.short_of = lambda type_, spot, _subnet: spot and type_ == "m5.large"
    ec2 = client(endpoint, "ec2")
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}}
    assert code(ec2.run_instances, **ONE, **spot) == "InsufficientInstanceCapacity"
    ec2.run_instances(**ONE)
    made = ec2.run_instances(**{**ONE, "InstanceType": "c5.large"}, **spot)["Instances"][0]
    assert made["InstanceLifecycle"] == "spot"


def test_a_launch_is_seen_late(endpoint: Endpoint) -> None:
    endpoint.ec2.lag = 2
    ec2 = client(endpoint, "ec2")
    made = ec2.run_instances(**ONE)["Instances"][0]["InstanceId"]
    assert [ids(ec2), ids(ec2), ids(ec2)] == [[], [], [made]]


def test_a_lost_reply_is_of_something_that_was_done(endpoint: Endpoint) -> None:
    endpoint.ec2.lost = 1
    ec2 = client(endpoint, "ec2")
    with pytest.raises(sdk.ConnectionClosedError):
        ec2.run_instances(**ONE, ClientToken="t")
    (made,) = ids(ec2)
    assert ec2.run_instances(**ONE, ClientToken="t")["Instances"][0]["InstanceId"] == made


def test_ec2_has_trouble_of_its_own(endpoint: Endpoint) -> None:
    endpoint.ec2.trouble = [Refused("RequestLimitExceeded"), Refused("InternalError")]
    ec2 = client(endpoint, "ec2")
    assert code(ec2.run_instances, **ONE) == "RequestLimitExceeded"
    assert code(ec2.run_instances, **ONE) == "InternalError"
    ec2.run_instances(**ONE)


def test_an_instance_is_shown_as_it_is_said_to_be(endpoint: Endpoint) -> None:
    ec2 = client(endpoint, "ec2")
    made = ec2.run_instances(**ONE)["Instances"][0]["InstanceId"]
    endpoint.ec2.shown[made] = Shown("terminated", "Server.SpotInstanceTermination", "taken back")
    (shown,) = ec2.describe_instances()["Reservations"][0]["Instances"]
    assert shown["State"] == {"Code": 48, "Name": "terminated"}
    assert shown["StateReason"] == {"Code": "Server.SpotInstanceTermination", "Message": "taken back"}


def test_a_console_is_what_somebody_wrote(endpoint: Endpoint) -> None:
    endpoint.ec2.console = {"i-1": "x" * 70_000 + "end"}.get
    ec2 = client(endpoint, "ec2")
    said = ec2.get_console_output(InstanceId="i-1", Latest=True)["Output"]
    assert said.endswith("end")
    assert len(said) == 65_536
    assert code(ec2.get_console_output, InstanceId="i-2") == "InvalidInstanceID.NotFound"


def test_the_images_of_ubuntu_are_published(endpoint: Endpoint) -> None:
    ssm = client(endpoint, "ssm")
    assert ssm.get_parameter(Name=UBUNTU)["Parameter"]["Value"] == IMAGE
    assert code(ssm.get_parameter, Name=f"{UBUNTU}x") == "ParameterNotFound"


@pytest.mark.parametrize("service", ["s3", "ec2", "ssm"])
def test_who_does_not_sign_as_aws_wants_it_is_refused(endpoint: Endpoint, service: str) -> None:
    ask = {"s3": "list_buckets", "ec2": "describe_instances", "ssm": "describe_parameters"}[service]
    own = endpoint.keys["AKIAANN"]

    def said(key: Key) -> str:
        return code(getattr(client(endpoint, service, key), ask))

    words = {
        "s3": ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "RequestTimeTooSkewed"),
        "ec2": ("AuthFailure", "AuthFailure", "RequestExpired", "AuthFailure"),
        "ssm": (
            "UnrecognizedClientException",
            "InvalidSignatureException",
            "ExpiredTokenException",
            "InvalidSignatureException",
        ),
    }[service]
    assert said(Key("AKIANOBODY", "secret", "")) == words[0]
    assert said(Key(own.access_key, "another", "")) == words[1]
    old = new_key(PERSON, -1.0)
    endpoint.keys[old.access_key] = old
    assert said(old) == words[2]
    endpoint.expired.add(own.access_key)
    assert said(own) == words[2]
    endpoint.expired.clear()
    endpoint.skew = 16 * 60.0
    assert said(own) == words[3]
    assert endpoint.calls == [], "none of them was asked"


def test_nobody_asks_without_a_signature(endpoint: Endpoint) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
    connection.request("GET", "/my-runs/secret")
    answer = connection.getresponse()
    assert (answer.status, b"MissingAuthenticationToken" in answer.read()) == (403, True)
    connection.close()


def test_a_body_that_is_not_the_signed_one_is_refused(endpoint: Endpoint) -> None:
    s3 = client(endpoint, "s3")
    s3.create_bucket(Bucket="runs")
    s3.meta.events.register("before-send.s3.PutObject", _changed)
    assert code(s3.put_object, Bucket="runs", Key="a", Body=b"one") == "XAmzContentSHA256Mismatch"


def _changed(request: Any, **_: object) -> None:
    request.body = b"two"


def test_odd_names_are_signed_as_others(endpoint: Endpoint) -> None:
    s3 = client(endpoint, "s3")
    s3.create_bucket(Bucket="runs")
    for key in ("a b", "ü/+=&?", "x~y", "per%20cent"):
        s3.put_object(Bucket="runs", Key=key, Body=b"1")
    found = s3.list_objects_v2(Bucket="runs", Prefix="ü/", Delimiter="/")
    assert [one["Key"] for one in found["Contents"]] == ["ü/+=&?"]


def test_a_role_for_a_web_identity_needs_no_key_and_gives_one(endpoint: Endpoint) -> None:
    sts = boto3.client(
        "sts",
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED),
    )
    said = sts.assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/runner", RoleSessionName="run", WebIdentityToken="token"
    )["Credentials"]
    key = Key(said["AccessKeyId"], said["SecretAccessKey"], "", said["SessionToken"])
    client(endpoint, "s3", key).list_buckets()
    assert endpoint.calls[-1].principal.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/runner/")
    assert endpoint.keys[key.access_key].expires > time.time() + 600
    assert (
        code(client(endpoint, "s3", Key(key.access_key, key.secret, "", "x")).list_buckets) == "InvalidToken"
    )


def test_bad_days_come_on_demand(endpoint: Endpoint) -> None:
    s3 = client(endpoint, "s3")
    s3.create_bucket(Bucket="runs")
    wanted = iter(["SlowDown", "InternalError", "lost"])
    endpoint.fault = lambda _number, call: next(wanted, "") if call.action == "s3:PutObject" else ""
    put = {"Bucket": "runs", "Key": "a", "Body": b"1", "IfNoneMatch": "*"}
    assert code(s3.put_object, **put) == "SlowDown"
    assert code(s3.put_object, **put) == "InternalError"
    with pytest.raises(sdk.ConnectionClosedError):
        s3.put_object(**put)
    assert code(s3.put_object, **put) == "PreconditionFailed", "it was done"


def test_every_call_is_known_by_action_and_resource(endpoint: Endpoint) -> None:
    s3, ec2 = client(endpoint, "s3"), client(endpoint, "ec2")
    s3.create_bucket(Bucket="runs")
    s3.put_object(Bucket="runs", Key="a/b", Body=b"1")
    s3.get_object(Bucket="runs", Key="a/b")
    s3.head_object(Bucket="runs", Key="a/b")
    s3.list_objects_v2(Bucket="runs", Prefix="a")
    s3.delete_object(Bucket="runs", Key="a/b")
    upload = s3.create_multipart_upload(Bucket="runs", Key="c")["UploadId"]
    s3.abort_multipart_upload(Bucket="runs", Key="c", UploadId=upload)
    ec2.run_instances(
        **ONE, TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]
    )
    code(client(endpoint, "ssm").get_parameter, Name="/runner/x")
    code(client(endpoint, "secretsmanager").get_secret_value, SecretId="y")
    assert [(call.action, call.resource) for call in endpoint.calls] == [
        ("s3:CreateBucket", "arn:aws:s3:::runs"),
        ("s3:PutObject", "arn:aws:s3:::runs/a/b"),
        ("s3:GetObject", "arn:aws:s3:::runs/a/b"),
        ("s3:GetObject", "arn:aws:s3:::runs/a/b"),
        ("s3:ListBucket", "arn:aws:s3:::runs"),
        ("s3:DeleteObject", "arn:aws:s3:::runs/a/b"),
        ("s3:PutObject", "arn:aws:s3:::runs/c"),
        ("s3:AbortMultipartUpload", "arn:aws:s3:::runs/c"),
        ("ec2:RunInstances", "*"),
        ("ec2:CreateTags", f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"),
        ("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/runner/x"),
        ("secretsmanager:GetSecretValue", "y"),
    ]
    assert {(call.access_key, call.principal) for call in endpoint.calls} == {("AKIAANN", PERSON)}


def test_what_a_policy_does_not_allow_is_denied(endpoint: Endpoint) -> None:
    def reads(call: Call) -> bool:
        return call.action in {"ec2:DescribeInstances", "s3:GetObject"}

    endpoint.allows = reads
    assert ids(client(endpoint, "ec2")) == []
    assert code(client(endpoint, "ec2").run_instances, **ONE) == "UnauthorizedOperation"
    assert code(client(endpoint, "s3").put_object, Bucket="b", Key="k", Body=b"") == "AccessDenied"
    assert code(client(endpoint, "ssm").get_parameter, Name="x") == "AccessDeniedException"


def test_a_parameter_that_is_a_secret_is_not_of_the_public_ones(endpoint: Endpoint) -> None:
    ssm = client(endpoint, "ssm")
    ssm.put_parameter(Name="/runner/key", Value="v", Type="SecureString")
    found = ssm.get_parameter(Name="/runner/key", WithDecryption=True)["Parameter"]
    assert found["Value"] == "v"
    assert json.loads(endpoint.calls[-1].request.body) == {"Name": "/runner/key", "WithDecryption": True}

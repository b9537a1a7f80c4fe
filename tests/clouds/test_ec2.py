"""What is sent to EC2, and what its answers become."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import exceptions as sdk

from runner.clouds.ec2.parameters import parameters
from runner.clouds.ec2.telling import instance
from runner.clouds.refusals import BUSY, CAPACITY, ENDED, REFUSALS, UNSURE
from runner.clouds.trouble import trouble
from runner.errors import (
    CapacityError,
    CloudBusyError,
    CloudEndedError,
    CloudError,
    CloudRefusedError,
    CloudUnsureError,
)
from tests.aws_strict import IMAGE, UBUNTU, refusal, user_data_of
from tests.clouds.conftest import Ec2World
from tests.clouds.making import requests

pytestmark = pytest.mark.slow

SPOT, _, ON_DEMAND = requests()


def test_a_machine_ends_itself_and_lets_nobody_in() -> None:
    asked = parameters(dataclasses.replace(ON_DEMAND, subnet="subnet-1", instance_profile="runner-instance"))
    assert asked == {
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": ON_DEMAND.token,
        "ImageId": "ami-1",
        "InstanceType": "m7i.large",
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
            "InstanceMetadataTags": "disabled",
        },
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/sda1",
                "Ebs": {
                    "VolumeSize": 30,
                    "VolumeType": "gp3",
                    "Encrypted": True,
                    "DeleteOnTermination": True,
                },
            }
        ],
        "TagSpecifications": asked["TagSpecifications"],
        "SecurityGroupIds": ["sg-1"],
        "SubnetId": "subnet-1",
        "IamInstanceProfile": {"Name": "runner-instance"},
        "UserData": "#!/bin/sh\n",
    }
    tagged = {
        one["ResourceType"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        for one in asked["TagSpecifications"]
    }
    assert tagged == {"instance": ON_DEMAND.tags, "volume": ON_DEMAND.tags}


def test_a_spot_machine_is_asked_for_once() -> None:
    asked = parameters(SPOT)
    assert asked["InstanceMarketOptions"] == {
        "MarketType": "spot",
        "SpotOptions": {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"},
    }
    assert [one["ResourceType"] for one in asked["TagSpecifications"]][-1] == "spot-instances-request"
    assert "SubnetId" not in asked


def test_a_profile_may_be_an_arn() -> None:
    arn = "arn:aws:iam::123456789012:instance-profile/runner"
    assert parameters(dataclasses.replace(SPOT, instance_profile=arn))["IamInstanceProfile"] == {"Arn": arn}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"user_data": "x" * 16_385}, "user data"),
        ({"token": "x" * 65}, "token"),
        ({"token": "é"}, "token"),
        ({"token": ""}, "token"),
        ({"security_group": ""}, "security group"),
    ],
)
def test_what_ec2_would_take_amiss_is_not_sent(change: dict[str, Any], said: str) -> None:
    with pytest.raises(CloudRefusedError, match=said):
        parameters(dataclasses.replace(SPOT, **change))


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (CAPACITY, CapacityError),
        (set(REFUSALS) - {ENDED}, CloudRefusedError),
        ({ENDED}, CloudEndedError),
        (BUSY, CloudBusyError),
        (UNSURE, CloudUnsureError),
    ],
    ids=["capacity", "refused", "ended", "busy", "unsure"],
)
def test_each_code_says_what_is_known(codes: Any, kind: type[CloudError]) -> None:
    for code in codes:
        said = trouble(
            "launch m7i.large", refusal(code, "words", status=500 if code in CAPACITY else 400), writes=True
        )
        assert type(said) is kind, code
        assert said.message.startswith("cannot launch m7i.large: ")
        assert said.hint, code


def test_no_code_stands_in_two_tables() -> None:
    tables = [set(CAPACITY), set(REFUSALS), BUSY, UNSURE]
    assert sum(map(len, tables)) == len(set().union(*tables))


@pytest.mark.parametrize(
    "error",
    [
        sdk.ReadTimeoutError(endpoint_url="https://ec2"),
        sdk.ConnectTimeoutError(endpoint_url="https://ec2"),
        sdk.EndpointConnectionError(endpoint_url="https://ec2"),
        sdk.ConnectionClosedError(endpoint_url="https://ec2"),
        refusal("Strange", "words", status=503),
    ],
)
def test_no_answer_leaves_a_launch_open_and_a_look_to_be_repeated(error: Exception) -> None:
    assert type(trouble("launch it", error, writes=True)) is CloudUnsureError
    assert type(trouble("look", error)) is CloudBusyError


def test_an_unknown_refusal_has_ec2s_own_words_cut_short() -> None:
    said = trouble(
        "launch it", refusal("InvalidParameterCombination", "no such\n thing. " + "x" * 1000), writes=True
    )
    assert type(said) is CloudRefusedError
    assert said.message.startswith("cannot launch it: no such thing. xxx")
    assert len(said.message) < 400


def test_without_credentials_nothing_was_done() -> None:
    said = trouble("launch it", sdk.NoCredentialsError(), writes=True)
    assert type(said) is CloudRefusedError
    assert "AWS_PROFILE" in said.hint


def test_a_profile_that_does_not_exist_is_named() -> None:
    said = trouble("talk to EC2", sdk.ProfileNotFound(profile="nix"))
    assert said.message == "cannot talk to EC2: there is no AWS profile `nix`"
    assert "aws configure list-profiles" in said.hint


def told(state: str, code: str = "", message: str = "") -> Any:
    return instance(
        {
            "InstanceId": "i-1",
            "State": {"Name": state},
            "InstanceType": "m7i.large",
            "InstanceLifecycle": "spot",
            "Placement": {"AvailabilityZone": "us-east-1a"},
            "LaunchTime": datetime(2026, 11, 22, tzinfo=UTC),
            "Tags": [{"Key": "runner:run", "Value": "r"}],
            "StateReason": {"Code": code, "Message": message},
        }
    )


def test_a_machine_is_told_of_in_our_words() -> None:
    made = told("running", "pending", "pending")
    assert (made.type, made.spot, made.zone, made.launched) == ("m7i.large", True, "us-east-1a", 1795305600.0)
    assert (made.ended, made.reason, made.is_gone) == ("", "", False)


@pytest.mark.parametrize(
    ("code", "ended", "reason"),
    [
        ("Server.SpotInstanceTermination", "spot", "AWS took the spot machine back"),
        ("Server.InsufficientInstanceCapacity", "capacity", "free after all"),
        ("Client.InstanceInitiatedShutdown", "shutdown", "shut itself down"),
        ("Client.UserInitiatedShutdown", "terminated", "somebody ended"),
        ("Client.InternalError", "trouble", "encrypted disk"),
        ("Server.Strange", "trouble", "words"),
        ("", "", "words"),
    ],
)
def test_why_a_machine_ended_is_said(code: str, ended: str, reason: str) -> None:
    made = told("terminated", code, "words")
    assert made.is_gone
    assert made.ended == ended
    assert reason in made.reason


def test_the_group_is_refused_once_it_lets_somebody_in(ec2: Ec2World) -> None:
    assert ec2.cloud().security_group(ec2.security_group) == ec2.security_group
    ec2.plain.authorize_security_group_ingress(
        GroupId=ec2.security_group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    with pytest.raises(CloudRefusedError, match="lets others in"):
        ec2.cloud().security_group(ec2.security_group)
    with pytest.raises(CloudRefusedError, match="no such security group"):
        ec2.cloud().security_group("sg-00000000000000000")


def test_without_a_group_of_ours_it_is_said_how_to_make_one(ec2: Ec2World) -> None:
    with pytest.raises(CloudRefusedError) as caught:
        ec2.cloud().security_group("")
    assert "aws ec2 create-security-group --group-name queue-runner" in caught.value.hint
    network = ec2.plain.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]
    made = ec2.plain.create_security_group(
        GroupName="queue-runner", Description="no way in", VpcId=network["VpcId"]
    )["GroupId"]
    try:
        assert ec2.cloud().security_group("") == made
    finally:
        ec2.plain.delete_security_group(GroupId=made)


def test_the_default_image_is_found_where_its_publisher_says(ec2: Ec2World) -> None:
    cloud = ec2.cloud()
    assert cloud.image(UBUNTU).id == IMAGE
    with pytest.raises(CloudRefusedError, match="no image is published under that name"):
        cloud.image("/acme/images/none")


def test_a_type_that_does_not_exist_is_refused_before_anything_is_launched(ec2: Ec2World) -> None:
    asked = dataclasses.replace(
        ON_DEMAND, image=IMAGE, security_group=ec2.security_group, type="m7i.enormous", token="t"
    )
    with pytest.raises(CloudRefusedError, match="no such instance type"):
        ec2.cloud().check(asked)


def test_the_machine_is_what_was_asked_for(ec2: Ec2World) -> None:
    asked = dataclasses.replace(
        SPOT,
        image=IMAGE,
        security_group=ec2.security_group,
        user_data="#!/bin/sh\necho é\n",
        token="machine-is",
    )
    made = ec2.cloud().launch(asked)
    said = ec2.plain.describe_instances(InstanceIds=[made.id])["Reservations"][0]["Instances"][0]
    assert said["MetadataOptions"]["HttpTokens"] == "required"
    assert said["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert said["InstanceLifecycle"] == "spot"
    assert "KeyName" not in said
    volume_id = said["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    volume = ec2.plain.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
    assert (volume["Encrypted"], volume["VolumeType"], volume["Size"]) == (True, "gp3", 30)
    assert {tag["Key"]: tag["Value"] for tag in volume["Tags"]} == asked.tags
    assert user_data_of(ec2.plain, made.id) == asked.user_data
    assert "Linux version" in ec2.cloud().console(made.id)


def test_many_machines_are_found_on_many_pages(ec2: Ec2World) -> None:
    asked = {"ImageId": IMAGE, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1}
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "pages", "Value": "many"}]}]
    for _ in range(12):
        ec2.plain.run_instances(**asked, TagSpecifications=tags)
    cloud = ec2.cloud(page=5)
    found = cloud.find({"pages": "many"})
    assert len(found) == 12
    assert len(cloud.describe([one.id for one in found])) == 12
    assert cloud.find({"pages": "m*"}) == [], "a value is no pattern"
    assert len(cloud.terminate([one.id for one in found], {"pages": "many"})) == 12


def test_nothing_is_ended_without_tags(ec2: Ec2World) -> None:
    with pytest.raises(ValueError, match="by their tags"):
        ec2.cloud().terminate(["i-1"], {})

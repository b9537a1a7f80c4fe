"""Questions to an account: all at once, within a time, and a no is an answer like another."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore import exceptions as sdk

from runner.clouds.account.asking import Asking, judged, seen
from runner.clouds.account.facts import Asked, Quota, Refused, Unseen
from runner.clouds.account.machines import quotas
from runner.clouds.quotas import quota_of
from runner.errors import CloudBusyError, CloudRefusedError
from tests.aws_strict import refusal


def raising(error: Exception) -> Any:
    def question() -> str:
        raise error

    return question


def test_what_is_denied_or_not_known_is_not_seen() -> None:
    assert seen(lambda: 3) == 3
    assert seen(raising(refusal("AccessDenied", "no", "GetRole"))) == Unseen(
        why="GetRole is denied to these credentials"
    )
    assert seen(raising(refusal("NoSuchThing", "no", "GetRole"))) == Unseen(
        why="GetRole is not answered here (NoSuchThing)"
    )
    silent = sdk.ConnectTimeoutError(endpoint_url="https://iam.amazonaws.com")
    assert seen(raising(silent)) == Unseen(why="AWS did not answer (ConnectTimeoutError)")


def test_a_no_of_the_cloud_is_a_sentence_and_a_denied_look_is_none() -> None:
    assert judged(raising(CloudRefusedError("there is no image", hint="correct it"))) == Refused(
        what="there is no image", fix="correct it"
    )
    assert judged(raising(CloudBusyError("AWS asks for patience"))) == Unseen(why="AWS asks for patience")
    denied = CloudRefusedError("cannot look")
    denied.__cause__ = refusal("UnauthorizedOperation", "no", "DescribeImages")
    assert judged(raising(denied)) == Unseen(why="DescribeImages is denied to these credentials")


def test_what_does_not_answer_keeps_nobody_waiting() -> None:
    asking, never = Asking(0.05), threading.Event()
    slow = [asking.ask(never.wait) for _ in range(20)]
    quick = asking.ask(lambda: "at once")
    assert [answer() for answer in slow] == [Unseen(why="AWS did not answer within 0.05 s")] * 20
    assert quick() == "at once"
    never.set()


def test_a_bug_is_no_answer() -> None:
    answer = Asking(5).ask(raising(KeyError("Role")))
    with pytest.raises(KeyError, match="Role"):
        answer()


class Numbers:
    """Service Quotas: those of this account, and what all accounts have."""

    def __init__(self, own: dict[str, float], common: dict[str, float]) -> None:
        self.own, self.common = own, common

    def get_service_quota(self, *, ServiceCode: str, QuotaCode: str) -> Any:
        return self._of(self.own, QuotaCode, "GetServiceQuota")

    def get_aws_default_service_quota(self, *, ServiceCode: str, QuotaCode: str) -> Any:
        return self._of(self.common, QuotaCode, "GetAWSDefaultServiceQuota")

    def _of(self, known: dict[str, float], code: str, operation: str) -> Any:
        if code not in known:
            raise refusal("NoSuchResourceException", "no such quota", operation)
        return {"Quota": {"Value": known[code]}}


def test_each_quota_once_with_all_types_that_fall_under_it() -> None:
    asked = Asked(
        types=("m7i.large", "c7g.large", "g6.xlarge", "p5.48xlarge", "strange"), spot=("m7i.large",)
    )
    client = Numbers({"L-1216C47A": 64.0}, {"L-DB2E81BA": 0.0})

    def found(type_: str, *types: str, vcpus: float | Unseen, spot: bool = False) -> Quota:
        name = quota_of(type_, spot=spot)
        assert name is not None
        return Quota(name=name, types=(type_, *types), vcpus=vcpus)

    unknown = Unseen(why="GetAWSDefaultServiceQuota is not answered here (NoSuchResourceException)")
    assert quotas(client, asked) == (
        found("m7i.large", "c7g.large", vcpus=64.0),
        found("g6.xlarge", vcpus=0.0),
        found("p5.48xlarge", vcpus=unknown),
        found("m7i.large", vcpus=unknown, spot=True),
    )

"""The metadata service of machines, as strict as EC2's second version."""

from __future__ import annotations

import json
import time

import pytest

from tests.hypervisor.metadata import Metadata
from tests.hypervisor.signing import Key, new_key
from tests.wire import Request

pytestmark = pytest.mark.slow

TOKEN = "/latest/api/token"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
ROLES = "iam/security-credentials/"


def service(seconds: float = 3600.0, role: str = "runner-instance") -> Metadata:
    held = {"meta-data/instance-id": "i-1", "meta-data/placement/region": "us-east-1"}
    return Metadata(held, role, lambda: new_key("arn:aws:sts::1:assumed-role/runner-instance/i-1", seconds))


def token(metadata: Metadata, seconds: str = "60") -> str:
    return metadata.answer(Request("PUT", TOKEN, {TTL: seconds})).body.decode()


def get(metadata: Metadata, path: str, said: str) -> tuple[int, str]:
    headers = {"X-aws-ec2-metadata-token": said} if said else {}
    answer = metadata.answer(Request("GET", f"/latest/meta-data/{path}", headers))
    return answer.status, answer.body.decode()


def test_nothing_is_told_without_a_token() -> None:
    metadata = service()
    assert get(metadata, "instance-id", "") == (401, "")
    assert get(metadata, "instance-id", "guessed") == (401, "")
    assert get(metadata, "instance-id", token(metadata)) == (200, "i-1")


@pytest.mark.parametrize("headers", [{}, {TTL: "0"}, {TTL: "21601"}, {TTL: "soon"}])
def test_a_token_has_a_time(headers: dict[str, str]) -> None:
    assert service().answer(Request("PUT", TOKEN, headers)).status == 400


def test_a_token_is_put_and_not_by_way_of_others() -> None:
    assert service().answer(Request("GET", TOKEN, {TTL: "60"})).status == 400
    assert service().answer(Request("PUT", TOKEN, {TTL: "60", "X-Forwarded-For": "10.0.0.9"})).status == 403


def test_what_is_not_there_is_not_found_and_a_folder_is_a_list() -> None:
    metadata = service()
    said = token(metadata)
    assert get(metadata, "spot/instance-action", said)[0] == 404
    assert get(metadata, "placement/", said) == (200, "region")
    metadata.is_down = True
    assert get(metadata, "instance-id", said)[0] == 503


def test_a_role_has_credentials_that_end_and_are_renewed_before() -> None:
    made: list[Key] = []
    metadata = service()
    metadata.new_key = lambda: made.append(new_key("p", 100.0 if made else 0.0)) or made[-1]
    said = token(metadata)
    assert get(metadata, ROLES, said) == (200, "runner-instance")
    keys = [json.loads(get(metadata, f"{ROLES}runner-instance", said)[1]) for _ in range(3)]
    assert keys[0]["AccessKeyId"] != keys[1]["AccessKeyId"], "the first one had ended"
    assert keys[1] == keys[2]
    assert keys[1]["Expiration"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def test_a_machine_without_a_role_has_none() -> None:
    metadata = service(role="")
    assert get(metadata, ROLES, token(metadata))[0] == 404

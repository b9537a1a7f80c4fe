"""A job in Actions, as far as AWS needs one: what gives tokens, an STS that takes them, and an S3."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from tests.wire import Answer, Request, serving

BEARER = "request-token-of-the-job"
ROLE = "arn:aws:iam::123456789012:role/runner"
CLAIMS = {
    "iss": "https://token.actions.githubusercontent.com",
    "sub": "repo:acme@77/lab@99:ref:refs/heads/main",
    "aud": "sts.amazonaws.com",
    "repository_id": "99",
    "job_workflow_ref": "acme/runner/.github/workflows/cloud.yaml@" + "1" * 40,
}


def token(number: int) -> str:
    """Like those of GitHub; nobody here looks at the signature."""
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"}, {**CLAIMS, "jti": str(number)})]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "signature"])


@dataclass
class Job:
    """What is answered, and what was asked.

    `refusals` of the token's place (statuses) and `errors` of STS (code, message) come before good
    answers, in this order. Credentials live for `life` seconds.
    """

    life: float = 3600.0
    refusals: list[int] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    location: str = ""
    given: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Of the token's place: query and Authorization."""
    exchanged: list[dict[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """With which access key S3 was asked."""
    address: str = ""

    @property
    def environ(self) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_RUN_ATTEMPT": "2",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.address}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
        }

    def answer(self, request: Request) -> Answer:
        if request.method == "POST":
            return self._exchange(request)
        if request.path == "/token":
            return self._token(request)
        found = re.search(r"Credential=([^/]+)/", request.headers.get("Authorization", ""))
        self.keys.append(found[1] if found else "")
        return _object(b"")

    def _exchange(self, request: Request) -> Answer:
        self.exchanged.append(request.form)
        if self.errors:
            code, message = self.errors.pop(0)
            return Answer(500 if code == "InternalFailure" else 403, _ERROR.format(code, message).encode())
        until = datetime.now(UTC) + timedelta(seconds=self.life)
        return Answer(body=_CREDENTIALS.format(len(self.exchanged), until.isoformat()).encode())

    def _token(self, request: Request) -> Answer:
        self.asked.append((urlsplit(request.target).query, request.headers.get("Authorization", "")))
        if self.refusals:
            headers = {"Location": self.location} if 300 <= self.refusals[0] < 400 else {}
            return Answer(self.refusals.pop(0), f"no, {BEARER}".encode(), headers)
        self.given.append(token(len(self.asked)))
        good = json.dumps({"count": 1, "value": self.given[-1]}).encode()
        return Answer(body=good if self.body is None else self.body)


def _object(body: bytes) -> Answer:
    return Answer(body=body, headers={"ETag": '"0"', "Last-Modified": "Sun, 22 Nov 2026 18:00:00 GMT"})


@contextmanager
def playing(job: Job) -> Iterator[Job]:
    with serving(job.answer) as job.address:
        yield job


_ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>"
    "<RequestId>1</RequestId></ErrorResponse>"
)
_CREDENTIALS = (
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
    "<AccessKeyId>KEY{0}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
    "<SessionToken>session</SessionToken><Expiration>{1}</Expiration>"
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
)

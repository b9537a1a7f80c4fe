"""A job in Actions, as far as AWS needs one: what gives tokens, an STS that takes them, and an S3."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

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


@contextmanager
def playing(job: Job) -> Iterator[Job]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(self.path).path == "/token":
                self._token()
            else:
                self._objects()

        do_HEAD = do_GET

        def do_POST(self) -> None:
            asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            job.exchanged.append({name: values[0] for name, values in asked.items()})
            if job.errors:
                code, message = job.errors.pop(0)
                self._say(500 if code == "InternalFailure" else 403, _ERROR.format(code, message).encode())
                return
            until = datetime.now(UTC) + timedelta(seconds=job.life)
            self._say(200, _CREDENTIALS.format(len(job.exchanged), until.isoformat()).encode())

        def _token(self) -> None:
            job.asked.append((urlsplit(self.path).query, self.headers.get("Authorization", "")))
            if job.refusals:
                self._say(job.refusals.pop(0), f"no, {BEARER}".encode())
                return
            job.given.append(token(len(job.asked)))
            good = json.dumps({"count": 1, "value": job.given[-1]}).encode()
            self._say(200, good if job.body is None else job.body)

        def _objects(self) -> None:
            found = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
            job.keys.append(found[1] if found else "")
            self._say(200, b"")

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", job.location)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"0"')
            self.send_header("Last-Modified", self.date_time_string())
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        job.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield job
        finally:
            server.shutdown()
            thread.join()


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

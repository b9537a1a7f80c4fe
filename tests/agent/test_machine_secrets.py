"""Secrets out of AWS on a machine: given to their job, and in nothing that leaves the machine."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from runner.model import Outcome
from tests.agent.machines import Cloudy
from tests.aws import Aws
from tests.builders import job, queue
from tests.waiting import until

pytestmark = pytest.mark.slow

KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq/&+hkiG9w\nAgEAAoIBAQC7VJTUt9Us8c\n-----END KEY-----\n"
PASSWORD = "hunter22 & <sons>"
HOLDS = {"user": "admin", "password": PASSWORD}
PRINT = """
show() {
  echo "plain: $KEY / $PASSWORD"
  printf '%s' "$KEY" | base64 -w 0; echo
  printf 'x%s' "$KEY" | base64; printf 'xy%s' "$PASSWORD" | base64
  printf '%s' "$KEY" | xxd -p 2>/dev/null || printf '%s' "$KEY" | od -An -tx1 | tr -d ' \\n'; echo
  python3 -c 'import os, json, urllib.parse as u, html
for name in ("KEY", "PASSWORD", "ALL"):
    v = os.environ[name]
    print(json.dumps(v), json.dumps({"deep": [v]}, ensure_ascii=False), u.quote(v), u.quote_plus(v))
    print(html.escape(v), repr(v), repr(v.encode()))'
  set -x; : "$KEY" "$PASSWORD"; set +x
}
show; show >&2; show >> "$RUNNER_SUMMARY"
printf '%s' "$PASSWORD" | while IFS= read -r -n 1 c; do printf '%s' "$c"; sleep 0.01; done; echo
echo "token=$PASSWORD" >> "$RUNNER_OUTPUT"; echo "key=$(printf '%s' "$KEY" | base64 -w 0)" >> "$RUNNER_OUTPUT"
touch printed; until [ -e go ]; do sleep 0.1; done
exit 3
"""
GIVEN = {"KEY": "ssm:/runner/key", "PASSWORD": "secretsmanager:db#password", "ALL": "secretsmanager:db"}


@pytest.fixture
def cloudy(aws: Aws, tmp_path: Path) -> Iterator[Cloudy]:
    def client(name: str) -> Any:
        return boto3.client(name, endpoint_url=aws.endpoint)

    client("ssm").put_parameter(Name="/runner/key", Value=KEY, Type="SecureString", Overwrite=True)
    made = client("secretsmanager").create_secret(Name="db", SecretString=json.dumps(HOLDS))
    with contextlib.ExitStack() as stack:
        stack.callback(
            client("secretsmanager").delete_secret, SecretId=made["ARN"], ForceDeleteWithoutRecovery=True
        )
        cloudy = Cloudy(aws, tmp_path / "machines", stack)
        stack.callback(cloudy.close)
        yield cloudy


def shown(text: bytes) -> list[str]:
    """Which pieces of the secrets can be read in it, in any form."""
    lines = [line for line in KEY.splitlines() if not line.startswith("---")]
    pieces = [*lines, PASSWORD, PASSWORD[:8]]
    forms = {form for piece in pieces for form in (piece, json.dumps(piece)[1:-1], quote(piece, safe=""))}
    forms |= {piece.encode().hex() for piece in pieces}
    forms |= {
        base64.b64encode(b"x" * n + piece.encode())[4:-4].decode() for piece in pieces for n in range(3)
    }
    return [form for form in forms if len(form) >= 8 and form.encode() in text]


def test_they_are_in_nothing_that_leaves_the_machine(cloudy: Cloudy) -> None:
    kept = 'printf \'%s\' "$KEY" > own; test "$PASSWORD" = "$EXPECTED"'
    cloudy.request(
        queue(
            job("print", command=PRINT, secrets=GIVEN, result_files=("printed",)),
            job("use", command=kept, secrets=GIVEN, environment={"EXPECTED": "${PASSWORD}"}),
            max_parallel=2,
        )
    )
    posts = itertools.count(1)  # as many as the SDK tries, and one more: it is asked for patience
    cloudy.s3.fault = lambda _, method, _path: "SlowDown" if method == "POST" and next(posts) < 7 else ""
    machine = cloudy.launch()
    until((machine.home / "checkout/printed").exists, 60)
    for stream in ("stdout", "stderr"):
        tail = until(lambda stream=stream: cloudy.run.get(f"jobs/print/1/{stream}.log.tail"))
        assert b"plain: ***" in tail.body
        assert shown(tail.body) == []
    (machine.home / "checkout/go").touch()
    assert machine.wait() == 0, machine.said()
    state = cloudy.state()
    assert state.outcome is Outcome.FAILED
    assert state.jobs["use"].outcome is Outcome.SUCCEEDED
    assert (machine.home / "checkout/own").read_text() == KEY
    assert shown(machine.said().encode()) == []
    ended = state.jobs["print"].last_ended
    assert ended is not None
    assert ended.outputs == {"token": "***", "key": "***"}
    listed = [one.name for one in cloudy.run.names("")]
    assert {"events.jsonl", "report.md", "report.json", "jobs/print/1/summary.md"} <= set(listed)
    for name in listed:
        found = cloudy.run.get(name)
        assert found is not None
        assert shown(found.body) == [], name

"""The policies of the template in force: what they do not allow, the endpoint of booting machines denies.

Also what AWS does besides: who may not list is told "denied" of an object that is not there.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from botocore import exceptions as sdk

from tests.account.policies import Call, Statement, may, may_assume
from tests.account.recording import Seen
from tests.account.stack import PROVIDER, Stack, client, decoder
from tests.hypervisor.calls import Call as Asked
from tests.wire import Request

_EXCHANGE = "sts:AssumeRoleWithWebIdentity"
_ASSUMED = re.compile(r"arn:aws:sts::\d+:assumed-role/([^/]+)/")


class Enforced:
    """For `Endpoint.allows`. `launcher`: a principal that has the workflows' role without having assumed it.

    `denied`: what was asked for and not allowed, in words.
    """

    def __init__(self, stack: Stack, emulator: str, launcher: str = "") -> None:
        self.stack = stack
        workflows, machines = (stack.outputs[name] for name in ("Role", "InstanceProfile"))
        self._granted: Mapping[str, list[Statement]] = {
            launcher: stack.actions,
            workflows.rpartition("/")[2]: stack.actions,
            machines: stack.machines,
        }
        self._s3 = client("s3", emulator)
        self._decoder = decoder(emulator)
        self.denied: list[str] = []

    def __call__(self, asked: Asked) -> bool:
        assumed = _ASSUMED.match(asked.principal)
        granted = self._granted[assumed[1] if assumed else asked.principal]
        wanting = [call for call in self._calls(asked.request) if not may(granted, call)]
        self.denied += [f"{asked.principal}: {call}" for call in wanting]
        return not wanting

    def strangers(self, calls: Iterable[Asked]) -> list[str]:
        """`sub` of the tokens among these that the role's trust policy does not let in."""
        tokens = [call.request.form["WebIdentityToken"] for call in calls if call.action == _EXCHANGE]
        claims = [json.loads(base64.urlsafe_b64decode(f"{token.split('.')[1]}==")) for token in tokens]
        assert claims, "nobody came with a token"
        return [one["sub"] for one in claims if not may_assume(self.stack.trust, PROVIDER, one)]

    def _calls(self, request: Request) -> list[Call]:
        path = unquote(request.path)
        seen = Seen(
            method=request.method,
            path=path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.body,
            status=404 if request.method in {"GET", "HEAD"} and self._is_missing(path) else 200,
        )
        return self._decoder.calls(seen)

    def _is_missing(self, path: str) -> bool:
        bucket, _, key = path.removeprefix("/").partition("/")
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except (sdk.ClientError, sdk.ParamValidationError):
            return True
        return False

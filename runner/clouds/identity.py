"""Who this process is to AWS: in Actions the role that the settings name, elsewhere whoever the SDK finds.

No key is stored anywhere: the job's own token is exchanged for credentials of an hour, and again for the
next ones as long as the job lives. They become the SDK's default session, which every client of this process
is made from.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore import exceptions as sdk
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.session import Session

from runner.clouds import identity_token
from runner.clouds.identity_refusals import told, worth_another_token
from runner.clouds.identity_token import BEARER, URL, TokenSource, claims
from runner.errors import CloudBusyError, CloudError

_LIFE = 3600
"""Seconds: what every role allows."""
_LAST = 60.0
"""Seconds before its end from which a credential is not counted on."""
_PAUSE = 30.0
"""Seconds between tries to renew what still holds."""
_OTHERS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)


class CredentialsUnanswered(sdk.ConnectionError):
    """Raised out of a request that could not be signed: to whoever asked, AWS did not answer."""

    fmt = "{error}"

    def __init__(self, told: CloudBusyError) -> None:
        super().__init__(error=told)
        self.told = told


@dataclass(slots=True)
class Role:
    """Credentials of a role for whoever has a token. One thread at a time renews: the SDK sees to that."""

    arn: str
    region: str
    tokens: TokenSource
    name: str = "runner"
    clock: Callable[[], float] = field(default=time.time, repr=False)
    _held: Mapping[str, str] = field(default_factory=dict, repr=False)
    _until: float = 0.0
    _not_before: float = 0.0

    def renew(self) -> Mapping[str, str]:
        """New credentials, as the SDK wants them; while they hold, the old ones where there are none now.

        Raises CloudRefusedError and CredentialsUnanswered.
        """
        now = self.clock()
        if now < self._not_before:
            return self._held
        try:
            self._held, self._until = self._assume()
        except CloudError as error:
            if self._until - now > _LAST:
                self._not_before = now + min(_PAUSE, self._until - now - _LAST)
                return self._held
            if isinstance(error, CloudBusyError):
                raise CredentialsUnanswered(error) from error
            raise
        return self._held

    def _assume(self) -> tuple[Mapping[str, str], float]:
        token = self.tokens.fetch()
        try:
            return self._exchange(token)
        except sdk.ClientError as error:
            if not worth_another_token(error):
                raise told(self.arn, claims(token), error) from None
        except sdk.BotoCoreError as error:
            raise told(self.arn, claims(token), error) from None
        token = self.tokens.fetch()
        try:
            return self._exchange(token)
        except (sdk.ClientError, sdk.BotoCoreError) as error:
            raise told(self.arn, claims(token), error) from None

    def _exchange(self, token: str) -> tuple[Mapping[str, str], float]:
        asked = {"RoleArn": self.arn, "RoleSessionName": self.name, "DurationSeconds": _LIFE}
        answer = _sts(self.region).assume_role_with_web_identity(**asked, WebIdentityToken=token)
        given = answer["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }, given["Expiration"].timestamp()


def sign_in(environ: Mapping[str, str], *, role: str, region: str = "") -> str:
    """Be `role` for the rest of this process, where Actions vouches for it; else whoever the SDK finds.

    The role's ARN, or "" where the SDK looks. What a child could ask for tokens with is gone from
    `os.environ` afterwards. A second call with the same role does nothing. Raises CloudError: what AWS or
    GitHub refuses is said here, before any work.
    """
    if role and _in_use() == role:
        return role
    wanted = bool(role) and (bool(environ.get(URL)) or environ.get("GITHUB_ACTIONS") == "true")
    if not wanted or (not environ.get(URL) and any(environ.get(name) for name in _OTHERS)):
        return ""
    use(assume_from_actions(environ, role, region))
    return role


def assume_from_actions(environ: Mapping[str, str], role_arn: str, region: str = "") -> Role:
    """The role, as the job that `environ` is of; "" for the region: AWS_REGION, else us-east-1.

    Asks nobody yet. Raises CloudRefusedError where the job may not ask for tokens.
    """
    run = "-".join(filter(None, (environ.get("GITHUB_RUN_ID", ""), environ.get("GITHUB_RUN_ATTEMPT", ""))))
    return Role(
        arn=role_arn,
        region=region or environ.get("AWS_REGION") or "us-east-1",
        tokens=identity_token.from_environment(environ),
        name=_NAME.sub("-", f"runner-{run}" if run else "runner")[:64],
    )


def use(role: Role) -> None:
    """Every client that is made from now on is the role's. Gets the first credentials. Raises CloudError."""
    for name in (BEARER, URL):
        os.environ.pop(name, None)
    credentials = DeferredRefreshableCredentials(refresh_using=role.renew, method=_Provider.METHOD)
    try:
        credentials.get_frozen_credentials()
    except CredentialsUnanswered as error:
        raise error.told from None
    boto3.DEFAULT_SESSION = SignedIn(role, credentials)


def _in_use() -> str:
    """The role of this process, "" where it has none of ours."""
    session = boto3.DEFAULT_SESSION
    return session.role if isinstance(session, SignedIn) else ""


class SignedIn(boto3.Session):
    """A session for all threads; the SDK's own may make only one client at a time."""

    def __init__(self, role: Role, credentials: DeferredRefreshableCredentials) -> None:
        core = Session()
        core.register_component("credential_provider", CredentialResolver([_Provider(credentials)]))
        super().__init__(botocore_session=core, region_name=role.region)
        self.role = role.arn
        self._making = threading.Lock()

    def client(self, *args: Any, **kwargs: Any) -> Any:
        with self._making:
            return super().client(*args, **kwargs)


class _Provider(CredentialProvider):
    METHOD = "assume-role-with-web-identity"

    def __init__(self, credentials: DeferredRefreshableCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> DeferredRefreshableCredentials:
        return self._credentials


def _sts(region: str) -> Any:
    """A client that signs nothing: the token is all that counts."""
    config = Config(
        signature_version=UNSIGNED,
        connect_timeout=5.0,
        read_timeout=15.0,
        retries={"mode": "standard", "total_max_attempts": 4},
        user_agent_extra="queue-runner",
    )
    return Session().create_client("sts", region_name=region, config=config)

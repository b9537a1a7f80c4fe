"""Secrets out of SSM Parameter Store and Secrets Manager. Values are in memory only, and in no message."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore import exceptions as sdk

from runner.aws.clients import Client
from runner.aws.failures import code_of
from runner.clouds.client import connect
from runner.clouds.trouble import trouble
from runner.errors import CloudBusyError, CloudError, CloudRefusedError
from runner.problems import shorten

_MISSING = {"ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException"}
_DENIED = {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"}
_KEY = {"InvalidKeyId", "DecryptionFailure", "KMSAccessDeniedException"}
_WHOM = "to whoever runs this; on a machine, in the instance profile's role"
_ACTIONS = {"ssm": "ssm:GetParameter", "secretsmanager": "secretsmanager:GetSecretValue"}


class CloudSecrets:
    """`Secrets` of AWS, with the machine's role. Nothing is connected before the first secret is read."""

    def __init__(self, connect: Callable[[str], Client] = connect) -> None:
        self._connect = connect
        self._clients: dict[str, Client] = {}

    def read(self, source: str) -> str:
        kind, _, name = source.partition(":")
        if kind == "ssm":
            asked = {"Name": name, "WithDecryption": True}
            return str(self._ask(kind, name, "get_parameter", asked)["Parameter"]["Value"])
        if kind == "secretsmanager":
            secret, _, key = name.partition("#")
            answer = self._ask(kind, secret, "get_secret_value", {"SecretId": secret})
            return _of_key(_text(answer, secret), secret, key)
        raise CloudError(f"nothing is kept at {shorten(kind)}", hint="write ssm:/path or secretsmanager:id")

    def _ask(self, kind: str, name: str, method: str, asked: Mapping[str, Any]) -> Any:
        if kind not in self._clients:
            self._clients[kind] = self._connect(kind)
        try:
            return getattr(self._clients[kind], method)(**asked)
        except (sdk.BotoCoreError, sdk.ClientError) as error:
            raise _told(kind, name, error) from error


def _told(kind: str, name: str, error: Exception) -> CloudError:
    code = code_of(error) if isinstance(error, sdk.ClientError) else ""
    if code in _MISSING:
        return CloudRefusedError(
            f"there is no {kind}:{name}", hint="create it, in the region that is used here"
        )
    if code in _DENIED:
        hint = f"allow {_ACTIONS[kind]} on it {_WHOM}"
        return CloudRefusedError(f"{kind}:{name} is denied here", hint=hint)
    if code in _KEY:
        hint = f"allow kms:Decrypt on its key {_WHOM}"
        return CloudRefusedError(f"{kind}:{name} cannot be decrypted here", hint=hint)
    told = trouble(f"read {kind}:{name}", error)
    if code and not isinstance(told, CloudBusyError):  # in AWS's words it could be anything
        return CloudRefusedError(f"cannot read {kind}:{name}: AWS refuses it ({code})")
    return told


def _text(answer: Mapping[str, Any], secret: str) -> str:
    if "SecretString" not in answer:
        raise CloudRefusedError(
            f"secretsmanager:{secret} is binary, and cannot be an environment variable",
            hint="keep a text there",
        )
    return str(answer["SecretString"])


def _of_key(text: str, secret: str, key: str) -> str:
    """The whole secret, or one value of the JSON object that it is."""
    if not key:
        return text
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get(key), str | int):
        raise CloudRefusedError(
            f"secretsmanager:{secret} has no text under the key {shorten(key)}",
            hint="it must be a JSON object with this key",
        ) from None
    return str(record[key])

"""How a bucket is set up. One small object is written below the prefix, under a name of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from botocore import exceptions as sdk

from runner.aws.clients import Client
from runner.aws.failures import code_of
from runner.clouds.account.asking import is_denied, seen, unseen
from runner.clouds.account.facts import Asked, Bucket, Refused, Unseen

T = TypeVar("T")
TRIAL = "prices/doctor"
"""Below the prefix, where the roles of the template may write, and nobody looks for more than he knows."""
_ABORTS = "AbortIncompleteMultipartUpload"
_ABSENT = {
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchLifecycleConfiguration",
}


def look(s3: Client, asked: Asked) -> Bucket | Refused | Unseen | None:
    """None where there is no such bucket."""
    try:
        head = s3.head_bucket(Bucket=asked.bucket)
    except sdk.ClientError as error:
        return _no(asked, error)
    rules = _setting(lambda: _rules(s3, asked), list[Mapping[str, Any]]())
    return Bucket(
        region=_region(head),
        encrypted=_setting(lambda: bool(s3.get_bucket_encryption(Bucket=asked.bucket)), False),
        closed=_setting(lambda: _closed(s3.get_public_access_block(Bucket=asked.bucket)), False),
        expiring=rules if isinstance(rules, Unseen) else tuple(_expiring(rules)),
        aborting=rules if isinstance(rules, Unseen) else any(_ABORTS in one for one in rules),
        conditional=seen(lambda: _refuses_a_second(s3, asked)),
    )


def _no(asked: Asked, error: sdk.ClientError) -> Refused | Unseen | None:
    code, headers = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region", "")
    if code in {"301", "PermanentRedirect", "400"} and region and region != asked.region:
        fix = f"set `aws.region: {region}`, or use a bucket of {asked.region}"
        return Refused(what=f"the bucket {asked.bucket} is in {region}, not in {asked.region}", fix=fix)
    if code in {"404", "NoSuchBucket"}:
        return None
    if is_denied(error):
        fix = "check its name: it may be somebody else's; else allow s3:ListBucket on it"
        return Refused(what=f"the bucket {asked.bucket} is not open to these credentials", fix=fix)
    return unseen(error)


def _setting(question: Callable[[], T], absent: T) -> T | Unseen:
    """`absent`: S3 has an error for what nobody set."""
    try:
        return question()
    except sdk.ClientError as error:
        return absent if code_of(error) in _ABSENT else unseen(error)
    except sdk.BotoCoreError as error:
        return unseen(error)


def _region(head: Mapping[str, Any]) -> str:
    headers = head.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(head.get("BucketRegion") or headers.get("x-amz-bucket-region") or "")


def _closed(said: Mapping[str, Any]) -> bool:
    found = said["PublicAccessBlockConfiguration"]
    names = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return all(found.get(name) for name in names)


def _rules(s3: Client, asked: Asked) -> list[Mapping[str, Any]]:
    found = s3.get_bucket_lifecycle_configuration(Bucket=asked.bucket)["Rules"]
    return [rule for rule in found if rule.get("Status") == "Enabled"]


def _expiring(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of rules that are about a prefix alone; those with tags or sizes are about some objects there only."""
    found = []
    for rule in rules:
        within = rule.get("Filter") or {}
        if ("Days" in rule.get("Expiration", {}) or "Date" in rule.get("Expiration", {})) and (
            set(within) <= {"Prefix"}
        ):
            found.append(str(within.get("Prefix", rule.get("Prefix", ""))))
    return found


def _refuses_a_second(s3: Client, asked: Asked) -> bool:
    key = f"{asked.prefix}/{TRIAL}" if asked.prefix else TRIAL
    body = b"Written by runner doctor, to see whether a second write is refused. It can be deleted.\n"
    _written(s3, asked.bucket, key, body)
    refused = not _written(s3, asked.bucket, key, body)
    try:
        s3.delete_object(Bucket=asked.bucket, Key=key)
    except sdk.ClientError as error:
        if not is_denied(error):  # who may not delete leaves it there: the next time finds it
            raise
    return refused


def _written(s3: Client, bucket: str, key: str, body: bytes) -> bool:
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except sdk.ClientError as error:
        if code_of(error) in {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}:
            return False
        raise
    return True

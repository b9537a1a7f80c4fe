"""What the SDK raises, as sentences with what to do next. Never a credential in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore import exceptions as sdk

from runner.aws.failures import (
    NOT_ACCEPTED,
    RAISED,
    TRY_NETWORK,
    UNANSWERED,
    code_of,
    misconfigured,
    status_of,
)
from runner.errors import StoreBusyError, StoreError
from runner.problems import shorten
from runner.stores.s3.location import Location

_SKEW = "this machine's clock is off by more than 15 minutes"
_REFUSALS: dict[str, tuple[str, str]] = {
    **NOT_ACCEPTED,
    **dict.fromkeys(
        ("RequestTimeTooSkewed", "RequestInTheFuture"), (_SKEW, "set the clock: timedatectl set-ntp true")
    ),
}
"""Codes of S3: what they mean, and what to do."""
_DENIED = {"AccessDenied", "AccessDeniedException", "Forbidden", "403", "AllAccessDisabled"}
_ELSEWHERE = {
    "PermanentRedirect",
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
}
_BUSY = {
    "SlowDown", "503", "ServiceUnavailable", "InternalError", "500", "RequestTimeout", "Throttling",
    "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "429", "502", "504",
    "ConditionalRequestConflict", "OperationAborted", "RequestTimeoutException", "409",
}  # fmt: skip
_ACTIONS = {
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "DeleteObject": "s3:DeleteObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
}  # everything else that is asked of S3 here is s3:PutObject


@contextmanager
def told(what: str, where: Location) -> Iterator[None]:
    """Whatever the SDK raises inside becomes a StoreError: `cannot {what} {where}: …`."""
    try:
        yield
    except RAISED as error:
        raise trouble(what, where, error) from error


def trouble(what: str, where: Location, error: Exception) -> StoreError:
    """`what`: a verb in words. Nothing of the SDK's own message is passed on: it may quote what was sent."""
    begun = f"cannot {what} {shorten(str(where), 300) if where.bucket else 'S3'}"
    if isinstance(error, sdk.ClientError):
        return _refused(begun, where, error)
    wrong = misconfigured(error)
    if wrong is not None:
        return StoreError(f"{begun}: {wrong[0]}", hint=wrong[1])
    if isinstance(error, sdk.NoRegionError):
        return StoreError(f"{begun}: no AWS region is set", hint="set AWS_REGION to the bucket's region")
    if isinstance(error, UNANSWERED):
        return StoreBusyError(f"{begun}: it does not answer ({type(error).__name__})", hint=TRY_NETWORK)
    return StoreError(f"{begun}: {type(error).__name__}", hint="check the AWS settings: aws configure list")


def _refused(begun: str, where: Location, error: sdk.ClientError) -> StoreError:
    code = code_of(error)
    if code in _REFUSALS:
        said, hint = _REFUSALS[code]
        return StoreError(f"{begun}: {said}", hint=hint)
    if code == "NoSuchBucket":
        hint = "check the name (aws.bucket), and the account"
        return StoreError(f"{begun}: there is no bucket {where.bucket}", hint=hint)
    if code in _DENIED:
        return _denied(begun, where, error)
    if code in _ELSEWHERE:
        region = _headers(error).get("x-amz-bucket-region", "")
        hint = f"set AWS_REGION={region}" if region else "set AWS_REGION to its region"
        return StoreError(f"{begun}: the bucket is in {region or 'another region'}", hint=hint)
    if code in _BUSY or status_of(error) >= 500:
        return StoreBusyError(f"{begun}: S3 asks for patience ({code})", hint="try again in a minute")
    number = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    asked = f"; S3's number for it is {number}" if number else ""
    return StoreError(f"{begun}: S3 refused {error.operation_name} ({code}){asked}")


def _headers(error: sdk.ClientError) -> Mapping[str, str]:
    return error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})


def _denied(begun: str, where: Location, error: sdk.ClientError) -> StoreError:
    """The action that is missing: S3 names it, or it follows from the call."""
    message = str(error.response.get("Error", {}).get("Message", ""))
    said = re.search(r"perform: (\w+:\w+)", message)
    action = said.group(1) if said else _ACTIONS.get(error.operation_name, "s3:PutObject")
    hint = f"allow {action} on {_resource(action, where)}"
    if action == "s3:GetObject":
        hint += (
            f", and s3:ListBucket on arn:aws:s3:::{where.bucket}: without it S3 denies what is not there too"
        )
    return StoreError(f"{begun}: {action} is denied", hint=hint)


def _resource(action: str, where: Location) -> str:
    if action == "s3:ListBucket":
        return f"arn:aws:s3:::{where.bucket}"
    return f"arn:aws:s3:::{where.bucket}/{where.prefix or '*'}"

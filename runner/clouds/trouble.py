"""What the SDK raises, as sentences with what to do next; above all: whether something may have been done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from botocore import exceptions as sdk

from runner.aws.failures import RAISED, TRY_NETWORK, UNANSWERED, code_of, misconfigured, status_of
from runner.clouds.refusals import BUSY, CAPACITY, ENDED, REFUSALS, UNSURE
from runner.errors import (
    CapacityError,
    CloudBusyError,
    CloudEndedError,
    CloudError,
    CloudRefusedError,
    CloudUnsureError,
)
from runner.problems import shorten

_SECRET = re.compile(r"(?i)(encoded authorization failure message:).*", re.DOTALL)
_LONGEST = 300


@contextmanager
def told(
    what: str, *, writes: bool = False, hints: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    """Whatever the SDK raises inside becomes a CloudError: `cannot {what}: …`.

    `writes`: what is asked inside changes something, so that a lost reply leaves it open. `hints`: what to
    do, by error code, where more is known of it here.
    """
    try:
        yield
    except RAISED as error:
        made = trouble(what, error, writes=writes)
        if isinstance(error, sdk.ClientError):
            made.hint = hints.get(code_of(error), made.hint)
        raise made from error


def trouble(what: str, error: Exception, *, writes: bool = False) -> CloudError:
    """`what`: a verb and its object, in words."""
    begun = f"cannot {what}"
    if isinstance(error, sdk.ClientError):
        return _answered(begun, error, writes=writes)
    wrong = misconfigured(error)
    if wrong is not None:
        return CloudRefusedError(f"{begun}: {wrong[0]}", hint=wrong[1])
    if isinstance(error, sdk.NoRegionError):
        return CloudRefusedError(f"{begun}: no AWS region is set", hint="set `aws.region`, or AWS_REGION")
    if isinstance(error, UNANSWERED):
        said = f"{begun}: AWS does not answer ({type(error).__name__})"
        return (CloudUnsureError if writes else CloudBusyError)(said, hint=TRY_NETWORK)
    return CloudRefusedError(
        f"{begun}: {type(error).__name__}", hint="check the AWS settings: aws configure list"
    )


def message_of(error: sdk.ClientError) -> str:
    """EC2's own words, short. What only its owner can decode is left out."""
    said = _SECRET.sub("", str(error.response.get("Error", {}).get("Message", "")))
    return shorten(" ".join(said.split()), _LONGEST).rstrip(". ")


def _answered(begun: str, error: sdk.ClientError, *, writes: bool) -> CloudError:
    code = code_of(error)
    if code in CAPACITY:
        said, hint = CAPACITY[code]
        return CapacityError(f"{begun}: {said} ({code})", hint=hint)
    if code in REFUSALS:
        said, hint = REFUSALS[code]
        refused = CloudEndedError if code == ENDED else CloudRefusedError
        return refused(f"{begun}: {said}", hint=hint)
    if code in {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"}:
        return _denied(begun, error)
    if code in BUSY:
        return CloudBusyError(f"{begun}: AWS asks for patience ({code})", hint="try again in a minute")
    if code in UNSURE or status_of(error) >= 500:
        kind = CloudUnsureError if writes else CloudBusyError
        return kind(f"{begun}: AWS had trouble of its own ({code})", hint="try again in a minute")
    return CloudRefusedError(
        f"{begun}: {message_of(error) or 'AWS refused'} ({code})", hint="correct `machine` or `aws`"
    )


def _denied(begun: str, error: sdk.ClientError) -> CloudRefusedError:
    """The action that is missing: AWS names it, or it is the call's own."""
    said = re.search(r"perform: ([a-z0-9-]+:\w+)", str(error.response.get("Error", {}).get("Message", "")))
    service = "ssm" if error.operation_name == "GetParameter" else "ec2"
    action = said.group(1) if said else f"{service}:{error.operation_name}"
    hint = f"allow {action} in the role that is used here"
    if action in {"ec2:RunInstances", "iam:PassRole"}:
        hint += ", and iam:PassRole on the instance profile's role"
    return CloudRefusedError(f"{begun}: {action} is denied", hint=hint)

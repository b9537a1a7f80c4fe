"""Whose account it is, and what the settings say of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runner.clouds.account.facts import Account, Unasked, Unseen
from runner.setup.aws.wording import TEMPLATE, unchecked
from runner.setup.facts import Aws
from runner.setup.findings import Finding, note, ok, problem, warning

_NEEDED = {
    "region": "machines and the bucket are there",
    "bucket": "runs are kept there, and machines fetch from it what to run",
    "instance_profile": "without one a machine may neither read what to run nor write what became of it",
}


def check(aws: Aws) -> Iterator[Finding]:
    yield from _settings(aws)
    if isinstance(aws.found, Unasked):
        yield _unasked(aws.found)
    else:
        yield from _account(aws.found)


def _settings(aws: Aws) -> Iterator[Finding]:
    if not aws.named:
        what = "queues ask for machines of AWS, and .github/runner.yaml names no account"
        yield problem(what, "they run nowhere", f"write `aws` there: {TEMPLATE}")
        return
    for name, why in _NEEDED.items():
        if not getattr(aws.account, name):
            yield problem(f"`aws.{name}` is not set", why, f"set it in .github/runner.yaml: {TEMPLATE}")
    if not aws.account.role:
        what = "`aws.role` is not set: no workflow launches anything"
        why = "runner launch works from here, with your own credentials; a merge starts no machine"
        yield warning(what, why, f"set it in .github/runner.yaml, then runner init: {TEMPLATE}")
    if aws.unlimited:
        what = f"no limit is set: {', '.join(f'`policy.{name}`' for name in aws.unlimited)}"
        why = "whoever may merge a queue decides what its machines are, how long they live and what they cost"
        yield warning(what, why, "set them in .github/runner.yaml")
    if aws.elsewhere:
        what = f"not checked: machines in {', '.join(aws.elsewhere)}, where queues ask for some"
        yield note(what, f"only {aws.account.region or 'the region of the account'} was looked at")


def _unasked(found: Unasked) -> Finding:
    if found.failed:
        return problem(
            found.why, "so nothing is known of the account", found.fix or "aws sts get-caller-identity"
        )
    return note(found.why, found.fix)


def _account(found: Account) -> Iterator[Finding]:
    yield ok(f"AWS knows these credentials: {found.caller.arn}")
    other = found.asked.role.split(":")[4] if found.asked.role.count(":") >= 5 else ""
    if other and other != found.caller.account:
        what = f"`aws.role` is of account {other}, and these credentials are of {found.caller.account}"
        yield warning(what, "what follows is about another account", "AWS_PROFILE=NAME runner doctor")
    if isinstance(found.enabled, Unseen):
        yield unchecked(f"the region {found.region}", found.enabled)
    elif found.enabled:
        yield ok(f"the region {found.region} is enabled")
    else:
        what = f"the account may not use the region {found.region}"
        fix = f"enable it (aws account enable-region --region-name {found.region}), or name another"
        yield problem(what, "it is not enabled, or there is none of that name", fix)

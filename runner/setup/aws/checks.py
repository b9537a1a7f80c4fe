"""Facts of AWS → findings, in groups. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runner.clouds.account.facts import Account, Unasked
from runner.setup.aws import account_checks, bucket_checks, machine_checks, network_checks, role_checks
from runner.setup.aws.trust_checks import Said
from runner.setup.facts import Aws, Facts, Online
from runner.setup.findings import Finding
from runner.setup.wanted import caller
from runner.setup.workflow import called

Group = tuple[str, list[Finding]]


def check(facts: Facts) -> Iterator[Group]:
    """Nothing where neither the settings nor a queue speak of AWS; without an account only who asks."""
    aws = facts.aws
    if aws is None:
        return
    yield "AWS", list(account_checks.check(aws))
    if aws.named and not isinstance(aws.found, Unasked):
        yield from (group for group in _groups(facts, aws, aws.found) if group[1])


def _groups(facts: Facts, aws: Aws, found: Account) -> Iterator[Group]:
    yield "AWS: the bucket", list(bucket_checks.check(found))
    said = what_tokens_say(facts)
    yield "AWS: the role of workflows", list(role_checks.of_workflows(found, said))
    yield "AWS: the role of machines", list(role_checks.of_machines(found))
    yield "AWS: the network", list(network_checks.check(found))
    yield "AWS: machines", list(machine_checks.check(found, aws))


def what_tokens_say(facts: Facts) -> Said:
    """Of jobs on the default branch: those of the cloud workflow, whatever starts it."""
    repository, online = facts.repository, facts.github
    name = repository.remote if repository is not None else ""
    callers = repository.callers if repository is not None else ()
    texts = [one.merged or one.here or "" for one in callers if one.path == caller("cloud")]
    workflow = called(texts[0]) if texts else ""
    if not isinstance(online, Online):
        return Said(repository=name, workflow=workflow)
    found = online.token_subject
    prefix = (found.prefix if found is not None else "") or f"repo:{online.repository.full_name}"
    known = found is not None and not found.keys
    return Said(
        repository=online.repository.full_name,
        subject=f"{prefix}:ref:refs/heads/{online.repository.default_branch}" if known else "",
        keys=found.keys if found is not None else (),
        repository_id=str(online.repository.id),
        workflow=workflow,
    )

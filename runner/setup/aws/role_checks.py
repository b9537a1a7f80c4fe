"""The role of the workflows and that of the machines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.clouds.account.facts import Account, Profile, Right, Role, Unseen
from runner.setup.aws import trust_checks
from runner.setup.aws.trust_checks import Said
from runner.setup.aws.wording import TEMPLATE, unchecked
from runner.setup.findings import Finding, ok, problem, warning


def of_workflows(found: Account, said: Said) -> Iterator[Finding]:
    arn, role = found.asked.role, found.role
    if not arn:
        return  # that was said
    if not (arn.startswith("arn:") and ":role/" in arn):
        what = f"`aws.role` is {arn}, which is no ARN of a role"
        yield problem(what, "no workflow can assume it", "write arn:aws:iam::ACCOUNT:role/NAME")
    elif isinstance(role, Unseen):
        yield unchecked(f"the role {arn}", role)
    elif role is None:
        fix = f"correct `aws.role`, or create it: {TEMPLATE}"
        yield problem(f"there is no role {arn}", "no workflow can launch anything", fix)
    else:
        yield from trust_checks.check(role, found.providers, said)
        yield from _allowed(f"the role {_name(role)}", role.rights, found.asked.bucket)


def of_machines(found: Account) -> Iterator[Finding]:
    name, profile = found.asked.profile, found.profile
    if not name:
        return
    if isinstance(profile, Unseen):
        yield unchecked(f"the instance profile {name}", profile)
    elif profile is None:
        what = f"there is no instance profile {name}"
        fix = f"correct `aws.instance_profile`, or create it: {TEMPLATE}"
        yield problem(what, "EC2 launches no machine with it", fix)
    else:
        yield from _profile(profile, found)


def _profile(profile: Profile, found: Account) -> Iterator[Finding]:
    role = profile.role
    if isinstance(role, Unseen):
        yield unchecked(f"the role of the instance profile {profile.name}", role)
    elif role is None:
        what = f"the instance profile {profile.name} carries no role"
        fix = f"aws iam add-role-to-instance-profile --instance-profile-name {profile.name} --role-name ROLE"
        yield problem(what, "a machine with it may do nothing at all", fix)
    else:
        yield from _carried(profile.name, role, found)


def _carried(name: str, role: Role, found: Account) -> Iterator[Finding]:
    if not any(service.startswith("ec2.") for one in role.trust if one.allows for service in one.services):
        what = f"the role {_name(role)} of the instance profile {name} is not for machines"
        why = "EC2 cannot give it to them: they would find no credentials"
        yield problem(what, why, "let ec2.amazonaws.com assume it, in its trust policy")
    rights = role.rights
    own = rights if isinstance(rights, Unseen) else [one for one in rights if not _is_foreign(one)]
    yield from _allowed(f"the role {_name(role)} of machines", own, found.asked.bucket)
    if not isinstance(rights, Unseen) and any(_is_foreign(one) and one.allowed for one in rights):
        what = f"machines may write what machines run: {_name(role)} may write below bundles/"
        why = "a job could change the program or the checkout of the next run"
        yield warning(what, why, f"allow s3:PutObject below runs/ only; {TEMPLATE}")


def _is_foreign(right: Right) -> bool:
    """What a machine is not to have."""
    return right.action == "s3:PutObject" and "/bundles/" in right.resource


def _allowed(whose: str, rights: Sequence[Right] | Unseen, bucket: str) -> Iterator[Finding]:
    if not bucket:
        return
    if isinstance(rights, Unseen):
        yield unchecked(f"what {whose} may do", rights)
        return
    missing = [one for one in rights if not one.allowed]
    for one in missing:
        what = f"{whose} may not {one.action} on {one.resource}"
        yield problem(what, "runs would stop there", f"allow it, in its policies or its boundary; {TEMPLATE}")
    if not missing:
        yield ok(f"{whose} may read and write its part of the bucket")


def _name(role: Role) -> str:
    return role.arn.rpartition("/")[2]

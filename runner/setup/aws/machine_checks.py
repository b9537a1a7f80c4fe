"""Whether the machines that queues ask for can be had. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.clouds.account.facts import Account, Kind, Network, Quota, Refused, Unseen
from runner.ports import Image
from runner.setup.aws.wording import unchecked
from runner.setup.facts import Aws
from runner.setup.findings import Finding, note, ok, problem


def check(found: Account, aws: Aws) -> Iterator[Finding]:
    yield from _images(found)
    yield from _kinds(found)
    yield from _quotas(found)
    yield from _spot(found)
    yield from _trial(found)
    if aws.unpriced:
        what = f"the table of prices knows nothing of {', '.join(aws.unpriced)} in {found.region}"
        yield note(what, "AWS is asked when a run starts; without an answer its cost is unknown")


def _images(found: Account) -> Iterator[Finding]:
    for name, image in zip(found.asked.images, found.images, strict=True):
        if isinstance(image, Unseen):
            yield unchecked(f"the image {name}", image)
        elif isinstance(image, Refused):
            yield problem(
                image.what, "no machine boots without it", image.fix or "correct the region, or `machine.ami`"
            )
        else:
            yield ok(_image(name, image))


def _image(name: str, image: Image) -> str:
    return f"the image {image.id}, for {image.architecture}" + (f" ({name})" if name != image.id else "")


def _kinds(found: Account) -> Iterator[Finding]:
    if isinstance(found.kinds, Unseen):
        yield unchecked("the types of machines", found.kinds)
        return
    known = {one.name: one for one in found.kinds}
    good = []
    for name in found.asked.types:
        finding = _kind(name, known.get(name), found)
        if finding is None:
            good.append(name)
        else:
            yield finding
    if good:
        yield ok(f"to be had in {found.region}: {', '.join(good)}")


def _kind(name: str, kind: Kind | None, found: Account) -> Finding | None:
    fix = "correct `machine.type` or `machine.fallback`"
    if kind is None or not kind.zones:
        return problem(f"there are no machines {name} in {found.region}", "EC2 refuses to launch one", fix)
    own = _zones(found)
    if own and not own & set(kind.zones):
        what = f"{name} is not to be had in {', '.join(sorted(own))}, where the subnets are"
        fix = f"add a subnet in {', '.join(kind.zones)} to `aws.subnets`, or name another type"
        return problem(what, "EC2 refuses to launch one", fix)
    return None


def _zones(found: Account) -> set[str]:
    return {one.zone for one in found.network.subnets} if isinstance(found.network, Network) else set()


def _quotas(found: Account) -> Iterator[Finding]:
    if isinstance(found.quotas, Unseen):
        yield unchecked("the quotas", found.quotas)
        return
    sizes = {} if isinstance(found.kinds, Unseen) else {one.name: one.vcpus for one in found.kinds}
    for quota in found.quotas:
        yield _quota(quota, sizes, found.region)


def _quota(quota: Quota, sizes: Mapping[str, int], region: str) -> Finding:
    if isinstance(quota.vcpus, Unseen):
        return unchecked(f"the quota for {quota.name} ({quota.name.code})", quota.vcpus)
    least = min((sizes[name] for name in quota.types if name in sizes), default=1)
    if quota.vcpus >= least:
        return ok(f"the quota for {quota.name}: {quota.vcpus:g} vCPUs at once")
    what = f"the quota for {quota.name} is {quota.vcpus:g} vCPUs, and {', '.join(quota.types)} needs {least}"
    why = "EC2 refuses to launch one; a new account has 0 for GPUs"
    return problem(what, why, f"ask for more, it takes hours or days: {quota.name.page(region)}")


def _spot(found: Account) -> Iterator[Finding]:
    if not found.asked.spot:
        return
    if isinstance(found.spot_role, Unseen):
        yield unchecked("the account's role for spot machines", found.spot_role)
    elif found.spot_role:
        yield ok("the account has the role for spot machines")
    else:
        fix = "once: aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
        what = "the account has no role for spot machines (AWSServiceRoleForEC2Spot)"
        yield problem(what, "EC2 refuses the first one to whoever may not create it", fix)


def _trial(found: Account) -> Iterator[Finding]:
    if isinstance(found.trial, Unseen):
        yield unchecked("a launch that is only tried", found.trial)
    elif isinstance(found.trial, Refused):
        yield problem(
            f"a launch was tried, without launching: {found.trial.what}",
            "a launch would end the same way",
            found.trial.fix or "see docs/aws.md of runner",
        )
    elif found.trial:
        yield ok(f"EC2 would launch {found.asked.types[0]} for these credentials")

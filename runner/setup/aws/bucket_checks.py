"""Where runs are kept. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runner.clouds.account.facts import Account, Bucket, Refused, Unseen
from runner.setup.aws.wording import TEMPLATE, unchecked
from runner.setup.findings import Finding, ok, problem, warning


def check(found: Account) -> Iterator[Finding]:
    name, bucket = found.asked.bucket, found.bucket
    if not name:
        return  # that was said
    if isinstance(bucket, Unseen):
        yield unchecked(f"the bucket {name}", bucket)
    elif isinstance(bucket, Refused):
        yield problem(bucket.what, "runs are kept there", bucket.fix)
    elif bucket is None:
        fix = f"correct `aws.bucket`, or create it: {TEMPLATE}"
        yield problem(f"there is no bucket {name}", "runs are kept there", fix)
    else:
        yield from _there(bucket, found)


def _there(bucket: Bucket, found: Account) -> Iterator[Finding]:
    name = found.asked.bucket
    if bucket.region and bucket.region != found.region:
        what = f"the bucket {name} is in {bucket.region}, not in {found.region}"
        yield problem(
            what, "requests for it are refused", f"set `aws.region: {bucket.region}`, or another bucket"
        )
    else:
        yield ok(f"the bucket {name} is there, in {bucket.region or found.region}")
    yield from _conditional(bucket, name)
    yield from _kept(bucket, found)
    yield from _setting(
        "whether it is closed", bucket.closed, "it cannot be made public",
        warning(f"the bucket {name} may be made public", "what jobs print and produce is in it",
                f"aws s3api put-public-access-block, with all four settings; {TEMPLATE}"),
    )  # fmt: skip
    yield from _setting(
        "its encryption", bucket.encrypted, "what is in it is encrypted",
        warning(f"the bucket {name} says nothing of encryption", "a policy of the account may ask for it",
                f"aws s3api put-bucket-encryption; {TEMPLATE}"),
    )  # fmt: skip


def _conditional(bucket: Bucket, name: str) -> Iterator[Finding]:
    yield from _setting(
        "whether it may be written, once under each name", bucket.conditional,
        "it may be written, and a second write under one name is refused",
        problem(f"the bucket {name} takes a second write under one name",
                "two machines could write one log, and neither would know",
                "it does not honour If-None-Match: use a bucket of AWS S3, or a server that does"),
    )  # fmt: skip


def _kept(bucket: Bucket, found: Account) -> Iterator[Finding]:
    runs = f"{found.asked.prefix}/runs/".lstrip("/")
    expiring = bucket.expiring
    yield from _setting(
        "how long runs are kept",
        expiring if isinstance(expiring, Unseen) else any(runs.startswith(prefix) for prefix in expiring),
        "old runs are deleted by a lifecycle rule",
        warning(f"nothing ever deletes runs: no lifecycle rule is about {runs}",
                "logs and results of every run are kept, and paid for", f"add one: {TEMPLATE}"),
    )  # fmt: skip
    if bucket.aborting is False:
        what = "uploads that were never finished are kept for ever"
        yield warning(what, "they are paid for, and shown nowhere", f"add a lifecycle rule: {TEMPLATE}")


def _setting(what: str, found: bool | Unseen, well: str, ill: Finding) -> Iterator[Finding]:
    if isinstance(found, Unseen):
        yield unchecked(what, found)
    else:
        yield ok(well) if found else ill

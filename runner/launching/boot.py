"""The user data of a machine: a fixed template with values in it, each checked. Pure but for the template."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from runner import resources
from runner.errors import RunnerError, UsageError
from runner.launching.account import Account, run_name
from runner.launching.naming import Purpose
from runner.problems import shorten

METADATA = "http://169.254.169.254"
HOME = "/opt/runner"
_PLACE = re.compile(r"@([A-Z][A-Z0-9_]*)@")
_URL = r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._/-]*)?"
_PATTERNS = {
    "TTL_MINUTES": r"[1-9]\d{0,6}",
    "TTL_SECONDS": r"[1-9]\d{0,8}",
    "METADATA": _URL,
    "HOME": r"/[A-Za-z0-9._/-]+",
    "REGION": r"[a-z]{2}(-[a-z]+)+-\d+",
    "ENDPOINT": rf"({_URL})?",
    "RUN_ID": r"[A-Za-z0-9._-]+",
    "RUN_URL": r"s3://[a-z0-9.-]+/[A-Za-z0-9._/-]+",
    "GENERATION": r"[1-9]\d{0,8}",
    "BUNDLE_URL": _URL,
    "BUNDLE_SHA256": r"[0-9a-f]{64}",
    "LOG_URL": _URL,
}
"""What each value looks like, whole. None can end a quoted word of the shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What the machine runs: a `.tar.gz` with a `__main__.py` at its top. `name` below the account's prefix.

    It is started as `python -I FOLDER --run URL --generation N --ttl SECONDS`.
    """

    name: str
    sha256: str


def user_data(
    purpose: Purpose,
    account: Account,
    bundle: Bundle,
    *,
    endpoint: str = "",
    metadata: str = METADATA,
    home: str = HOME,
) -> str:
    """`endpoint`: where AWS is, if not at AWS. Raises UsageError where a value is not fit for it."""
    return render(
        {
            "TTL_MINUTES": str(math.ceil(purpose.ttl / 60)),
            "TTL_SECONDS": str(math.ceil(purpose.ttl)),
            "METADATA": metadata,
            "HOME": home,
            "REGION": account.region,
            "ENDPOINT": endpoint,
            "RUN_ID": purpose.run_id,
            "RUN_URL": account.run_url(purpose.run_id),
            "GENERATION": str(purpose.generation),
            "BUNDLE_URL": object_url(account, bundle.name, endpoint),
            "BUNDLE_SHA256": bundle.sha256,
            "LOG_URL": object_url(account, f"{run_name(purpose.run_id)}/boot/{purpose.generation}", endpoint),
        }
    )


def render(values: dict[str, str]) -> str:
    """The template with each place filled: no more values than places, and no fewer."""
    template = resources.path("templates", "boot/user-data.sh").read_text(encoding="utf-8")
    places = set(_PLACE.findall(template))
    if places != set(values) or places != set(_PATTERNS):
        different = ", ".join(sorted(places ^ set(values)))
        raise RunnerError(f"the template of the user data and its values differ: {different}")
    for name, value in values.items():
        if not re.fullmatch(_PATTERNS[name], value, re.ASCII):
            called = name.lower().replace("_", " ")
            raise UsageError(
                f"{shorten(value) or 'nothing'} cannot be given to a machine as {called}",
                hint="use only letters, digits, `.`, `_`, `-` and `/` in `aws` of .github/runner.yaml",
            )
    return _PLACE.sub(lambda found: values[found.group(1)], template)


def object_url(account: Account, name: str, endpoint: str) -> str:
    """An object's address for a client that knows nothing of buckets.

    By its path where the bucket's name would not fit a certificate, and where the endpoint is one's own.
    """
    key = account.key(name)
    if endpoint:
        return f"{endpoint.rstrip('/')}/{account.bucket}/{key}"
    domain = f"s3.{account.region}.amazonaws.com{'.cn' if account.region.startswith('cn-') else ''}"
    if "." in account.bucket:
        return f"https://{domain}/{account.bucket}/{key}"
    return f"https://{account.bucket}.{domain}/{key}"

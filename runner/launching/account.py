"""Where in AWS machines live and runs are kept: what the configuration says under `aws`."""

from __future__ import annotations

from dataclasses import dataclass

RUNS = "runs"
"""Below the prefix of an account: a folder for each run, by its id."""


def run_name(run_id: str) -> str:
    """A run's own place, below the account's."""
    return f"{RUNS}/{run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """ "" where the configuration says nothing. `prefix` has no slash at either end.

    `role`, an ARN: whoever launches from a workflow; the machines have the role of `instance_profile`.
    """

    region: str = ""
    bucket: str = ""
    prefix: str = ""
    instance_profile: str = ""
    subnets: tuple[str, ...] = ()
    security_group: str = ""
    role: str = ""

    def key(self, name: str) -> str:
        """The key of what is kept under a relative name."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def url(self) -> str:
        """Where all of it is, `s3://BUCKET/PREFIX`; "" where the configuration names no bucket."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/") if self.bucket else ""

    def run_url(self, run_id: str) -> str:
        return f"s3://{self.bucket}/{self.key(run_name(run_id))}"

"""What the commands share that reach into the cloud: its account, as this checkout configures it."""

from __future__ import annotations

from pathlib import Path

from runner import config
from runner.cli.options import environ
from runner.cli.terminal import progress, say
from runner.errors import NotFoundError, UsageError
from runner.launching.account import RUNS
from runner.machines.site import Site, open_site
from runner.problems import Severity
from runner.setup.git import ask
from runner.setup.source import github_repository
from runner.stores.s3 import Location

ELSEWHERE = "local/"
"""How the name of a repository begins that is on no forge."""


def site_of(checkout: Path) -> Site:
    """Raises UsageError where the configuration says too little, or is broken."""
    found, problems = config.read(checkout)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise UsageError(
            f"{errors[0].location or config.PLACE}: {errors[0].message}", hint=f"correct {config.PLACE}"
        )
    return open_site(
        found.account,
        repository_name(checkout),
        environ(),
        policy=found.policy,
        notice=lambda sentence: say(f"runner: {sentence}"),
        shown=progress,
    )


def repository_name(checkout: Path) -> str:
    """OWNER/NAME on GitHub; elsewhere the folder's name. Machines of others are never touched."""
    said = environ().get("GITHUB_REPOSITORY", "")
    return (
        said
        or github_repository(ask(checkout, "config", "remote.origin.url"))
        or f"{ELSEWHERE}{checkout.name}"
    )


def run_id_at(url: str, site: Site) -> str:
    """The run that an `s3://` URL names. Raises NotFoundError for one of another account."""
    where = Location.parse(url)
    if where.prefix == site.account.key(RUNS):
        raise UsageError(
            f"{url} is where the runs are, and none of them",
            hint=f"list them: runner runs {url.rstrip('/')}; then write {site.account.run_url('RUN_ID')}",
        )
    if str(site.run(where.name).where) != str(where):
        raise NotFoundError(
            f"{url} is not below {site.account.run_url('')}, which this checkout is configured for",
            hint="correct the URL, or run this in the checkout whose .github/runner.yaml names that place",
        )
    return where.name

"""What the commands share that reach into the cloud: its account, as this checkout configures it."""

from __future__ import annotations

from pathlib import Path

from runner import config
from runner.cli.options import environ
from runner.cli.terminal import say
from runner.errors import NotFoundError, UsageError
from runner.machines.site import Site, open_site
from runner.problems import Severity
from runner.setup.git import ask
from runner.setup.source import github_repository
from runner.stores.s3 import Location


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
    )


def repository_name(checkout: Path) -> str:
    """OWNER/NAME on GitHub; elsewhere the folder's name. Machines of others are never touched."""
    said = environ().get("GITHUB_REPOSITORY", "")
    return said or github_repository(ask(checkout, "config", "remote.origin.url")) or f"local/{checkout.name}"


def run_id_at(url: str, site: Site) -> str:
    """The run that an `s3://` URL names. Raises NotFoundError for one of another account."""
    where = Location.parse(url)
    if str(site.run(where.name).where) != str(where):
        raise NotFoundError(
            f"{url} is not below {site.account.run_url('')}, which this checkout is configured for",
            hint="run this in the checkout of the run's repository",
        )
    return where.name

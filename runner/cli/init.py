"""`runner init`: put the GitOps loop into a git repository."""

from __future__ import annotations

from pathlib import Path

import click

from runner.errors import SUCCEEDED, UsageError
from runner.problems import shorten
from runner.setup import git, initialise, lines, source, telling


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--source",
    "named",
    metavar="OWNER/REPO@SHA",
    help="Whose workflows are called, at which commit (default: where this program was installed from, "
    "else what the workflows that are there call).",
)
@click.option("--owner", default="", metavar="@ORG/TEAM", help="Who must approve changes, for CODEOWNERS.")
@click.option("--branch", default="", metavar="NAME", help="The default branch (default: what git knows).")
@click.option(
    "--cloud", is_flag=True, help="With the workflow for machines of AWS (default: with `aws.role`)."
)
@click.option("--force", is_flag=True, help="Replace workflows that were changed; never settings or queues.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
def init(
    folder: str, named: str | None, owner: str, branch: str, *, cloud: bool, force: bool, dry_run: bool
) -> int:
    """Put the GitOps loop into a git repository.

    Writes five small workflows (a sixth where machines of AWS are set up), the settings, an example queue,
    and lines in CODEOWNERS and .gitignore into the repository that DIR is in. It can be run again at any
    time: what you changed is left alone and shown, and what an older version wrote is brought up to date.
    """
    if owner and not lines.is_owner(owner):
        raise UsageError(
            f"--owner {shorten(owner)} is no @login, @org/team or address",
            hint="write --owner @ORG/TEAM: who has to approve changes of .github/ and templates/",
        )
    root = initialise.top(Path(folder))
    request = initialise.Request(
        root=root,
        source=source.parse(named) if named is not None else _source(root),
        branch=branch or git.default_branch(root),
        owner=owner,
        force=force,
        cloud=cloud,
    )
    found = initialise.steps(request)
    if not dry_run:
        initialise.carry_out(root, found)
    click.echo(telling.steps(found, dry_run=dry_run))
    click.echo()
    elsewhere = source.is_elsewhere(git.ask(root, "remote", "get-url", "origin"))
    click.echo(telling.left_to_do(found, request.source, request.branch, elsewhere=elsewhere))
    return SUCCEEDED


def _source(root: Path) -> source.Source:
    """Raises UsageError where neither the installation nor the repository says it."""
    try:
        return source.installed()
    except UsageError:
        before = initialise.source_before(root)
        if before is None:
            raise
        return before

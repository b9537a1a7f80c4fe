"""The table of commands, and a click group that imports a command's module when that command is asked for."""

from __future__ import annotations

import difflib
import importlib

import click

from runner import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "validate": ("check:validate", "Say everything that is wrong with queue files, at once."),
    "plan": ("plan:plan", "Show what a queue file would run, without running it."),
    "run": ("run:run", "Run a queue here."),
    "resume": ("again:resume", "Go on with a run that was interrupted."),
    "retry": ("again:retry", "Run the failed jobs of a run again, and what depends on them."),
    "cancel": ("cancel:cancel", "Stop a run, or some jobs of it; its cleanup still runs."),
    "runs": ("runs:runs", "List the runs of this checkout."),
    "status": ("status:status", "Show how a run stands."),
    "logs": ("logs:logs", "Show what a job wrote."),
    "results": ("results:results", "List or copy the result files and logs of a run."),
    "report": ("report:report", "Write the report of a run."),
    "launch": ("launch:launch", "Run a queue on a machine of the cloud."),
    "follow": ("follow:follow", "Show a run in the cloud on GitHub, while it runs."),
    "reconcile": ("reconcile:reconcile", "Bring every run in the cloud up to date."),
    "reap": ("reap:reap", "End machines in the cloud that work for no run."),
    "template": ("template:template", "Start a queue from a template."),
    "demo": ("demo:demo", "Play the whole loop of a pull request on this machine."),
    "init": ("init:init", "Put the GitOps loop into a git repository."),
    "github": ("github:github", "What the workflows call, in a step of GitHub Actions."),
    "doctor": ("doctor:doctor", "Say what is missing here, on GitHub, at AWS, each with its fix."),
}
"""Name → where in `runner.cli` it is, and its line in the help (the first line of its own help)."""


class LazyGroup(click.Group):
    """Knows its commands by name; everything else about one is asked of its own module."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        # Imported here, because each command brings its own heavy libraries and only one is used.
        command = getattr(importlib.import_module(f"runner.cli.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  for the type checker
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            ctx.fail(f"there is no command {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="RUN is a run's id, the beginning of one, its directory, or s3://BUCKET/PREFIX/runs/RUN_ID; "
    "without it the newest run here is meant. "
    "Exit codes: 0 succeeded or valid, 1 the run failed or problems were found, 2 wrong usage, 3 not found, "
    "4 operational, 70 a bug, 130 interrupted (the run can be resumed).",
)
@click.version_option(__version__, prog_name="runner")
def root() -> None:
    """Validate, plan and run queues: YAML files that describe a DAG of shell jobs."""

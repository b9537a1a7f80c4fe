"""What every test run has in common: tiers left out are named, and skips can be made to fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.aws import aws, aws_endpoint  # noqa: F401  fixtures for everybody
from tests.project import Project

TIERS = ("act", "slow", "node", "root", "qemu", "wheel")
"""Markers that the default selection (`addopts` in pyproject.toml) leaves out. `.ci/run` runs them all."""
BY_HAND = "smoke"
"""One that costs money in an account of one's own: nobody but a person runs it."""

# How long one example takes says how busy the machine is. The time of a whole test has a limit of its own.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty folder in which the real command runs."""
    made = Project(tmp_path)
    yield made
    made.close()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: one more than there are processors, since many tests wait for processes of theirs."""
    return (os.cpu_count() or 1) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a test that was skipped makes the run fail")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = [tier for tier in TIERS if f"not {tier}" in config.option.markexpr]
    if left_out:
        commands = ", ".join(f"pytest -m {tier}" for tier in left_out)
        terminalreporter.write_line(
            f"left out: {', '.join(left_out)} (run with: {commands}; .ci/run runs all); "
            f"{BY_HAND}, which needs an account of AWS and is run by hand (docs/aws.md)"
        )
    if config.option.no_skips and _skipped(terminalreporter):
        terminalreporter.write_line(
            f"FAILED: {len(_skipped(terminalreporter))} skipped, and --no-skips allows none", red=True
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.option.no_skips and reporter and _skipped(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped(reporter: pytest.TerminalReporter) -> list[object]:
    return [*reporter.stats.get("skipped", []), *reporter.stats.get("xfailed", [])]

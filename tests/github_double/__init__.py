"""A GitHub for tests: it remembers, checks every request and reply, and has the moods of the real one.

with serving(Double(clock)) as double:
    double.token("secret")                     # the workflow's own
    double.fail(status=502, operation="issues/*", times=2)
    …ask double.api…
    assert double.violations == []
"""

from tests.github_double.double import Call, Double
from tests.github_double.faults import Fault
from tests.github_double.limits import Limits
from tests.github_double.server import serving
from tests.github_double.world import BOT, Artifact, Comment, Pull, WorkflowRun, World

__all__ = [
    "BOT",
    "Artifact",
    "Call",
    "Comment",
    "Double",
    "Fault",
    "Limits",
    "Pull",
    "WorkflowRun",
    "World",
    "serving",
]

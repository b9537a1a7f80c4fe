"""The doors into the world: small Protocols that the shell uses and adapters implement.

Every port has an embedded implementation (local processes, a directory, the machine's clock), and
one contract test suite runs against all implementations of a port.
"""

from __future__ import annotations

from runner.ports.cloud import Cloud, Image, Instance, LaunchRequest
from runner.ports.execution import Clock, Executor, Exit, Running, Spec
from runner.ports.forge import (
    Administration,
    Artifact,
    CodeHost,
    Comment,
    Conversation,
    Forge,
    Lookup,
    PullRequest,
    RepositoryFacts,
    Status,
    Subject,
    WorkflowFile,
    WorkflowRun,
    Workflows,
)
from runner.ports.secrets import Secrets
from runner.ports.storage import Store

__all__ = [
    "Administration",
    "Artifact",
    "Clock",
    "Cloud",
    "CodeHost",
    "Comment",
    "Conversation",
    "Executor",
    "Exit",
    "Forge",
    "Image",
    "Instance",
    "LaunchRequest",
    "Lookup",
    "PullRequest",
    "RepositoryFacts",
    "Running",
    "Secrets",
    "Spec",
    "Status",
    "Store",
    "Subject",
    "WorkflowFile",
    "WorkflowRun",
    "Workflows",
]

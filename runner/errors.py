"""Every way in which the program itself can fail, with its exit code.

A mistake in a user's file is a value (`runner.problems.Problem`), a job that fails is an event;
what is here is the rest: something outside did not do what it was asked. Raised anywhere, caught
only in the doors, which print `message`, then `hint`, and exit with `exit_code`. Anything else
that reaches a door is a bug (exit code 70).
"""

from __future__ import annotations

SUCCEEDED = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
OPERATIONAL = 4
BUG = 70
INTERRUPTED = 130


class RunnerError(Exception):
    """What happened, in one sentence, and what to do next, in another. Never holds a secret."""

    exit_code = OPERATIONAL

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RunnerError):
    """The command line asks for something that cannot be."""

    exit_code = USAGE


class NotFoundError(RunnerError):
    """A file, run or job that does not exist."""

    exit_code = NOT_FOUND


class StoreError(RunnerError):
    """The run's directory or bucket cannot be read or written."""


class ExecutorError(RunnerError):
    """Jobs cannot be started or watched here at all (a job that fails is not this)."""


class LogError(RunnerError):
    """The event log says something that no runner writes."""


class PlanError(RunnerError):
    """`plan.json` is not a plan, or one of a newer runner."""


class RunIsLiveError(RunnerError):
    """Another process holds this run."""


class RefusedError(RunnerError):
    """The request is understood and will not be done (exit code 1)."""

    exit_code = FAILED


class ForgeError(RunnerError):
    """The forge (GitHub) did not do what it was asked. Never holds the token."""


class ForgeRefusedError(ForgeError):
    """The forge will not: a permission is missing, a conversation is locked, the repository is archived."""


class ForgeNotFoundError(ForgeError):
    """What was asked for is not there, or not for this token."""

    exit_code = NOT_FOUND


class ForgeBusyError(ForgeError):
    """A limit of the forge. Nothing is to be asked of it before `until` (seconds since the epoch)."""

    def __init__(self, message: str, *, until: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.until = until


class ForgeUnreachedError(ForgeError):
    """No reply, however often it was asked: the network, a proxy, or the forge is down."""


class ForgeUnsureError(ForgeError):
    """A write was sent and its reply lost: it may have been carried out. Look before you repeat it."""


class StoreBusyError(StoreError):
    """The store did not answer, or asked for patience. The same call may succeed later.

    A write may have been carried out all the same: what is repeated must be the same to the byte.
    """


class FencedError(StoreError):
    """A newer generation writes this run's log. Whoever is told so ends its jobs, and writes nothing more."""


class CloudError(RunnerError):
    """The cloud did not do what it was asked."""


class CapacityError(CloudError):
    """Definitely nothing was launched: no machine of this kind is to be had here, now, for this account.

    Another type, market or subnet may be.
    """


class CloudRefusedError(CloudError):
    """Definitely nothing was done, and it would be refused again: a right or a setting is wrong."""


class CloudEndedError(CloudRefusedError):
    """The machine that this very request once gave has ended: another one takes another request."""


class CloudBusyError(CloudError):
    """Definitely nothing was done: the cloud asks for patience. The same request may succeed later."""


class CloudUnsureError(CloudError):
    """A request was sent and its reply lost: it may have been carried out. Look before you ask for more."""

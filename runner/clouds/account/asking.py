"""Many questions at once, within one time; what is denied or not answered is `Unseen`, never an error."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from botocore import exceptions as sdk

from runner.aws.failures import RAISED, code_of
from runner.clouds.account.facts import Refused, Unseen
from runner.errors import CloudBusyError, CloudError

T = TypeVar("T")
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "403"}


class Asking:
    """All that is asked is answered, or not waited for any more, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def ask(self, question: Callable[[], T]) -> Callable[[], T | Unseen]:
        """Begin; what comes back waits for the answer. A bug in the question is raised there."""
        box: queue.SimpleQueue[T | Unseen | BaseException] = queue.SimpleQueue()

        def answer() -> None:
            try:
                box.put(seen(question))
            except BaseException as error:  # noqa: BLE001  raised again where somebody waits
                box.put(error)

        # A daemon: nobody waits for AWS after the time is over, not even the end of the program.
        threading.Thread(target=answer, daemon=True).start()
        return lambda: self._take(box)

    def _take(self, box: queue.SimpleQueue[T | Unseen | BaseException]) -> T | Unseen:
        try:
            found = box.get(timeout=max(self._until - time.monotonic(), 0.001))
        except queue.Empty:
            return Unseen(why=f"AWS did not answer within {self._seconds:g} s")
        if isinstance(found, BaseException):
            raise found
        return found


def seen(question: Callable[[], T]) -> T | Unseen:
    """The answer, or why there is none."""
    try:
        return question()
    except RAISED as error:
        return unseen(error)


def judged(question: Callable[[], T]) -> T | Refused | Unseen:
    """Of the port `Cloud`: the answer, its no in a sentence, or why there is neither."""
    try:
        return question()
    except CloudError as error:
        cause = error.__cause__
        if isinstance(cause, sdk.ClientError) and is_denied(cause):
            return unseen(cause)
        if isinstance(error, CloudBusyError):
            return Unseen(why=error.message)
        return Refused(what=error.message, fix=error.hint)


def is_denied(error: sdk.ClientError) -> bool:
    return code_of(error) in _DENIED


def unseen(error: Exception) -> Unseen:
    if not isinstance(error, sdk.ClientError):
        return Unseen(why=f"AWS did not answer ({type(error).__name__})")
    if is_denied(error):
        return Unseen(why=f"{error.operation_name} is denied to these credentials")
    return Unseen(why=f"{error.operation_name} is not answered here ({code_of(error)})")

"""What GitHub's refusals mean: pure, from a status, headers and a message to an error or a pause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from runner.errors import ForgeError, ForgeNotFoundError, ForgeRefusedError

SECONDARY = ("secondary rate limit", "abuse detection")
SECONDARY_PAUSE = 60.0
"""What GitHub asks for where it names no time; doubled each time it says so again."""
_LONGEST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply that is no success. `headers` have lower-case names, `message` is what its JSON says."""

    status: int
    headers: Mapping[str, str]
    message: str = ""
    details: tuple[str, ...] = ()


def pause(reply: Reply, now: float, before: int) -> float | None:
    """Seconds until the same request may be tried again, because GitHub only said "later".

    None: it is no matter of time. Such a reply means that nothing was carried out, so any request may be
    repeated. `before`: how often this request was told so already.
    """
    if reply.status not in {403, 429}:
        return None
    after = retry_after(reply.headers.get("retry-after", ""), now)
    if after is not None:
        return after
    if reply.headers.get("x-ratelimit-remaining") == "0":
        reset = reply.headers.get("x-ratelimit-reset", "")
        return max(1.0, float(reset) - now) if reset.isascii() and reset.isdigit() else SECONDARY_PAUSE
    if reply.status == 429 or any(words in reply.message.lower() for words in SECONDARY):
        return min(SECONDARY_PAUSE * 2.0**before, _LONGEST_PAUSE)
    return None


def retry_after(value: str, now: float) -> float | None:
    """`Retry-After` in seconds from now; None where it is missing or says nothing."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError):
        return None


def error(reply: Reply, doing: str) -> ForgeError:
    """`doing` goes on after "cannot": `set the status runner/x of 1a2b3c4`."""
    said = "; ".join(part for part in (reply.message, *reply.details) if part)
    because = f": {said}" if said else ""
    match reply.status:
        case 401:
            return ForgeError(
                f"cannot {doing}: GitHub does not accept the token (wrong, revoked or expired)",
                hint="a workflow's token ends with its job; run the workflow again",
            )
        case 403:
            return _forbidden(reply, doing, because)
        case 404 | 410:
            return ForgeNotFoundError(
                f"cannot {doing}: it is not there, or the token may not see it",
                hint="check the name, and that the token's repository is this one",
            )
        case 422:
            return ForgeError(f"cannot {doing}: GitHub does not take it{because}")
        case status if status >= 500:
            return ForgeError(
                f"cannot {doing}: GitHub is in trouble ({status})",
                hint="see githubstatus.com, and run it again",
            )
    return ForgeError(f"cannot {doing}: GitHub answered {reply.status}{because}")


def _forbidden(reply: Reply, doing: str, because: str) -> ForgeError:
    needed = reply.headers.get("x-accepted-github-permissions", "")
    lacks_right = "not accessible by" in reply.message
    if lacks_right and needed:
        either = " or ".join(part.strip().replace("=", ": ").replace("_", "-") for part in needed.split(";"))
        return ForgeRefusedError(
            f"cannot {doing}: the token lacks a permission ({either})",
            hint="give it under `permissions:` of the workflow's job; a fork's pull request never gets it",
        )
    if lacks_right:
        return ForgeRefusedError(
            f"cannot {doing}: the token lacks a permission", hint="check `permissions:` of the workflow's job"
        )
    return ForgeRefusedError(f"cannot {doing}: GitHub refuses{because}")

"""Whether what is about to run is what was reviewed: digests of plans against the one a review showed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.gitops.merge.due import Due
from runner.gitops.merge.planned import Planned
from runner.gitops.plan.digests import agreed


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file that is due, as it would run in `folder`. `pull` is its pull request's number, 0 for none."""

    due: Due
    planned: Planned
    folder: Path

    @property
    def pull(self) -> int:
        return self.due.pull.number if self.due.pull is not None else 0


def digest_of(candidates: Iterable[Candidate]) -> str:
    """What a review of these files together shows; "" where one of them has no plan.

    Those that only wait for their params are in no review's digest.
    """
    plans = [candidate.planned.plan for candidate in candidates if not candidate.planned.needs]
    known = [plan for plan in plans if plan is not None]
    return agreed(known) if len(known) == len(plans) else ""


def disagreements(candidates: Sequence[Candidate], reviewed: Mapping[int, str | None]) -> dict[int, str]:
    """By pull request: a sentence where its files are not what was reviewed.

    `reviewed` has the digest that each pull request showed, None where it showed none. Files without a pull
    request were never reviewed here, and nothing is compared.
    """
    found: dict[int, str] = {}
    for number in dict.fromkeys(c.pull for c in candidates if c.pull):
        digest = digest_of(c for c in candidates if c.pull == number)
        shown = reviewed.get(number)
        if all(c.planned.needs for c in candidates if c.pull == number):
            continue
        if shown is None:
            found[number] = "no plan of it was reviewed"
        elif not digest:
            found[number] = "another file of its pull request cannot be planned, which was reviewed"
        elif digest != shown:
            found[number] = "it is not the plan that was reviewed"
    return found

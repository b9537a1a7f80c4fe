"""A size budget that knows the structure of what it cuts.

A text is made of sections, each in several complete forms from the fullest to the shortest. What does not
fit is never cut in the middle: a section takes its next form, so every fence and tag stays closed. What is
given up first is what succeeded, then the ends of logs; the verdict and what failed always have a form that
fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

LIMIT = 60_000
"""UTF-16 units of a comment: GitHub takes 65,536 characters, and may count one outside the first plane twice.

A unit is at most three bytes of UTF-8, so this is also less than 250,000 bytes.
"""

_NOTE = 500
"""More than what a layout says about one missing section: it is longer by this without it."""
ESSENTIAL = 100
"""The rank of what is never left out: such a section has a last form that says the same, shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`forms` go from the fullest to the shortest; without a last "" the section never goes away.

    The lowest `rank` is the first to give up room. Where the form is "", `title` says what was left out; a
    section without a title is not missed.
    """

    name: str
    rank: int
    forms: tuple[str, ...]
    title: str = ""


Layout = Callable[[Mapping[str, str], Sequence[str]], str]
"""Puts the forms that were chosen (by section name) in their places, and says what is left out."""


def fit(sections: Sequence[Section], layout: Layout, *, limit: int = LIMIT) -> str:
    """The text, at most `limit` UTF-16 units long: all of it, or each section as full as there is room for,
    those of the highest rank first (of one rank the first).

    Where even the shortest forms are too long, the text is the shortest there is: forms are made so that this
    does not happen with `LIMIT`, and tests hold them to it.
    """
    text = _laid_out(sections, [0] * len(sections), layout)
    if size(text) <= limit:
        return text
    chosen = [len(section.forms) - 1 for section in sections]
    text = _laid_out(sections, chosen, layout)
    for i in sorted(range(len(sections)), key=lambda i: -sections[i].rank):
        forms = sections[i].forms
        for form in range(len(forms) - 1):
            if size(text) + size(forms[form]) - size(forms[-1]) > limit + _NOTE:
                continue
            trial = _laid_out(sections, [*chosen[:i], form, *chosen[i + 1 :]], layout)
            if size(trial) <= limit:
                chosen[i], text = form, trial
                break
    return text


def joined(forms: Mapping[str, str], left_out: Sequence[str]) -> str:
    """The plainest layout: one section after the other, and a line about what is missing."""
    texts = [text for text in forms.values() if text]
    if left_out:
        texts.append(missing(left_out))
    return "\n\n".join(texts) + "\n"


def missing(left_out: Sequence[str]) -> str:
    """`_Left out, too long to show here: …_`, or nothing."""
    return f"_Left out, too long to show here: {', '.join(left_out)}._" if left_out else ""


def size(text: str) -> int:
    """In UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _laid_out(sections: Sequence[Section], chosen: Sequence[int], layout: Layout) -> str:
    pairs = list(zip(sections, chosen, strict=True))
    gone = sorted((s for s, form in pairs if s.title and not s.forms[form]), key=lambda section: section.rank)
    left_out = dict.fromkeys(section.title for section in gone)  # many queues, one word
    return layout({s.name: s.forms[form] for s, form in pairs}, list(left_out))

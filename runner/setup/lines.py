"""Lines that belong into files of other people: `.gitignore` and `CODEOWNERS`. Pure: text → text."""

from __future__ import annotations

import re
from collections.abc import Sequence

IGNORED = ".runner/"
OWNED = ("/.github/", "/templates/")
"""What decides which commands run, and with what rights."""
OWNER = "@ORG/TEAM"
"""Stands in comments where nobody said who the owner is."""
HEADING = (
    "# These decide what runner runs, and with which rights: somebody you trust should approve a change."
)
CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""GitHub reads the first that is there."""
_IGNORING = {f"{before}.runner{after}" for before in ("", "/", "**/") for after in ("", "/", "/**", "/*")}
_OWNER = re.compile(
    r"@[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9._-]{1,100})?|[^\s@#]+@[^\s@#]+\.[^\s@#]+", re.ASCII
)


def is_ignored(text: str) -> bool:
    """Whether this `.gitignore` names the folder of runs."""
    found = False
    for line in map(str.strip, text.splitlines()):
        found = line in _IGNORING or (found and line.removeprefix("!") not in _IGNORING)
    return found


def with_ignored(text: str) -> str:
    """The `.gitignore` with our line, where it has none."""
    return text if is_ignored(text) else _added(text, [IGNORED])


def is_owner(text: str) -> bool:
    """Whether it is what CODEOWNERS takes: @login, @org/team or an address."""
    return _OWNER.fullmatch(text) is not None


def unowned(text: str) -> list[str]:
    """Those of `OWNED` for which no rule of this CODEOWNERS names anybody. The last rule that fits counts."""
    owned = dict.fromkeys(OWNED, False)
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        for place in OWNED:
            if words and _fits(words[0], place):
                owned[place] = len(words) > 1
    return [place for place, is_owned in owned.items() if not is_owned]


def with_owners(text: str, owner: str) -> str:
    """The CODEOWNERS with a rule for what nobody owns; as comments where `owner` is "" (not known yet)."""
    places = unowned(text)
    if not places:
        return text
    if not owner:
        wanted = [f"#{place} {OWNER}" for place in places]
        missing = [line for line in wanted if line not in map(str.strip, text.splitlines())]
        return _added(text, [HEADING, *missing]) if missing else text
    comments = {f"#{place} {OWNER}" for place in OWNED} | {HEADING}
    kept = [line for line in text.splitlines(keepends=True) if line.strip() not in comments]
    return _added("".join(kept), [HEADING, *(f"{place} {owner}" for place in places)])


def _fits(pattern: str, place: str) -> bool:
    """Whether a rule is about the whole folder `place`."""
    bare = pattern.removesuffix("**").removesuffix("/").removeprefix("**").removeprefix("/")
    return pattern in {"*", "**", "/**"} or bare == place.strip("/")


def _added(text: str, lines: Sequence[str]) -> str:
    """`text` and the lines, with its own line ends."""
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else end
    return text + gap + "".join(line + end for line in lines)

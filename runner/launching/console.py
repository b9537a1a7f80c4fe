"""What a machine's console says of its boot. Pure.

Its lines are hostile where jobs can write to the console: they are shortened, and believed no further than
this sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.problems import shorten

_LINE = re.compile(r"runner-boot (\d{1,12}) (\w+): ([^\r\n]*)", re.ASCII)
_LAST_WORDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """`at`: seconds since the epoch, by the machine's clock."""

    at: float
    name: str
    text: str


def phases(console: str) -> list[Phase]:
    """All that the boot has told of, in order."""
    return [
        Phase(at=float(at), name=name, text=shorten(text, 300)) for at, name, text in _LINE.findall(console)
    ]


def explain(console: str) -> str:
    """How far a boot came and why it went no further, in one sentence."""
    told = [phase for phase in phases(console) if phase.name != "off"]
    failed = next((phase for phase in told if phase.name == "failed"), None)
    if failed is not None:
        return f"the machine could not start its agent: {failed.text}"
    if any(phase.name == "agent" for phase in told):
        return f"the machine started its agent, and last said: {told[-1].text}"
    if told:
        return f"the boot stopped at `{told[-1].name}`: {told[-1].text}"
    lines = [line for line in console.splitlines() if line.strip()]
    if not lines:
        return "the machine has written nothing to its console yet: that comes minutes late"
    last = " / ".join(shorten(line.strip(), 200) for line in lines[-_LAST_WORDS:])
    return f"the machine never came to the runner's part of its boot; its last words: {last}"

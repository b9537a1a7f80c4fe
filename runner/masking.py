"""Secrets out of a stream: `***` for every value in every form in which programs print it.

Works on chunks of any size: what could be the beginning of a secret is held back until it is decided, so a
value that is split between two reads never gets through. Small: the slots import it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import shlex
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = b"***"
SHORTEST = 3
"""A shorter value is not masked: it would turn every log into stars, and it is no secret."""


def forms(value: str) -> set[bytes]:
    """The value, and how it looks in JSON, in a URL, in hex, in base64 (at three offsets), line by line."""
    raw = value.encode("utf-8", "surrogateescape")
    if len(raw) < SHORTEST:
        return set()
    found = {raw, raw.strip()}
    text = value.encode("utf-8", "replace").decode("utf-8", "replace")
    for ascii_only in (True, False):
        found.add(json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode())
    found |= {quote(raw, safe="").encode(), quote(raw).encode(), quote_plus(raw).encode()}
    found |= {form.lower() for form in found if b"%" in form}
    found |= {binascii.hexlify(raw), binascii.hexlify(raw).upper()}
    found |= {shlex.quote(text)[1:-1].encode(), re.sub(r"([^\w./:=@%+,-])", r"\\\1", text).encode()}
    found |= _wrapped(raw) | _wrapped(raw + b"\n")
    lines = [line.strip() for line in raw.splitlines()]
    if len(lines) > 1:
        found |= {line for line in lines if len(line) >= 8}
    if len(raw) >= 6:
        found |= _base64_forms(raw)
    return {form for form in found if len(form) >= SHORTEST}


def _wrapped(raw: bytes) -> set[bytes]:
    """What `base64` and `xxd -p` make of it when it takes more than a line."""
    found = set()
    for text, width in ((base64.b64encode(raw), 76), (binascii.hexlify(raw), 60)):
        if len(text) > width:
            found |= {text[i : i + width].rstrip(b"=") for i in range(0, len(text), width)}
    return {piece for piece in found if len(piece) >= 8}


def _base64_forms(raw: bytes) -> set[bytes]:
    """The part of the base64 text that is the same whatever stands before and after the value."""
    found = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).rstrip(b"=")
        first = (0, 2, 3)[offset]
        cut = len(encoded) - (1 if (offset + len(raw)) % 3 else 0)
        found |= {encoded[first:cut], encoded[first:cut].translate(bytes.maketrans(b"+/", b"-_"))}
    return {form for form in found if len(form) >= 6}


class Masker:
    """`feed` gives what may be shown of a stream so far, `end` the rest."""

    def __init__(self, values: Iterable[str]) -> None:
        every = sorted({f for value in values for f in forms(value)}, key=lambda form: (-len(form), form))
        self._forms = every
        self._pattern = re.compile(b"|".join(re.escape(form) for form in every)) if every else None
        self._longest = len(every[0]) if every else 0
        self._prefixes = {form[:1] for form in every}
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        if self._pattern is None:
            return chunk
        text = self._held + chunk
        cut = self._undecided(text)
        # A match may begin before the cut and end behind it only if it is whole; then it is masked now.
        shown, end = [], 0
        for match in self._pattern.finditer(text):
            if match.start() >= cut:
                break
            shown += [text[end : match.start()], MASK]
            end = match.end()
        cut = max(cut, end)
        shown.append(text[end:cut])
        self._held = text[cut:]
        return b"".join(shown)

    def _undecided(self, text: bytes) -> int:
        """From where on `text` could be the beginning of a longer match."""
        start = max(0, len(text) - self._longest + 1)
        for i in range(start, len(text)):
            if text[i : i + 1] in self._prefixes:
                tail = text[i:]
                if any(len(form) > len(tail) and form.startswith(tail) for form in self._forms):
                    return i
        return len(text)

    def end(self) -> bytes:
        held, self._held = self._held, b""
        return self._pattern.sub(MASK, held) if self._pattern is not None else held

    def text(self, text: str) -> str:
        """One text, masked whole."""
        if self._pattern is None:
            return text
        raw = text.encode("utf-8", "surrogateescape")
        return self._pattern.sub(MASK, raw).decode("utf-8", "surrogateescape")

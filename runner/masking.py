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
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = b"***"
SHORTEST = 3
"""A shorter value is not masked: it would turn every log into stars, and it is no secret."""
_SHORTEST_PART = 6
_HEAD = 4
_NARROW = 60
"""Letters of the narrowest line that programs wrap at."""
_PIECE = 28
_WRAP = re.compile(rb"(?<=[\w+/=-])\r?\n(?=[\w+/=-]|\Z)")
_MOST_PARTS = 100


def forms(value: str) -> set[bytes]:
    """The value, and how it looks in JSON, in a URL, in XML, in hex, in base64 (at three offsets), line by
    line; of an object in JSON its texts too.
    """
    raw = value.encode("utf-8", "surrogateescape")
    if len(raw) < SHORTEST:
        return set()
    found = {raw, raw.strip(), repr(raw)[2:-1].encode()}
    text = value.encode("utf-8", "replace").decode("utf-8", "replace")
    found |= _escaped(text)
    found |= {quote(raw, safe=safe).encode() for safe in ("", "/", "!'()*", "!'()*;/?:@&=+$,#")}
    found |= {form.lower() for form in (*found, quote_plus(raw).encode()) if b"%" in form}
    found |= {quote_plus(raw).encode()}
    found |= {shlex.quote(text)[1:-1].encode(), re.sub(r"([^\w./:=@%+,-])", r"\\\1", text).encode()}
    lines = [line.strip() for line in raw.splitlines()]
    if len(lines) > 1:
        found |= {line for line in lines if len(line) >= 8}
    found |= encoded(value)
    for part in _parts(text):
        found |= forms(part)
    return {form for form in found if len(form) >= SHORTEST}


def encoded(value: str) -> set[bytes]:
    """Those in hex and base64, whose lines end anywhere."""
    raw = value.encode("utf-8", "surrogateescape")
    if len(raw) < SHORTEST:
        return set()
    text = value.encode("utf-8", "replace").decode("utf-8", "replace")
    found = {binascii.hexlify(raw), binascii.hexlify(raw).upper()}
    if len(raw) >= 6:
        found |= _base64_forms(raw)
    return found.union(*map(encoded, _parts(text)))


def _escaped(text: str) -> set[bytes]:
    """As Python, JSON (that of Go and of PHP too) and XML write it."""
    found = {repr(text)[1:-1]}
    for ascii_only in (True, False):
        plain = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        in_go = plain.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
        found |= {plain, in_go, plain.replace("/", "\\/")}
    in_xml = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    found |= {in_xml, in_xml.replace('"', "&quot;")}
    found |= {
        in_xml.replace('"', "&quot;").replace("'", apostrophe) for apostrophe in ("&#x27;", "&#39;", "&apos;")
    }
    return {form.encode() for form in found}


def _parts(text: str) -> list[str]:
    """The texts of an object: what jobs take out of a secret that has several."""
    try:
        found = json.loads(text) if text.lstrip()[:1] == "{" else {}
    except (ValueError, RecursionError):
        return []
    parts: list[str] = []
    waiting = [found]
    while waiting and len(parts) < _MOST_PARTS:
        one = waiting.pop()
        if isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one
        elif isinstance(one, str) and len(one) >= _SHORTEST_PART:
            parts.append(one)
    return parts


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
    """`feed` gives what may be shown of a stream so far, `end` the rest.

    What is encoded is found across line ends too: programs wrap it wherever a line is full.
    """

    def __init__(self, values: Iterable[str]) -> None:
        known = list(values)
        self._forms = sorted({form for value in known for form in forms(value)}, key=len)
        self._encoded = sorted({form for value in known for form in encoded(value)}, key=len)
        self._pieces = {piece for form in self._encoded for piece in _pieces(form)}
        self._heads = _heads(self._forms)
        self._encoded_heads = _heads(self._encoded)
        self._longest = len(self._forms[-1]) if self._forms else 0
        self._held = b""
        self._covered = 0  # so much of what is held belongs to a mask that was shown

    def feed(self, chunk: bytes) -> bytes:
        return self._shown(self._held + chunk, None) if self._forms else chunk

    def end(self) -> bytes:
        return self._shown(self._held, len(self._held))

    def text(self, text: str) -> str:
        """One text, masked whole."""
        raw = text.encode("utf-8", "surrogateescape")
        shown, at = [], 0
        for begin, end in _merged(self._spans(raw)):
            shown += [raw[at:begin], MASK]
            at = end
        return b"".join([*shown, raw[at:]]).decode("utf-8", "surrogateescape")

    def _shown(self, text: bytes, cut: int | None) -> bytes:
        """What is decided of it, up to `cut`; the rest is held."""
        spans = self._spans(text)
        if cut is None:
            cut = self._undecided(text)
        shown: list[bytes] = []
        at = 0
        for begin, end in _merged([(0, self._covered), *spans] if self._covered else spans):
            if begin >= cut:
                break
            shown.append(text[at:begin])
            if begin or not self._covered:
                shown.append(MASK)
            at = end
        shown.append(text[at:cut])
        self._held, self._covered = text[cut:], max(0, at - cut, self._covered - cut)
        return b"".join(shown)

    def _spans(self, text: bytes) -> list[tuple[int, int]]:
        spans = [span for form in self._forms for span in _places(form, text)]
        if b"\n" in text and any(piece in text for piece in self._pieces):
            squeezed = _Squeezed(text)
            found = (span for form in self._encoded for span in _places(form, squeezed.text))
            spans += [(squeezed.back(begin), squeezed.back(end - 1) + 1) for begin, end in found]
        return spans

    def _undecided(self, text: bytes) -> int:
        """From where on it could be the beginning of a longer match."""
        cut = _open_from(text, self._heads, self._forms, self._longest)
        start = max(0, len(text) - 2 * self._longest)
        squeezed = _Squeezed(text[start:])
        # Fewer than four letters before a line's end are not waited for: each line would wait for the next.
        other = _open_from(squeezed.text, self._encoded_heads, (), self._longest)
        return min(cut, start + squeezed.back(other))


class _Squeezed:
    """A text without the ends of its lines, where letters stand before and behind them."""

    def __init__(self, text: bytes) -> None:
        self._gone: list[
            tuple[int, int]
        ] = []  # (place in the squeezed text, bytes that are gone up to there)
        gone = 0
        for found in _WRAP.finditer(text) if b"\n" in text else ():
            gone += len(found[0])
            self._gone.append((found.end() - gone, gone))
        self.text = _WRAP.sub(b"", text) if self._gone else text

    def back(self, place: int) -> int:
        """The same place in the whole text."""
        before = bisect_right(self._gone, (place, len(self.text) * 2))
        return place + (self._gone[before - 1][1] if before else 0)


def _places(form: bytes, text: bytes) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order; those that overlap are one."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _pieces(form: bytes) -> set[bytes]:
    """One of these is whole wherever a program wraps it: a text that has none need not be looked at again."""
    if len(form) <= _NARROW:
        half = len(form) // 2
        return {form[:half], form[half:]}
    return {form[at : at + _PIECE] for at in range(0, len(form) - _PIECE + 1, _PIECE)}


def _heads(every: list[bytes]) -> dict[bytes, list[bytes]]:
    heads: dict[bytes, list[bytes]] = {}
    for form in every:
        heads.setdefault(form[:_HEAD], []).append(form)
    return heads


def _open_from(text: bytes, heads: dict[bytes, list[bytes]], short: Iterable[bytes], longest: int) -> int:
    """The first place from which all of `text` is the beginning of a form. `short`: those of which even
    fewer than four letters count.
    """
    size = len(text)
    for at in range(max(0, size - longest + 1), size - _HEAD + 1):
        for form in heads.get(text[at : at + _HEAD], ()):
            if len(form) > size - at and form.startswith(text[at:]):
                return at
    for at in range(max(0, size - _HEAD + 1), size):
        if any(len(form) > size - at and form.startswith(text[at:]) for form in short):
            return at
    return size

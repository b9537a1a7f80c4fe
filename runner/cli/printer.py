"""Passes log files on to our own output, from where it left off, clean where a terminal would obey them."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import BinaryIO, TextIO

from runner.report import clean
from runner.runs.files import log_name
from runner.runs.source import RunSource

_CHUNK = 1 << 16


class Printer:
    """`show` may be called again and again for an attempt that runs: it passes on what is new.

    With `token`, GitHub Actions obeys nothing of what is between the first line and `__exit__`.
    """

    def __init__(
        self, source: RunSource, job_id: str, streams: Sequence[str], *, raw: bool, token: str
    ) -> None:
        self._files = source.files
        self._job_id = job_id
        self._outs = {stream: _Out(getattr(sys, stream), raw=raw) for stream in streams}
        if token:  # the order between two outputs is not kept there, and the token must frame all of it
            self._outs = dict.fromkeys(streams, _Out(sys.stdout, raw=raw))
        self._offsets: dict[tuple[int, str], int] = {}
        self._found: set[str] = set()
        self._token = token

    def __enter__(self) -> Printer:
        if self._token:
            self._outs_first().line(f"::stop-commands::{self._token}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token and not isinstance(error, OSError):
            self._outs_first().line(f"::{self._token}::")

    def _outs_first(self) -> _Out:
        return next(iter(self._outs.values()))

    def found(self, attempt: int) -> bool:
        """Whether `show` found a log of this attempt, empty or not."""
        return any(log_name(self._job_id, attempt, stream) in self._found for stream in self._outs)

    def began(self, attempt: int) -> bool:
        return any(number == attempt for number, _ in self._offsets)

    def show(self, attempt: int, *, over: bool) -> None:
        """Pass on what this attempt wrote since the last call; `over`: it will not write any more."""
        for stream, out in self._outs.items():
            name = log_name(self._job_id, attempt, stream)
            self._offsets[attempt, stream] = self._pass_on(name, self._offsets.get((attempt, stream), 0), out)
            if over:
                out.end()
            out.flush()

    def _pass_on(self, name: str, offset: int, out: _Out) -> int:
        try:
            for begin, chunk in self._files.pieces(name, offset):
                if begin > offset:
                    out.line(f"… {begin - offset} bytes are in the whole log, once the attempt is over …")
                out.write(chunk)
                offset = begin + len(chunk)
        except FileNotFoundError:
            return offset  # it has not been written yet, or never was
        self._found.add(name)
        return offset


class _Out:
    """One of our own streams: bytes as they are, or, for a terminal, clean lines."""

    def __init__(self, stream: TextIO, *, raw: bool) -> None:
        self._stream = stream
        self._bytes: BinaryIO | None = getattr(stream, "buffer", None)
        self._clean = not raw and stream.isatty()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._partial = ""
        self._at_line_start = True

    def write(self, chunk: bytes) -> None:
        if not self._clean and self._bytes is not None:
            self._bytes.write(chunk)
            self._at_line_start = chunk.endswith(b"\n")
            return
        whole, newline, self._partial = (self._partial + self._decoder.decode(chunk)).rpartition("\n")
        if newline:
            self._stream.write(clean.block(clean.lines(whole)))
        if len(self._partial) > _CHUNK:  # a line without an end must not fill the memory
            self._stream.write(clean.line(self._partial))
            self._partial = ""

    def end(self) -> None:
        """The source is over: a line that was begun ends too, so that nothing of ours is glued to it."""
        rest, self._partial = self._partial + self._decoder.decode(b"", final=True), ""
        self._decoder.reset()
        if rest:
            self._stream.write(clean.block(clean.lines(rest)))

    def line(self, text: str) -> None:
        """A line of our own."""
        self.flush()
        self._stream.write(text + "\n" if self._at_line_start else f"\n{text}\n")
        self._stream.flush()

    def flush(self) -> None:
        self._stream.flush()
        if self._bytes is not None:
            self._bytes.flush()

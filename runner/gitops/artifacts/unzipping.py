"""One named file out of a ZIP that a stranger may have packed, in bounded memory."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from runner.errors import RunnerError

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, OSError, EOFError, NotImplementedError,
    LookupError, ArithmeticError, RuntimeError,
)  # fmt: skip
"""zipfile speaks of damage in as many ways as there are."""


def member(raw: bytes, name: str, limit: int) -> bytes:
    """The bytes of the file `name`, which has to be there exactly once, at the top.

    Nothing is written; at most `limit` + 1 bytes are unpacked, whatever the headers say. Raises RunnerError.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            found = [info for info in archive.infolist() if info.filename == name]
            if len(found) != 1:
                raise _bad(f"it holds {len(found) or 'no'} files named {name}")
            if found[0].compress_type not in _METHODS or found[0].flag_bits & _ENCRYPTED:
                raise _bad(f"{name} is packed in a way that is not read here")
            with archive.open(found[0]) as file:
                content = file.read(limit + 1)
    except _DAMAGED as error:
        raise _bad(str(error)) from error
    if len(content) > limit:
        raise _bad(f"{name} has more than {limit} bytes")
    return content


def names(raw: bytes) -> list[str]:
    """What is in it, in its order. Raises RunnerError."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return archive.namelist()
    except _DAMAGED as error:
        raise _bad(str(error)) from error


def _bad(what: str) -> RunnerError:
    return RunnerError(f"the archive cannot be read: {what[:200]}", hint="make it anew")

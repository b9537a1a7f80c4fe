"""Who signed a request, and whether AWS would take the signature."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from calendar import timegm
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.wire import Request

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)
SKEW = 15 * 60.0
"""Seconds that a client's clock may be off."""


@dataclass(frozen=True, slots=True)
class Key:
    """Credentials. `principal`: whose they are, as an ARN. `token` "": they are for ever."""

    access_key: str
    secret: str = field(repr=False)
    principal: str
    token: str = field(default="", repr=False)
    made: float = 0.0
    expires: float = float("inf")


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature says; `wrong` is the code of AWS's complaint, or ""."""

    access_key: str = ""
    service: str = ""
    region: str = ""
    wrong: str = ""


def new_key(principal: str, seconds: float) -> Key:
    """A role's credentials, for so many seconds."""
    now = time.time()
    return Key(
        access_key=f"ASIA{secrets.token_hex(8).upper()}",
        secret=secrets.token_urlsafe(30),
        principal=principal,
        token=secrets.token_urlsafe(60),
        made=now,
        expires=now + seconds,
    )


def stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def check(request: Request, keys: dict[str, Key], now: float) -> Signed:
    """`now`: the clock of the service, in seconds since the epoch."""
    found = _HEADER.fullmatch(request.headers.get("Authorization", ""))
    if found is None:
        return Signed(wrong="MissingAuthenticationToken")
    access_key, date, region, service, names, signature = found.groups()
    signed = Signed(access_key, service, region)
    key = keys.get(access_key)
    if key is None:
        return _wrong(signed, "InvalidAccessKeyId")
    if key.token and request.headers.get("X-Amz-Security-Token") != key.token:
        return _wrong(signed, "InvalidToken")
    at = request.headers.get("X-Amz-Date", "")
    if not re.fullmatch(rf"{date}T\d{{6}}Z", at):
        return _wrong(signed, "IncompleteSignature")
    if abs(_seconds(at) - now) > SKEW:
        return _wrong(signed, "RequestTimeTooSkewed")
    if now >= key.expires:
        return _wrong(signed, "ExpiredToken")
    missing = {name.lower() for name in request.headers if name.lower().startswith("x-amz-")} - set(
        names.split(";")
    )
    if missing or "host" not in names.split(";"):
        return _wrong(signed, "AccessDenied")
    digest = hashlib.sha256(request.body).hexdigest()
    stated = request.headers.get("X-Amz-Content-Sha256", digest)
    if re.fullmatch("[0-9a-f]{64}", stated) and stated != digest:
        return _wrong(signed, "XAmzContentSHA256Mismatch")
    scope = f"{date}/{region}/{service}/aws4_request"
    if not hmac.compare_digest(_signature(request, key, names, stated, at, scope), signature):
        return _wrong(signed, "SignatureDoesNotMatch")
    return signed


def _wrong(signed: Signed, code: str) -> Signed:
    return Signed(signed.access_key, signed.service, signed.region, code)


def _seconds(at: str) -> float:
    return float(timegm(time.strptime(at, "%Y%m%dT%H%M%SZ")))


def _signature(request: Request, key: Key, names: str, digest: str, at: str, scope: str) -> str:
    parts = urlsplit(request.target)
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in parse_qsl(parts.query, True))
    canonical = "\n".join(
        [
            request.method,
            quote(unquote(parts.path), safe="/~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(
                f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names.split(";")
            ),
            names,
            digest,
        ]
    )
    text = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    derived = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    return hmac.new(derived, text.encode(), "sha256").hexdigest()


def _encoded(text: str) -> str:
    return quote(text, safe="~")

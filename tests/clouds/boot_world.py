"""What a machine finds when it boots: a metadata service, a bucket that checks signatures, its own commands.

The script itself is run by the real bash with the real curl.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from runner.launching.account import Account
from runner.launching.boot import Bundle, user_data
from tests.clouds.making import PURPOSE
from tests.wire import Answer, LostReplyError, Request, serving

KEY, SECRET, TOKEN = "ASIATESTTESTTEST", "se/cr+et=" * 4, "IQoJb3JpZ2lu/+=="
ACCOUNT = Account(region="us-east-1", bucket="my-runs", prefix="runner")
BUNDLE = "bundles/abc.tar.gz"
_EMPTY = hashlib.sha256(b"").hexdigest()
_AUTH = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)


def bundle(main: str) -> bytes:
    """An archive whose program is `main`, in Python."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("./__main__.py")
        entry.size = len(main.encode())
        archive.addfile(entry, io.BytesIO(main.encode()))
    return packed.getvalue()


class BootWorld:
    """`objects`: what is in the bucket, by path; `wrong`: what of the requests no AWS would take.

    `opens`: a file before which S3 refuses everybody. `hangs_up`: it does not even say so.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects: dict[str, bytes] = {}
        self.wrong: list[str] = []
        self.role = "runner-instance"
        self.opens = folder
        self.hangs_up = False
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.command("shutdown", f'echo "shutdown $*" >> {folder}/commands')
        self.command("systemd-run", ":")
        self.command("poweroff", f'echo "poweroff $*" >> {folder}/commands')
        self.command("sleep", ":")
        self.command("python3", f'exec {sys.executable} "$@"')
        self._open = contextlib.ExitStack()
        self.url = self._open.enter_context(serving(self.answer))

    def close(self) -> None:
        self._open.close()

    def command(self, name: str, script: str) -> None:
        """A command of this machine, before those of the system."""
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def put_bundle(self, main: str) -> str:
        """Its hash."""
        self.objects[f"/my-runs/runner/{BUNDLE}"] = packed = bundle(main)
        return hashlib.sha256(packed).hexdigest()

    def script(self, sha256: str) -> str:
        made = Bundle(name=BUNDLE, sha256=sha256)
        home = str(self.folder / "home")
        return user_data(PURPOSE, ACCOUNT, made, endpoint=self.url, metadata=self.url, home=home)

    def boot(self, sha256: str) -> subprocess.Popen[str]:
        path = self.folder / "user-data"
        path.write_text(self.script(sha256))
        env = {"PATH": f"{self.bin}:{os.defpath}", "HOME": str(self.folder)}
        return subprocess.Popen(
            ["bash", str(path)], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def commands(self) -> list[str]:
        """How the machine was told to end."""
        return (self.folder / "commands").read_text().splitlines()

    def answer(self, request: Request) -> Answer:
        if request.target.startswith("/latest/"):
            return self._metadata(request)
        if request.method == "HEAD":
            if self.hangs_up:
                raise LostReplyError
            return Answer(403)
        if not self._check(request):
            return Answer(403)
        if request.method == "PUT":
            self.objects[request.target] = request.body
            return Answer()
        if not self.opens.exists():
            return Answer(403)
        body = self.objects.get(request.target)
        return Answer(404) if body is None else Answer(body=body)

    def _check(self, request: Request) -> bool:
        """The signature, as S3 would: over the method, the path, each `x-amz` header and the body's hash."""
        problems = list(_unsigned(request))
        self.wrong += [f"{request.method} {request.target}: {problem}" for problem in problems]
        return not problems

    def _metadata(self, request: Request) -> Answer:
        if request.method == "PUT":
            return Answer(body=b"session")
        if request.headers.get("X-aws-ec2-metadata-token") != "session":
            return Answer(401)
        roles = "/latest/meta-data/iam/security-credentials/"
        said = {"/latest/meta-data/instance-id": "i-0abc"}
        if self.role:
            keys = {"Code": "Success", "AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": TOKEN}
            said |= {roles: self.role, roles + self.role: json.dumps(keys, indent=2)}
        answer = said.get(request.target)
        return Answer(body=answer.encode()) if answer else Answer(404)


def _unsigned(request: Request) -> Iterator[str]:
    found = _AUTH.fullmatch(request.headers.get("Authorization", ""))
    if found is None:
        yield "no signature"
        return
    key, date, region, service, names, signature = found.groups()
    if (key, region, service) != (KEY, "us-east-1", "s3"):
        yield f"signed for {key}, {region}, {service}"
    signed = names.split(";")
    missing = {name.lower() for name in request.headers if name.lower().startswith("x-amz-")} - set(signed)
    if missing or "host" not in signed or signed != sorted(signed):
        yield f"unsigned headers: {missing}"
    if request.headers.get("x-amz-security-token") != TOKEN:
        yield "no security token"
    digest = request.headers.get("x-amz-content-sha256", "")
    if digest != hashlib.sha256(request.body).hexdigest():
        yield f"the body's hash is {digest}"
    path = urllib.parse.quote(urllib.parse.unquote(request.target), safe="/~")
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed)
    canonical = "\n".join([request.method, path, "", headers, names, digest])
    scope = f"{date}/{region}/{service}/aws4_request"
    stamp = request.headers["x-amz-date"]
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    derived = f"AWS4{SECRET}".encode()
    for part in (date, region, service, "aws4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    if hmac.new(derived, text.encode(), "sha256").hexdigest() != signature:
        yield "the signature is wrong"

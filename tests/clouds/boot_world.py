"""What a machine finds when it boots: a metadata service, a bucket that checks signatures, its own commands.

The script itself is run by the real bash with the real curl.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from runner.launching.account import Account
from runner.launching.boot import Bundle, user_data
from tests.clouds.making import PURPOSE

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
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _make(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

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

    def check(self, request: BaseHTTPRequestHandler, body: bytes) -> bool:
        """The signature, as S3 would: over the method, the path, each `x-amz` header and the body's hash."""
        problems = list(_unsigned(request, body))
        self.wrong += [f"{request.command} {request.path}: {problem}" for problem in problems]
        return not problems


def _unsigned(request: BaseHTTPRequestHandler, body: bytes) -> Any:
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
    if digest != hashlib.sha256(body).hexdigest():
        yield f"the body's hash is {digest}"
    path = urllib.parse.quote(urllib.parse.unquote(request.path), safe="/~")
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed)
    canonical = "\n".join([request.command, path, "", headers, names, digest])
    scope = f"{date}/{region}/{service}/aws4_request"
    stamp = request.headers["x-amz-date"]
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    derived = f"AWS4{SECRET}".encode()
    for part in (date, region, service, "aws4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    if hmac.new(derived, text.encode(), "sha256").hexdigest() != signature:
        yield "the signature is wrong"


def _make(world: BootWorld) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/latest/"):
                self._metadata()
            elif world.check(self, b"") and world.opens.exists():
                self._say(world.objects.get(self.path))
            else:
                self._say(None, 403)

        def do_HEAD(self) -> None:
            if not world.hangs_up or self.path.startswith("/latest/"):
                self._say(None, 403)

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/latest/api/token":
                self._say(b"session")
            elif world.check(self, body):
                world.objects[self.path] = body
                self._say(b"")
            else:
                self._say(None, 403)

        def _metadata(self) -> None:
            if self.headers.get("X-aws-ec2-metadata-token") != "session":
                self._say(None, 401)
                return
            roles = "/latest/meta-data/iam/security-credentials/"
            said = {"/latest/meta-data/instance-id": "i-0abc"}
            if world.role:
                keys = {"Code": "Success", "AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": TOKEN}
                said |= {roles: world.role, roles + world.role: json.dumps(keys, indent=2)}
            answer = said.get(self.path)
            self._say(answer.encode() if answer else None)

        def _say(self, body: bytes | None, status: int = 404) -> None:
            self.send_response(status if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    return Handler

"""Jobs as a user with no rights on this machine (`machine.user`): made, kept from the machine's role, given
its checkout. The role's credentials are the metadata service's, which asks nobody for a name."""

from __future__ import annotations

import grp
import os
import pwd
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from runner.errors import RefusedError
from runner.executors.local.identity import Identity

_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_MIGHTY = frozenset(
    {"admin", "disk", "docker", "incus-admin", "kmem", "libvirt", "lxd", "shadow", "sudo", "wheel"}
)
"""Groups by which one becomes root. Jobs have none of them, but a key of their own and a server for logins on
the same machine would give them all; users that images come with (`ubuntu`, `ec2-user`) have some."""
_KNOWN = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
_ANYBODY = "1-4294967294"
_FIRST = "1"
"""Priority of our rule: before all tables but the one of the machine's own addresses."""
_SECONDS = 5.0
_REACH = 'exec 3<>"/dev/tcp/$1/$2"'
_UNREACHED = 1
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
Address = tuple[str, int]


def prepare(name: str, metadata: str, home: Path) -> Identity:
    """The user, who is made where there is none, and who cannot reach the metadata service at `metadata`.

    `home` is the agent's folder, through which the user may go. Raises RefusedError: then nothing may run.
    """
    identity = _user(name)
    addresses = [_address(metadata), *_KNOWN]
    said = _forbid(addresses)
    for address in addresses:
        if _reaches(identity, address):
            raise RefusedError(
                f"jobs cannot run as {name} here: "
                f"the metadata service at {address[0]} cannot be kept from them"
                + (f" ({said})" if said else ""),
                hint="use an image with iproute2 and bash, or leave out `machine.user`",
            )
    home.chmod(home.stat().st_mode | 0o111)
    return identity


def _user(name: str) -> Identity:
    if not _NAME.fullmatch(name):
        raise RefusedError(f"{name[:40]!r} cannot be the name of a user", hint="correct `machine.user`")
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        said = _run(["useradd", "-m", "-s", "/bin/bash", name])
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            raise RefusedError(
                f"the user {name} cannot be made: {said or 'nobody says why'}",
                hint="use an image that has this user, or has useradd",
            ) from None
    if found.pw_uid == 0 or found.pw_gid == 0:
        raise RefusedError(
            f"{name} is root, or of its group", hint="name another `machine.user`, or leave it out"
        )
    mighty = sorted(_MIGHTY & _groups(found))
    if mighty:
        raise RefusedError(
            f"{name} is of the group {mighty[0]}, and so becomes root by a login of its own",
            hint="name a `machine.user` that the image does not have: it is made, without other groups",
        )
    return Identity(name=name, uid=found.pw_uid, gid=found.pw_gid, home=found.pw_dir)


def _groups(user: pwd.struct_passwd) -> set[str]:
    numbers = os.getgrouplist(user.pw_name, user.pw_gid)
    return {group.gr_name for group in grp.getgrall() if group.gr_gid in numbers}


def _address(url: str) -> Address:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def _forbid(addresses: Sequence[Address]) -> str:
    """A rule of the kernel's routing, by a socket's owner; what went wrong. Whether it holds is tried."""
    said = []
    for host in dict.fromkeys(host for host, _ in addresses):
        family = "-6" if ":" in host else "-4"
        rule = ["priority", _FIRST, "uidrange", _ANYBODY, "to", host, "prohibit"]
        trouble = _run(["ip", family, "rule", "add", *rule])
        if trouble and "File exists" not in trouble:
            said.append(trouble)
    return "; ".join(dict.fromkeys(said))


def _reaches(identity: Identity, address: Address) -> bool:
    """As that user. Only a definite no is one: an answer that does not come may come another time."""
    host, port = address
    try:
        done = subprocess.run(
            ["/bin/bash", "-c", _REACH, "-", host, str(port)],
            user=identity.uid,
            group=identity.gid,
            extra_groups=[],
            env=_ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return done.returncode != _UNREACHED


def _run(command: Sequence[str]) -> str:
    """What it has to say where it fails."""
    try:
        done = subprocess.run(
            command, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    said = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
    return (said or f"{command[0]} failed") if done.returncode else ""


def hand_over(folder: Path, identity: Identity) -> None:
    """All of it is the user's from now on; links are not followed. Raises OSError."""
    for _, folders, files, here in os.fwalk(folder, follow_symlinks=False):
        os.fchown(here, identity.uid, identity.gid)
        for name in (*folders, *files):
            os.chown(name, identity.uid, identity.gid, dir_fd=here, follow_symlinks=False)

"""The program for a machine: what its agent imports, as one archive of pure Python.

It is unpacked and started as `python -I FOLDER --run URL --generation N --ttl SECONDS` by any Python from
3.11 on, without anything of that Python's own packages, and nothing is fetched from a package index.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from runner.bundle.archive import Archive, pack
from runner.bundle.closure import closure
from runner.errors import RunnerError

ROOTS = ("runner.agent.instance", "runner.evaluation", "runner.executors.local.spawner")
"""The door, and what it starts as processes of their own."""
CARRIED = {
    "boto3": ("boto3", "s3transfer", "jmespath", "dateutil", "six"),
    "botocore": ("botocore", "urllib3"),
    "s3transfer": (),
    "jinja2": ("jinja2", "markupsafe"),
    "platformdirs": ("platformdirs",),
}
"""What the agent may import of others → what comes along for it. All of it runs without compiled parts."""
SERVICES = ("ec2", "s3", "secretsmanager", "ssm", "sts")
"""Those of the SDK's services that a machine may speak to."""
_DROPPED = re.compile(r"(^|/)(__pycache__|tests?)/|\.(so|pyd|pyi|c|h|pxd)$|examples-1\.json")
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAIN = '''"""Starts the agent of a machine, with nothing but what lies beside this file."""

import sys
from pathlib import Path

here = Path(__file__).resolve().parent
foreign = ("site-packages", "dist-packages")
sys.path[:] = [str(here)] + [path for path in sys.path if not Path(path).name in foreign]

from runner.agent.instance import main

if __name__ == "__main__":
    sys.exit(main(["--home", str(here.parent), *sys.argv[1:]]))
'''


def build(target: Path) -> Archive:
    """The same bytes for the same installed versions. Raises RunnerError."""
    try:
        return pack(members(), target)
    except OSError as error:
        raise RunnerError(f"the program cannot be packed: {error.strerror} ({error.filename})") from error


def members() -> Iterator[tuple[str, bytes]]:
    """Every file of it: its name, and what is in it. Raises RunnerError."""
    found = closure(ROOTS)
    strange = {name: why for name, why in found.others.items() if name not in CARRIED}
    if strange:
        listed = ", ".join(f"{name} (by {why})" for name, why in strange.items())
        raise RunnerError(f"the agent imports what no machine gets: {listed}")
    yield "__main__.py", _MAIN.encode()
    for module, path in found.modules.items():
        name = module.replace(".", "/")
        yield (f"{name}/__init__.py" if path.name == "__init__.py" else f"{name}.py"), path.read_bytes()
    for package in sorted({one for name in found.others for one in CARRIED[name]}):
        yield from _package(package)


def _package(name: str) -> Iterator[tuple[str, bytes]]:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise RunnerError(f"{name} is not installed", hint="install runner again")
    origin = Path(spec.origin)
    if origin.name != "__init__.py":
        yield origin.name, origin.read_bytes()
        return
    kept_data = _kept_data(origin.parent) if name in {"boto3", "botocore"} else None
    for path in sorted(origin.parent.rglob("*")):
        inside = path.relative_to(origin.parent).as_posix()
        if _DROPPED.search(inside) or not path.is_file():
            continue
        if kept_data is None or not inside.startswith("data/") or inside.startswith(kept_data):
            yield f"{name}/{inside}", path.read_bytes()


def _kept_data(package: Path) -> tuple[str, ...]:
    """Names, or beginnings of names: what is about all services, and the newest version of ours."""
    shared = [f"data/{path.name}" for path in (package / "data").glob("*.json")]
    for service in SERVICES:
        versions = [path.name for path in (package / "data" / service).glob("*") if _DATED.match(path.name)]
        if versions:
            shared.append(f"data/{service}/{max(versions)}/")
    return tuple(shared)

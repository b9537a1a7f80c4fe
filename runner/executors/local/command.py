"""From a job's command to the arguments that are executed.

A command that is nothing but plain words needs no shell: bash would only look the program up and become it.
So we do that ourselves, as make does, and save the start of a shell. Whatever could mean something
to bash (quotes, `$`, globs, builtins, a `BASH_ENV`, an exported function) goes to bash.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@%+,-]*(?: [A-Za-z0-9_./:@%+,=-]+)*", re.ASCII)
_BUILTIN_WORDS = """
    . : [ alias bg bind break builtin caller case cd command compgen complete compopt continue coproc
    declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for
    function getopts hash help history if in jobs kill let local logout mapfile popd printf pushd pwd
    read readarray readonly return select set shift shopt source suspend test then time times trap
    true type typeset ulimit umask unalias unset until wait while
"""  # as `compgen -b` and `compgen -k` list them
_BUILTINS = frozenset(_BUILTIN_WORDS.split())
_SAME_AS_PROGRAM = frozenset({"true", "false"})
BASH = ("/bin/bash", "-c")


def resolve(
    command: str | tuple[str, ...], shell: tuple[str, ...], environment: Mapping[str, str]
) -> tuple[list[str], list[str] | None]:
    """(what to execute, what to execute instead where that cannot be found).

    `environment` is the job's whole environment. The second is None where there is no shell to fall back on.
    """
    if not isinstance(command, str):
        return [find(command[0], environment) or command[0], *command[1:]], None
    through_shell = [find(shell[0], environment) or shell[0], *shell[1:], command]
    if shell != BASH or not _is_plain(command, environment):
        return through_shell, None
    program, *rest = command.split(" ")
    path = find(program, environment)
    return ([path, *rest], through_shell) if path else (through_shell, None)


def _is_plain(command: str, environment: Mapping[str, str]) -> bool:
    if len(command) > 4096 or not _PLAIN.fullmatch(command) or "BASH_ENV" in environment:
        return False
    word = command.partition(" ")[0]
    if word in _BUILTINS:
        return command in _SAME_AS_PROGRAM
    return not _has_functions(environment)


def _has_functions(environment: Mapping[str, str]) -> bool:
    """Whether bash would find an exported function that has the name of a program."""
    return any(name[:10] == "BASH_FUNC_" for name in environment)


def find(program: str, environment: Mapping[str, str]) -> str | None:
    """The program as `execvp` would find it on the job's own PATH; None where it would not."""
    if "/" in program:
        return program
    for folder in environment.get("PATH", "").split(":"):
        path = f"{folder}/{program}"
        if folder.startswith("/") and os.access(path, os.X_OK):
            return path
    return None

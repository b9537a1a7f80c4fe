"""A finding → a problem: what is wrong in the words of the language, not of JSON Schema.

Values of secrets, environment and parameters are never shown; of other values one short line.
"""

from __future__ import annotations

import difflib

from runner.problems import Problem, Route, shorten
from runner.schema.homes import home
from runner.schema.samples import sample
from runner.schema.slips import AS_TEXT, holds_the_secret, must_be_quoted, slip, would_fit
from runner.schema.walk import Finding, Schema

_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_THINGS = {
    "duration": "a duration",
    "size": "a size",
    "id": "an id",
    "cron line": "a cron line of five fields",
}
_OTHER_WORDS = {
    "artifacts": ("result_files",),
    "cmd": ("command",),
    "concurrency_limit": ("max_parallel",),
    "condition": ("when",),
    "continue_on_error": ("allow_failure",),
    "cwd": ("working_directory",),
    "dependencies": ("depends_on",),
    "depends": ("depends_on",),
    "env_vars": ("environment",),
    "extends": ("template",),
    "id": ("job_id", "queue_id"),
    "if": ("when",),
    "inputs": ("params",),
    "instance_type": ("type",),
    "instance_types": ("type",),
    "machine_type": ("type",),
    "max_retries": ("retry_count", "max_attempts"),
    "name": ("job_id", "queue_name"),
    "needs": ("depends_on",),
    "on": ("run_on",),
    "outputs": ("result_files",),
    "parallelism": ("max_parallel",),
    "parameters": ("params",),
    "requires": ("depends_on",),
    "retries": ("retry_count", "max_attempts"),
    "run": ("command",),
    "script": ("command",),
    "stages": ("jobs",),
    "steps": ("jobs",),
    "tasks": ("jobs",),
    "timeout": ("ttl",),
    "title": ("queue_name",),
    "variables": ("environment", "params"),
    "workdir": ("working_directory",),
}
"""What other programs call these fields."""
_PRIVATE = frozenset({"secrets", "environment", "env", "params", "with", "slack", "webhook"})


def sentence(finding: Finding) -> Problem:
    """What is wrong, and how it should be."""
    writer = _WRITERS.get(finding.keyword, _mismatch)
    message, hint = writer(finding)
    at_key = finding.keyword in ("additionalProperties", "propertyNames")
    if _lacks_one_of(finding):
        return Problem(rule="missing-field", message=message, hint=hint, route=finding.route)
    rule = {"additionalProperties": "unknown-field", "required": "missing-field"}.get(
        finding.keyword, "schema"
    )
    return Problem(
        rule=rule, message=message, hint=hint, route=finding.route, at_key=at_key, quotes=hint == AS_TEXT
    )


def subject(route: Route) -> str:
    """What a route points at, by the last name in it: `timeout`, item 2 of `depends_on`."""
    names = [step for step in route if isinstance(step, str)]
    if not names:
        return "the file"
    if isinstance(route[-1], int):
        return f"item {route[-1] + 1} of `{shorten(names[-1])}`"
    return f"`{shorten(names[-1])}`"


def _unknown(finding: Finding) -> tuple[str, str]:
    known = list(finding.schema.get("properties", {}))
    message = f"`{shorten(finding.key)}` is not a field of {_owner(finding.schema, finding.route[:-1])}"
    return message, _nearest(finding.key, known, finding.schema.get("title", ""))


def _nearest(key: str, known: list[str], owner: str) -> str:
    plain = key[:64].lower().replace("-", "_")
    words = (plain, *_OTHER_WORDS.get(plain, ()))
    meant = next((word for word in words if word in known), None)
    if meant is not None:
        return f"did you mean `{meant}`?"
    for word in words:
        if elsewhere := home(word, owner):
            return f"{'it' if word == plain else f'`{word}`'} {elsewhere}"
    near = difflib.get_close_matches(plain, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known are {', '.join(known)}" if len(known) < 15 else "a field of your own may begin with `x-`"


def _name(finding: Finding) -> tuple[str, str]:
    pattern = finding.schema["propertyNames"]["pattern"]
    signs = "digits, `_` and `-`" if "-]" in pattern else "digits and `_`"
    message = f"`{shorten(finding.key)}` is not a name for an entry of {subject(finding.route[:-1])}"
    return message, f"letters, {signs}, beginning with a letter"


def _required(finding: Finding) -> tuple[str, str]:
    return f"{_owner(finding.schema, finding.route)} needs `{finding.key}`", f"add `{finding.key}:`"


def _mismatch(finding: Finding) -> tuple[str, str]:
    """The value is not what is expected: everything that has to do with its type, range or form."""
    special = must_be_quoted(finding) or holds_the_secret(finding)
    if special is not None:
        return special
    if _lacks_one_of(finding):
        names = [b["required"][0] for b in finding.branches]
        return f"{_owner(finding.schema, ())} needs `{names[0]}`", f"add `{names[0]}:`"
    if finding.keyword in ("minItems", "minProperties", "minLength") or finding.value == "":
        return f"{subject(finding.route)} is empty", sample(finding.schema) or "it needs at least one entry"
    expected = _THINGS.get(finding.schema.get("title", ""), "")
    if not expected:
        expected = " or ".join(dict.fromkeys(expectation(b) for b in finding.branches or (finding.schema,)))
    message = f"{subject(finding.route)} must be {expected}{_but(finding)}"
    if not finding.route:
        return message, "it holds fields, a line each: `name: value`"
    return message, slip(finding, expected) or sample(finding.schema)


def _lacks_one_of(finding: Finding) -> bool:
    """Alternatives that only differ in the field they require: the first is the usual one."""
    return finding.keyword == "anyOf" and all("required" in b for b in finding.branches)


def expectation(schema: Schema) -> str:
    """What a schema asks for, in words: `a whole number of at least 1`."""
    if "enum" in schema:
        return "one of " + ", ".join(f"`{choice}`" for choice in schema["enum"])
    if schema.get("title") in _THINGS:
        return _THINGS[schema["title"]]
    if "const" in schema:
        return f"`{schema['const']}`"
    kinds = schema.get("type", "string")
    kinds = (
        [kinds] if isinstance(kinds, str) else [k for k in kinds if k != "integer" or "number" not in kinds]
    )
    words = " or ".join(_TYPE_WORDS[k] for k in kinds)
    if "pattern" in schema:
        words = "text of the right form"
    return words + _range(schema)


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of at least {low}"
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']}"
    return ""


def _but(finding: Finding) -> str:
    value = finding.value
    if value is None:
        return ", and there is nothing"
    if isinstance(value, dict | list):
        kind = "a mapping" if isinstance(value, dict) else "a list"
        return f", not {kind}" if value else f", not an empty {kind[2:]}"
    if any(step in _PRIVATE for step in finding.route):
        return ""
    if isinstance(value, str) and would_fit(finding):
        return f', not the text "{shorten(value)}"'
    shown = str(value).lower() if isinstance(value, bool) else str(value)[:80]
    return f", not `{shorten(shown)}`"


def _owner(schema: Schema, route: Route) -> str:
    """The thing that has the fields: `the job`, `the queue file`, `aws`."""
    title = schema.get("title")
    if title:
        return f"the {title[0].lower()}{title[1:]}"
    return subject(route)


_WRITERS = {"additionalProperties": _unknown, "propertyNames": _name, "required": _required}

"""Cut the operations that the double serves out of GitHub's official OpenAPI description.

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    python -m tests.github_double.make_slice package

What is kept of an operation: its path, parameters, request body and responses, with every schema that they
name. Left out: descriptions and examples. Rewritten: OpenAPI 3.0's `nullable` as JSON Schema says it. Made
stricter: an object may only have the properties that the description knows, so that neither side of a test
can invent a field. Corrected: the repository of a pull request's head is null once the fork is deleted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SLICE = HERE / "api.github.com.slice.json"
OPERATIONS = (
    "actions/create-workflow-dispatch",
    "actions/download-artifact",
    "actions/get-custom-oidc-sub-claim-for-repo",
    "actions/get-fork-pr-contributor-approval-permissions-repository",
    "actions/get-github-actions-default-workflow-permissions-repository",
    "actions/get-github-actions-permissions-repository",
    "actions/get-workflow-run",
    "actions/list-artifacts-for-repo",
    "actions/list-repo-workflows",
    "actions/list-self-hosted-runners-for-repo",
    "actions/list-workflow-run-artifacts",
    "actions/list-workflow-runs",
    "actions/re-run-workflow",
    "git/get-ref",
    "issues/create-comment",
    "issues/delete-comment",
    "issues/get-comment",
    "issues/list-comments",
    "issues/update-comment",
    "pulls/get",
    "pulls/list",
    "rate-limit/get",
    "reactions/create-for-issue-comment",
    "reactions/list-for-issue-comment",
    "repos/compare-commits-with-basehead",
    "repos/create-commit-status",
    "repos/get",
    "repos/get-branch",
    "repos/get-branch-rules",
    "repos/get-collaborator-permission-level",
    "repos/get-combined-status-for-ref",
    "repos/get-content",
    "repos/list-commit-statuses-for-ref",
    "repos/list-pull-requests-associated-with-commit",
    "users/get-authenticated",
)
PROSE = (
    "description",
    "example",
    "examples",
    "externalDocs",
    "deprecated",
    "title",
    "discriminator",
    "default",
)
COMPONENTS = "#/components/schemas/"


def main(package: Path) -> None:
    source = json.loads((package / "generated" / "api.github.com.json").read_text())
    version = json.loads((package / "package.json").read_text())["version"]
    text = json.dumps(cut(source, version), separators=(",", ":"), sort_keys=True)
    SLICE.write_text(text + "\n")
    (HERE / "api.github.com.LICENSE").write_text((package / "LICENSE").read_text())
    print(f"{SLICE}: {len(text) / 1024:.0f} KiB")


def cut(source: dict[str, Any], version: str) -> dict[str, Any]:
    operations = dict(sorted(_operations(source)))
    assert set(operations) == set(OPERATIONS), sorted(set(OPERATIONS) - set(operations))
    schemas = source["components"]["schemas"]
    wanted, kept = set(_names(operations)) | {"basic-error", "validation-error"}, {}
    while wanted:
        name = wanted.pop()
        kept[name] = schema(schemas[name])
        wanted |= set(_names(kept[name])) - set(kept)
    for name in ("pull-request", "pull-request-simple"):
        head = kept[name]["properties"]["head"]["properties"]
        head["repo"] = {"anyOf": [head["repo"], {"type": "null"}]}
    _join(kept)
    return {
        "source": f"npm @octokit/openapi {version}, generated/api.github.com.json",
        "licence": "MIT, Copyright (c) 2020 Octokit contributors",
        "operations": operations,
        "$defs": kept,
    }


def _join(kept: dict[str, Any]) -> None:
    """What is put together by `allOf` is strict as a whole, since each part forbids what the others have."""
    for whole in [option for node in kept.values() for option in node.get("oneOf", ()) if "allOf" in option]:
        whole["unevaluatedProperties"] = False
        for name in _names(whole["allOf"]):
            kept[name].pop("additionalProperties", None)


def _operations(source: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in source["paths"].items():
        for method, operation in methods.items():
            if operation.get("operationId") in OPERATIONS:
                yield (
                    operation["operationId"],
                    {"method": method.upper(), "path": path} | _kept(operation, source),
                )


def _kept(operation: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    parameters = [_resolved(p, source) for p in operation.get("parameters", [])]
    body = _resolved(operation.get("requestBody", {}), source)
    return {
        "parameters": {
            place: {
                p["name"]: {"required": p.get("required", False), "schema": schema(p["schema"])}
                for p in parameters
                if p["in"] == place
            }
            for place in ("path", "query")
        },
        "body": _content(body),
        "responses": {
            status: _content(_resolved(response, source))
            for status, response in operation["responses"].items()
        },
    }


def _resolved(node: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    found: Any = node
    if "$ref" in node:
        found = source
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
    return found  # type: ignore[no-any-return]


def _content(holder: dict[str, Any]) -> Any:
    """The JSON schema of a body, None where there is no body."""
    content = holder.get("content", {})
    kinds = [kind for kind in content if kind.endswith("json")]
    return schema(content[kinds[0]]["schema"]) if kinds else None


def schema(node: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema 2020-12, without prose."""
    if isinstance(node, list):
        return [schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {
        key: {name: schema(value) for name, value in item.items()} if key == "properties" else schema(item)
        for key, item in node.items()
        if key not in PROSE and key != "nullable" and not key.startswith("x-")
    }
    if made.get("$ref", "").startswith(COMPONENTS):
        made["$ref"] = "#/$defs/" + made["$ref"].removeprefix(COMPONENTS)
    if "properties" in made:
        made.setdefault("additionalProperties", False)
    return _or_null(made) if node.get("nullable") else made


def _or_null(made: dict[str, Any]) -> dict[str, Any]:
    if "type" not in made:
        return {"anyOf": [made, {"type": "null"}]}
    made["type"] = [made["type"], "null"]
    if "enum" in made:
        made["enum"] = [*made["enum"], None]
    return made


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(COMPONENTS).removeprefix("#/$defs/")
        for item in node.values():
            yield from _names(item)
    elif isinstance(node, list):
        for item in node:
            yield from _names(item)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import events as e
from runner import model, resources, schema
from runner.document import Document, parse
from runner.plan import make, to_json
from runner.problems import Problem
from runner.schema.samples import written
from runner.schema.walk import Walk
from tests.snapshots import assert_snapshot

NAMES = ("queue", "config", "plan", "event", "pull")
ROOT = Path(__file__).parents[2]
HANDLED = {
    "$ref", "type", "enum", "const", "pattern", "anyOf", "required", "properties", "patternProperties",
    "additionalProperties", "propertyNames", "items", "minItems", "minLength", "minProperties", "minimum",
    "maximum", "exclusiveMinimum",
}  # fmt: skip
ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "default", "examples"}


def subschemas(node: Any, route: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every schema inside a schema, with the way to it."""
    yield route, node
    for key in ("properties", "patternProperties", "$defs"):
        for name, inner in node.get(key, {}).items():
            yield from subschemas(inner, (*route, key, name))
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(node.get(key), dict):
            yield from subschemas(node[key], (*route, key))
    for index, inner in enumerate(node.get("anyOf", ())):
        yield from subschemas(inner, (*route, "anyOf", str(index)))


def followed(root: dict[str, Any], reference: str) -> dict[str, Any]:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def minimal(**fields: Any) -> dict[str, Any]:
    return {"jobs": [{"job_id": "a", "command": "true", **fields}]}


class TestShape:
    @pytest.mark.parametrize("name", NAMES)
    def test_each_follows_the_meta_schema(self, name: str) -> None:
        jsonschema.Draft202012Validator.check_schema(schema.load(name))
        jsonschema_rs.meta.validate(schema.load(name))

    @pytest.mark.parametrize("name", NAMES)
    def test_every_field_has_a_description(self, name: str) -> None:
        root = schema.load(name)
        for route, node in subschemas(root):
            if len(route) > 1 and route[-2] in ("properties", "patternProperties"):
                target = node
                while "description" not in target and "$ref" in target:
                    target = followed(root, target["$ref"])
                assert len(target.get("description", "")) > 3, route

    @pytest.mark.parametrize("name", NAMES)
    def test_an_object_with_fields_allows_no_others(self, name: str) -> None:
        for route, node in subschemas(schema.load(name)):
            open_root = name == "event" and not route
            if "properties" in node and not open_root:
                assert "additionalProperties" in node, route

    @pytest.mark.parametrize("name", NAMES)
    def test_only_keywords_are_used_that_the_walk_knows(self, name: str) -> None:
        for route, node in subschemas(schema.load(name)):
            assert node.keys() <= HANDLED | ANNOTATIONS, route

    def test_the_machine_of_the_configuration_is_that_of_a_queue(self) -> None:
        ours = schema.load("queue")["$defs"]["machine"]["properties"]
        theirs = schema.load("config")["$defs"]["machine"]["properties"]
        assert ours.keys() == theirs.keys()

    def test_defaults_has_every_field_of_a_job_but_three(self) -> None:
        root = schema.load("queue")
        job = root["$defs"]["job"]["properties"].keys()
        assert job - root["properties"]["defaults"]["properties"].keys() == {
            "job_id",
            "command",
            "depends_on",
        }

    def test_they_are_found_beside_the_package(self) -> None:
        assert resources.path("schemas", "queue.schema.json") == ROOT / "schemas" / "queue.schema.json"


class TestTiedToTheTypes:
    @pytest.mark.parametrize("name", sorted(e.TYPES))
    def test_events(self, name: str) -> None:
        """Our schema, our types and what is written stay one thing."""
        described = schema.load("event")["$defs"][name]
        fields = dataclasses.fields(e.TYPES[name])
        required = {
            f.name
            for f in fields
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        }
        assert described["properties"].keys() == {f.name for f in fields} | {"seq", "run_id", "type"}
        assert set(described["required"]) == required | {"seq", "run_id", "type"}

    def test_no_event_is_described_that_is_not_written(self) -> None:
        assert schema.load("event")["$defs"].keys() == e.TYPES.keys()

    def test_an_event_as_it_is_written_is_valid(self) -> None:
        event = e.AttemptFinished(
            at=1.5, job_id="a", attempt=1, outcome="failed", exit_code=3, outputs={"a": [1]}
        )
        line = json.loads(e.encode(event, 1, "q-20261122T180405-abcdef"))
        assert schema.check(line, "event") == []
        assert schema.check({**line, "exit_code": "3"}, "event") != []

    @pytest.mark.parametrize(
        ("name", "record"),
        [("queue", model.Queue), ("job", model.Job), ("retry", model.Retry)],
    )
    def test_plan(self, name: str, record: Any) -> None:
        described = schema.load("plan")["$defs"][name]["properties"]
        assert described.keys() == {f.name for f in dataclasses.fields(record)}

    def test_a_plan_as_it_is_written_is_valid(self) -> None:
        retry = model.Retry(count=2, codes=(1, 2), on=frozenset({"exit"}))
        job = model.Job(
            job_id="a", command=("x", "y"), retry=retry, timeout=5.0, environment={"A": "b"}, when="x"
        )
        machine = model.Machine(provider="ec2", options={"type": "m7i.large"})
        queue = model.Queue(queue_id="q", queue_name="Q", jobs=(job,), machine=machine, params={"n": [1]})
        plan = json.loads(to_json(make(queue, source="-", git=model.Git(sha="0" * 40))))
        assert schema.check(plan, "plan") == []
        assert [p.message for p in schema.check({**plan, "version": 2}, "plan")] == [
            "`version` must be `1`, not `2`"
        ]


def engines_agree(tree: Any, name: str) -> bool:
    """The compiled engine, the walk and the reference say the same; the walk finds the reference's places."""
    fast = jsonschema_rs.Draft202012Validator(schema.load(name)).is_valid(tree)
    reference = jsonschema.Draft202012Validator(schema.load(name))
    walked = list(Walk(schema.load(name)).findings(tree))
    assert fast == reference.is_valid(tree) == (not walked)
    places = {tuple(error.absolute_path) for error in reference.iter_errors(tree)}
    for finding in walked:
        starts = [finding.route[:size] for size in range(len(finding.route) + 1)]
        assert any(start in places for start in starts), finding
    return fast


BAD_JOBS = [
    {"job_id": "a b"}, {"job_id": 5}, {"job_id": "-a"}, {"job_id": "a" * 64},
    {"command": 1}, {"command": []}, {"command": ""}, {"command": ["a", 2]}, {"command": None},
    {"timeout": "5 parsecs"}, {"timeout": -1}, {"timeout": True}, {"timeout": ""},
    {"environment": {"A B": "x"}}, {"environment": {"B": 1.5}}, {"environment": {"C": True}},
    {"environment": {"D": None}}, {"environment": []}, {"foo": 1}, {"resources": {"cpus": 0}},
    {"resources": {"x y": 1}}, {"resources": {"memory": "much"}}, {"resources": {"gpus": 1.5}},
    {"retry": {"max_attempts": 0}}, {"retry": {"on": ["exot"]}}, {"retry": 3}, {"retry": {"jitter": 2}},
    {"retry": {"retry_on_codes": [256]}}, {"retry": {"what": 1}}, {"depends_on": ["a", 2]},
    {"depends_on": "a"}, {"secrets": {"A": "hunter2"}}, {"secrets": {"A": "env:"}}, {"always_run": "yes"},
    {"retry_count": -1}, {"retry_count": 1.5}, {"retry_strategy": "linear"}, {"when": 3},
    {"matrix": {"a": []}}, {"matrix": {}}, {"matrix": {"1": [1]}}, {"foreach": "a"}, {"shell": "bash"},
    {"shell": []}, {"on_failure": 1}, {"priority": "high"}, {"result_when": "never"}, {"description": 5},
    {"max_instances": 0}, {"inputs": [1]}, {"secrets": {"A": "ssm:runner/a", "B": " SSM:/runner/a"}},
    {"secrets": {"A": "ssm:/runner/", "B": "secretsmanager:a#", "C": "arn:aws:ssm:eu-west-1::parameter/a"}},
    {"secrets": {"A": "arn:aws:iam::1:role/x", "B": "ssm:", "C": "ssm:a b"}},
]  # fmt: skip
GOOD_JOBS = [
    {}, {"timeout": 5}, {"timeout": 1.5}, {"timeout": "1h 30m"}, {"timeout": "${{ params.t }}"},
    {"x-note": [1]}, {"retry_count": "${{ params.n }}"}, {"retry_count": 2.0},
    {"environment": {"A": 1, "B": "x"}}, {"command": ["a"]}, {"depends_on": "${{ params.list }}"},
    {"job_id": "a-${{ params.x }}"}, {"secrets": {"A": "env:B", "C": "ssm:/x"}},
    {"retry": {"jitter": True, "on": []}}, {"matrix": {"a": [1], "include": [{"a": 2}]}}, {"foreach": [1]},
    {"resources": {"cpus": 0.5, "memory": "8GiB", "gpus": 0, "licenses": 2}}, {"when": True},
    {"always_run": True}, {"timeout": " 1h\n"},
]  # fmt: skip
BAD_QUEUES = [
    None, [], "x", 5, {}, {"jobs": []}, {"jobs": {}}, {"jobs": 5}, {"jobs": [5, None]}, {"jobs": [{}]},
    {"template": "../x"}, {**minimal(), "queue_id": ""}, {**minimal(), "nope": 1},
    {**minimal(), "machine": {"provider": "gcp"}}, {**minimal(), "machine": {"region": "mars", "ttl": "x"}},
    {**minimal(), "params": {"a-b": {}}}, {**minimal(), "params": {"n": {"type": "int"}}},
    {**minimal(), "params": {"n": 5}}, {**minimal(), "schedule": "now"},
    {**minimal(), "schedule": ["0 3 * *"]}, {**minimal(), "notify": {"on": []}},
    {**minimal(), "max_parallel": 0}, {**minimal(), "defaults": {"job_id": "x"}},
    {**minimal(), "on_failure": "explode"}, {**minimal(), "run_on": "push"},
    {**minimal(), "concurrency": {"policy": "queue"}}, {**minimal(), "with": {"a": {}}},
    {**minimal(), "results": ""}, {**minimal(), "machine": {"region": "us-east-1a", "disk": "100 gb"}},
    {**minimal(), "machine": {"region": "EU_Central1", "disk": "16gib"}},
    {**minimal(), "machine": {"region": "everywhere", "disk": "all"}},
    {**minimal(), "machine": [{"spot": True}]},
]  # fmt: skip
BAD_SETTINGS = [
    {"aws": {"instance_profile": "arn:aws:iam::123456789012:instance-profile/p", "role": "runner"}},
    {"aws": {"security_group": "default", "subnets": ["vpc-0abc"], "region": "us-east-1b"}},
    {"aws": {"bucket": "s3://my-runs/runner", "access_key": "A"}}, {"region": "us-east-1", "jobs": []},
    {"max_cost": 3, "policy": {"max_cost": "$10", "max_disk": "1 tb", "max_ttl": "8 hours"}},
    {"policy": {"max_cost": "10 USD"}}, {"policy": {"max_cost": "little"}},
]  # fmt: skip

KEYS = st.sampled_from(
    ["jobs", "job_id", "command", "timeout", "environment", "retry", "on", "machine", "x-a"]
)
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 300)
    | st.floats(-1, 2)
    | st.sampled_from(["a", "", "1h", "${{ x }}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


class TestEngines:
    @pytest.mark.parametrize("fields", GOOD_JOBS, ids=repr)
    def test_agree_on_good_jobs(self, fields: dict[str, Any]) -> None:
        assert engines_agree(minimal(**fields), "queue")
        assert schema.check(minimal(**fields), "queue") == []

    @pytest.mark.parametrize("fields", BAD_JOBS, ids=repr)
    def test_agree_on_bad_jobs(self, fields: dict[str, Any]) -> None:
        assert not engines_agree(minimal(**fields), "queue")

    def test_a_line_break_at_the_end_is_no_part_of_an_id(self) -> None:
        """Python's `$` lets it pass, and the reference with it; that of ECMA-262 does not."""
        [problem] = schema.check(minimal(job_id="a\n"), "queue")
        assert problem.route == ("jobs", 0, "job_id")

    @pytest.mark.parametrize("tree", BAD_QUEUES, ids=repr)
    def test_agree_on_bad_queues(self, tree: Any) -> None:
        assert not engines_agree(tree, "queue")

    @pytest.mark.parametrize(
        "path",
        sorted([*(ROOT / "queues").rglob("*.yaml"), *(ROOT / "templates/queues").glob("*.yaml")]),
        ids=lambda p: p.name,
    )
    def test_agree_on_our_queues_and_templates_as_they_are_written(self, path: Path) -> None:
        parsed = parse(path.read_bytes(), path.name)
        assert isinstance(parsed, Document)
        assert engines_agree(parsed.tree, "queue")

    @pytest.mark.parametrize("tree", BAD_SETTINGS, ids=repr)
    def test_agree_on_bad_settings(self, tree: Any) -> None:
        assert not engines_agree(tree, "config")

    @given(TREES)
    @settings(max_examples=80, deadline=None)
    @pytest.mark.slow
    def test_agree_on_anything(self, tree: Any) -> None:
        engines_agree(tree, "queue")
        engines_agree({"jobs": [tree]}, "queue")


def line(problem: Problem) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{'.'.join(map(str, problem.route))} {problem.rule}: {problem.message}{hint}"


class TestSentences:
    def test_what_is_said(self) -> None:
        """Every sentence for a bad job or queue, for people to read in one place."""
        lines = []
        queues = [minimal(**fields) for fields in BAD_JOBS] + BAD_QUEUES
        for name, trees in (("queue", queues), ("config", BAD_SETTINGS)):
            for tree in trees:
                lines.append(json.dumps(tree)[:140])
                lines += [f"    {line(p)}" for p in schema.check(tree, name)]
        assert_snapshot("schema_sentences.txt", "\n".join(lines) + "\n")

    def test_did_you_mean(self) -> None:
        problems = schema.check(minimal(timout="1h", needs=["x"]), "queue")
        assert [p.hint for p in problems] == ["did you mean `timeout`?", "did you mean `depends_on`?"]
        assert all(p.at_key for p in problems)

    def test_a_value_of_any_size_leaves_a_short_sentence(self) -> None:
        for value in ("x" * 5_000_000, ["x"] * 100_000, {"k" * 100_000: 1}):
            for p in schema.check(minimal(timeout=value), "queue"):
                assert len(p.message) + len(p.hint) < 400

    def test_secrets_are_not_repeated(self) -> None:
        for fields in ({"secrets": {"TOKEN": "hunter2 hunter2"}}, {"environment": {"TOKEN": ["hunter2"]}}):
            problems = schema.check(minimal(**fields), "queue")
            assert problems
            assert not any("hunter2" in p.message + p.hint for p in problems)

    @pytest.mark.parametrize(
        "tree",
        [
            {"jobs": [5] * 100_000},
            {"jobs": [minimal()["jobs"][0]] * 100_000 + [5]},
            minimal(environment={f"A{i}": 1.5 for i in range(100_000)}),
            minimal(environment={**{f"A{i}": "x" for i in range(300_000)}, "B": 1.5}),
            minimal(depends_on=["a"] * 400_000 + [6]),
            {f"a{i}": i for i in range(100_000)},
        ],
        ids=["jobs", "last job", "environment", "last value", "last dependency", "fields"],
    )
    def test_many_mistakes_or_much_to_search_cost_little(self, tree: Any) -> None:
        walk = Walk(schema.load("queue"))
        steps = 0
        original = walk._walk

        def counted(*args: Any) -> Any:
            nonlocal steps
            steps += 1
            return original(*args)

        walk._walk = counted  # type: ignore[method-assign]
        found = [finding for finding, _ in zip(walk.findings(tree), range(schema.MAX_PROBLEMS), strict=False)]
        assert found
        assert steps < 5_000


def examples(node: Any) -> Iterator[Any]:
    """Every example of a schema."""
    if isinstance(node, dict):
        yield from node.get("examples", ()) if isinstance(node.get("examples"), list) else ()
        for value in node.values():
            yield from examples(value)
    elif isinstance(node, list):
        for value in node:
            yield from examples(value)


@pytest.mark.parametrize("name", ["queue", "config"])
def test_what_a_hint_shows_can_be_copied_into_braces(name: str) -> None:
    shown = list(examples(schema.load(name)))
    assert len(shown) > 5
    for example in shown:
        found = parse(f"x: {{a: {written(example)}, b: 1}}".encode(), "q.yaml")
        assert isinstance(found, Document), (example, found)
        assert found.tree["x"]["a"] == example

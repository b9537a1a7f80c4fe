from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.problems import Problem, Route, Severity
from runner.validate import MOST_OF_A_RULE, Around, Policy, as_launched, check
from runner.validate.ancestry import unordered
from runner.validate.circles import circles
from runner.validate.nearest import did_you_mean, nearest
from runner.validate.schedules import cron_problem

SEED = Path(__file__).parents[1] / "examples" / "seed"


def job(job_id: str, **fields: Any) -> dict[str, Any]:
    return {"job_id": job_id, "command": "x", **fields}


def checked(
    *jobs: dict[str, Any], around: Around | None = None, deferred: Any = None, **fields: Any
) -> list[Problem]:
    return check({"jobs": list(jobs), **fields}, around=around or Around(), deferred=deferred)


def rules(problems: list[Problem]) -> list[tuple[str, Route]]:
    return [(p.rule, p.route) for p in problems]


class TestGraph:
    def test_a_circle_of_10_000_has_one_short_sentence(self) -> None:
        jobs = [job(f"j{i}", depends_on=[f"j{(i + 1) % 10_000}"]) for i in range(10_000)]
        [problem] = checked(*jobs)
        assert problem.rule == "cycle"
        assert problem.message.startswith(
            "10,000 jobs wait for each other in a circle: j0 → j1 → j2 → j3 → … 9,993 more"
        )
        assert problem.message.endswith("→ j9999 → j0")

    def test_each_circle_is_reported_and_what_hangs_on_it_is_not(self) -> None:
        problems = checked(
            job("a", depends_on=["b"]), job("b", depends_on=["a"]), job("c", depends_on=["a"]),
            job("d", depends_on=["e"]), job("e", depends_on=["d", "c"]),
        )  # fmt: skip
        assert rules(problems) == [
            ("cycle", ("jobs", 0, "depends_on", 0)),
            ("cycle", ("jobs", 3, "depends_on", 0)),
        ]

    @given(st.dictionaries(st.integers(0, 8), st.lists(st.integers(0, 8), max_size=3), max_size=9))
    @settings(max_examples=100, deadline=None)
    def test_circles_are_circles_and_none_is_left(self, edges: dict[int, list[int]]) -> None:
        before = {str(n): [str(d) for d in edges.get(n, []) if d != n] for n in range(9)}
        found = list(circles(before))
        for circle in found:
            assert all(b in before[a] for a, b in zip(circle, [*circle[1:], circle[0]], strict=True))
        left = {n: [d for d in ds if d not in set().union(*found)] for n, ds in before.items()}
        alive = {n for n in left if not any(n in circle for circle in found)}
        while done := {n for n in alive if not set(left[n]) & alive}:
            alive -= done
        assert not alive

    @given(st.integers(2, 30), st.randoms(use_true_random=False))
    @settings(max_examples=100, deadline=None)
    def test_unordered_pairs_are_those_without_a_path(self, size: int, chance: random.Random) -> None:
        before = {str(n): [str(d) for d in range(n) if chance.random() < 0.15] for n in range(size)}
        ancestors: dict[str, set[str]] = {}
        for node, dependencies in before.items():
            ancestors[node] = set(dependencies).union(*(ancestors[d] for d in dependencies))
        pairs = [(a, b) for a in before for b in before]
        assert unordered(before, pairs) == {(a, b) for a, b in pairs if b not in ancestors[a]}

    def test_reading_the_first_of_a_long_chain_is_allowed_and_quick(self) -> None:
        jobs = [job("j0")] + [
            job(f"j{i}", depends_on=[f"j{i - 1}"], when="jobs['j0'].outputs.x") for i in range(1, 3000)
        ]
        assert checked(*jobs) == []

    def test_a_handler_may_read_the_jobs_that_name_it(self) -> None:
        when = "jobs['a'].status == 'failed'"
        assert checked(job("a", on_failure="h"), job("h", when=when)) == []
        assert checked(job("a"), job("h", when=when, always_run=True), defaults={"on_failure": "h"}) == []
        assert rules(checked(job("a"), job("h", when=when, always_run=True))) == [
            ("unordered-read", ("jobs", 1, "when"))
        ]

    def test_expressions_below_defaults_are_checked_for_each_job(self) -> None:
        deferred = {("defaults", "environment", "N"): frozenset({"a"})}
        problems = checked(
            job("a", environment={"N": "own"}), job("b", depends_on=["a"]), job("c"),
            defaults={"environment": {"N": "${{ jobs['a'].outputs.n }}"}}, deferred=deferred,
        )  # fmt: skip
        assert [(p.rule, p.message) for p in problems] == [
            ("unordered-read", "`a` may not have ended when `c` starts")
        ]

    @pytest.mark.parametrize(
        ("fields", "queue", "expected"),
        [
            ({"when": "failed()"}, {}, True),
            ({"when": "${{ failed() }}"}, {}, True),
            ({"when": "jobs['a'].status == 'timed_out'"}, {}, True),
            ({"when": "failed()"}, {"on_failure": "continue"}, False),
            ({"when": "failed()", "always_run": True}, {}, False),
            ({"when": "failed()"}, {"defaults": {"always_run": True}}, False),
            ({"when": "failed() or params.x"}, {}, False),
            ({"when": False}, {}, False),
            ({"when": "always()"}, {}, False),
        ],
        ids=repr,
    )
    def test_jobs_that_can_never_run(
        self, fields: dict[str, Any], queue: dict[str, Any], expected: bool
    ) -> None:
        problems = checked(job("a"), job("b", depends_on=["a"], **fields), **queue)
        assert ("never-runs" in [p.rule for p in problems]) is expected

    def test_a_job_after_a_failure_that_is_allowed_may_run(self) -> None:
        assert checked(job("a", allow_failure=True), job("b", depends_on=["a"], when="failed()")) == []


class TestNames:
    @pytest.mark.parametrize(
        ("command", "names"),
        [
            ("echo $FOO", ["FOO"]),
            ("echo ${FOO}", ["FOO"]),
            ('echo "$FOO and ${BAR}"', ["FOO", "BAR"]),
            ("echo '$FOO'", []),
            ("echo \\$FOO", []),
            ("echo ${FOO:-x} ${BAR-x} ${BAZ:?no} ${QUX+y}", []),
            ("echo ${FOO%.csv} ${#BAR}", ["FOO"]),
            ("awk '{print $NF}' f", []),
            ("x=\"$(awk '{print $NF}' f)\"", []),
            ("FOO=1; echo $FOO", []),
            ("export FOO=1 && echo $FOO", []),
            ("for FOO in a b; do echo $FOO; done", []),
            ("read -r FOO BAR < f; echo $FOO $BAR", []),
            ("source env.sh; echo $FOO", []),
            (". ./env.sh && echo $FOO", []),
            ("cat <<'EOF'\n$FOO\nEOF", []),
            ("cat <<EOF\n$FOO\nEOF", ["FOO"]),
            ("# $FOO\necho", []),
            ("echo a#$FOO", ["FOO"]),
            ("echo $HOME $PATH $RANDOM $RUNNER_RUN_ID $JOB_ID ${BASH_SOURCE[0]} $AWS_REGION", []),
            ("echo $foo ${Foo} $1 $@ $$ $?", []),
            ("echo ${{ params.x | q }} $FOO", ["FOO"]),
            ("echo $FOO $FOO $FOO", ["FOO"]),
            ("echo $FOOD", ["FOOD"]),
            ("echo $GIVEN $DEFAULTED $TOKEN $INHERITED", []),
        ],
    )
    def test_undefined_variables(self, command: str, names: list[str]) -> None:
        problems = checked(
            job("a", command=command, environment={"GIVEN": "x"}, secrets={"TOKEN": "env:T"}),
            defaults={"environment": {"DEFAULTED": "x"}},
            around=Around(environ={"INHERITED": "x"}),
        )
        found = [p.message.split("$")[1].split(":")[0] for p in problems if p.rule == "undefined-variable"]
        assert found == names

    def test_other_programs_than_shells_are_left_alone(self) -> None:
        assert checked(job("a", command="print $FOO", shell=["/usr/bin/perl", "-e"])) == []
        assert checked(job("a", command=["echo", "$FOO"])) == []

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("API_TOKEN", "abcdef123456", True),
            ("PASSWORD", "correct horse", True),
            ("GITHUB_TOKEN", "${GITHUB_TOKEN}", False),
            ("SIGNING_KEY", "a9f8e7d6", True),
            ("KEY", "a9f8e7d6", False),
            ("SSH_KEY", "/root/.ssh/id", False),
            ("SSH_KEY", "~/.ssh/id", False),
            ("TOKENIZERS_PARALLELISM", "false", False),
            ("TOKEN_COUNT", "4096", False),
            ("MAX_TOKENS", "many words", False),
            ("NAME", "AKIAABCDEFGHIJKLMNOP", True),
            ("NAME", "ghp_" + "a" * 36, True),
            ("NAME", "-----BEGIN RSA PRIVATE KEY-----", True),
            ("URL", "https://hooks.slack.com/services/T0000/B000/xxx", True),
            ("NAME", "just text", False),
        ],
    )
    def test_literal_secrets(self, name: str, value: str, expected: bool) -> None:
        around = Around(environ={"GITHUB_TOKEN": "x"})
        problems = [
            p
            for p in checked(job("a", environment={name: value}), around=around)
            if p.rule == "literal-secret"
        ]
        assert bool(problems) is expected
        assert not any(value in p.message + p.hint for p in problems)

    def test_a_name_that_nobody_gives(self) -> None:
        around = Around(environ={"HERE": "x", "T": "x", "ACTIONS_RUNTIME_TOKEN": "x"})
        environment = {"A": "${HERE}", "B": "${T}", "C": "x${NOWHERE}", "D": "${ACTIONS_RUNTIME_TOKEN}"}
        problems = checked(job("a", environment=environment, secrets={"T": "env:T"}), around=around)
        assert [(p.rule, p.route[-1], p.severity) for p in problems] == [
            ("unset-variable", "C", Severity.WARNING),
            ("unset-variable", "D", Severity.WARNING),
        ]

    def test_a_secret_that_nobody_gives(self) -> None:
        secrets = {"A": "env:HERE", "B": "env:NOWHERE", "C": "env:NOWHERE", "D": "env:GITHUB_TOKEN"}
        around = Around(environ={"HERE": "x", "GITHUB_TOKEN": "x"})
        problems = checked(job("a", secrets=secrets), around=around)
        assert [(p.rule, p.route[-1], p.severity) for p in problems] == [
            ("unset-variable", "B", Severity.WARNING),
            ("unset-variable", "D", Severity.WARNING),
        ]


class TestPolicy:
    POLICY = Policy(
        providers=("local", "ec2"), machine_types=("m7i.*", "c7i.*"), max_ttl=86400.0, max_disk=10**11,
        secrets=("ssm:/runner/*",), regions=("us-east-1",), amis=(), subnets=("subnet-a",),
        instance_profiles=("runner-*",),
    )  # fmt: skip

    def refused(self, configured: dict[str, Any] | None = None, **fields: Any) -> list[Problem]:
        around = Around(policy=self.POLICY, machine=configured or {})
        return [p for p in checked(job("a"), around=around, **fields) if p.rule == "policy"]

    @pytest.mark.parametrize(
        "machine",
        [
            {"provider": "slurm"}, {"type": "p5.48xlarge"}, {"fallback": ["m7i.large", "p5.48xlarge"]},
            {"ttl": "25h"}, {"disk": "200GB"}, {"region": "eu-west-1"}, {"ami": "ami-12345678"},
            {"subnet": "subnet-b"}, {"instance_profile": "admin"},
        ],
        ids=repr,
    )  # fmt: skip
    def test_what_it_does_not_allow(self, machine: dict[str, Any]) -> None:
        [problem] = self.refused(machine={"provider": "ec2", **machine})
        assert problem.severity is Severity.ERROR
        assert problem.route == ("machine", next(iter(machine)))

    def test_what_it_allows(self) -> None:
        machine = {
            "provider": "ec2", "type": "m7i.large", "fallback": ["c7i.large"], "ttl": "24h", "disk": "100GB",
            "region": "us-east-1", "subnet": "subnet-a", "instance_profile": "runner-small",
        }  # fmt: skip
        assert self.refused(machine=machine) == []
        assert self.refused() == []

    def test_it_binds_the_configured_machine_too(self) -> None:
        [problem] = self.refused(configured={"provider": "ec2", "type": "p5.48xlarge"})
        assert problem.route == ()

    def test_sources_of_secrets(self) -> None:
        around = Around(policy=self.POLICY)
        problems = checked(
            job("a", secrets={"GOOD": "ssm:/runner/x", "BAD": "ssm:/admin/x"}),
            defaults={"secrets": {"WORSE": "env:HOME"}}, around=around,
        )  # fmt: skip
        assert [p.route for p in problems if p.rule == "policy"] == [
            ("defaults", "secrets", "WORSE"),
            ("jobs", 0, "secrets", "BAD"),
        ]

    def test_an_unprivileged_user_may_be_demanded(self) -> None:
        around = Around(policy=Policy(require_user=True))
        ec2 = {"provider": "ec2"}
        assert "policy" in [p.rule for p in checked(job("a"), machine=ec2, around=around)]
        assert "policy" not in [
            p.rule for p in checked(job("a"), machine={**ec2, "user": "me"}, around=around)
        ]

    @pytest.mark.parametrize("user", ["root", "0", ""])
    def test_a_user_with_all_rights_is_none_of_those(self, user: str) -> None:
        around = Around(policy=Policy(require_user=True))
        machine = {"provider": "ec2", "user": user}
        [problem] = [p for p in checked(job("a"), machine=machine, around=around) if p.rule == "policy"]
        assert problem.route == ("machine", "user")

    @pytest.mark.parametrize(
        ("policy", "hint"),
        [
            (Policy(machine_types=("c7i.*",)), "allowed are: c7i.* (`policy.machine_types`"),
            (Policy(max_ttl=3600.0), "set one: the default is 4h"),
            (Policy(max_disk=8 << 30), "set one: the default is 30 GiB (32.2 GB)"),
        ],
        ids=["type", "ttl", "disk"],
    )
    def test_what_a_queue_does_not_say_is_bound_too(self, policy: Policy, hint: str) -> None:
        around = Around(policy=policy)
        [problem] = [
            p for p in checked(job("a"), machine={"provider": "ec2"}, around=around) if p.rule == "policy"
        ]
        assert problem.hint.startswith(hint)
        assert problem.route == ("machine",)
        here = Around(policy=policy, here=True)
        assert "policy" not in [p.rule for p in checked(job("a"), machine={"provider": "ec2"}, around=here)]

    def test_timeouts_wherever_they_stand(self) -> None:
        around = Around(policy=Policy(max_ttl=3600.0))
        problems = checked(
            job("a", timeout="2h"), job("b", timeout="1h"), timeout="90m", defaults={"timeout": "61m"},
            around=around,
        )  # fmt: skip
        assert [p.route for p in problems if p.rule == "policy"] == [
            ("timeout",), ("defaults", "timeout"), ("jobs", 0, "timeout"),
        ]  # fmt: skip

    def test_a_timeout_beyond_the_configured_ttl_is_a_warning(self) -> None:
        around = Around(machine={"provider": "ec2", "ttl": "4h"})
        problems = [p for p in checked(job("a", timeout="5h"), around=around) if p.rule == "timeout-too-long"]
        assert [p.severity for p in problems] == [Severity.WARNING]

    def test_a_timeout_beyond_a_ttl_that_the_queue_sets_is_an_error(self) -> None:
        around = Around(machine={"provider": "ec2", "ttl": "9h"})
        problems = checked(job("a", timeout="5h"), machine={"ttl": "4h"}, around=around)
        assert [p.severity for p in problems if p.rule == "timeout-too-long"] == [Severity.ERROR]

    def test_a_ttl_means_nothing_here(self) -> None:
        around = Around(machine={"provider": "local", "ttl": "4h"})
        assert checked(job("a", timeout="5h"), around=around) == []

    def test_a_bucket_needs_an_account_where_the_run_is_here(self) -> None:
        assert rules(checked(job("a"), results="s3://b/p")) == [("destination", ("results",))]
        assert checked(job("a"), results="s3://b/p", around=Around(has_aws=True)) == []
        assert checked(job("a"), results="some/directory") == []


class TestMachine:
    """What a machine needs that is launched; the sentences are in examples/."""

    ALL = frozenset({"region", "bucket", "instance_profile"})

    def found(self, **machine: Any) -> list[tuple[str, Route]]:
        around = Around(account=self.ALL)
        return rules(checked(job("a"), machine={"provider": "ec2", **machine}, around=around))

    def test_the_account_is_enough(self) -> None:
        assert self.found() == []
        assert self.found(type="m7g.large", fallback=["c7g.large"], spot=True, ttl="5m", user="ubuntu") == []

    @pytest.mark.parametrize(
        ("account", "own", "named"),
        [
            (set(), {}, "`aws.region`, `aws.bucket` and `aws.instance_profile`"),
            ({"region", "bucket"}, {}, "`aws.instance_profile`"),
            ({"bucket"}, {"region": "us-east-1", "instance_profile": "p"}, ""),
        ],
    )
    def test_what_neither_says(self, account: set[str], own: dict[str, str], named: str) -> None:
        around = Around(account=frozenset(account))
        problems = checked(job("a"), machine={"provider": "ec2", **own}, around=around)
        assert [p.message.partition(" does not set ")[2] for p in problems] == ([named] if named else [])

    @pytest.mark.parametrize(
        ("account", "own", "named"),
        [
            ({"security_group", "subnets"}, {}, "`aws.security_group` and `aws.subnets`"),
            ({"security_group", "subnets"}, {"subnet": "subnet-1"}, "`aws.security_group`"),
            ({"subnets"}, {"subnet": "subnet-1"}, ""),
            ({"security_group"}, {"region": "us-east-1"}, ""),
            ({"security_group"}, {"region": "${{ params.x }}"}, ""),
            (set(), {}, ""),
        ],
    )
    def test_another_region_than_that_of_the_account(
        self, account: set[str], own: dict[str, str], named: str
    ) -> None:
        around = Around(account=self.ALL | account, region="us-east-1")
        machine = {"provider": "ec2", "region": "eu-west-1", **own}
        problems = checked(job("a"), machine=machine, around=around)
        assert rules(problems) == ([("machine", ("machine", "region"))] if named else [])
        assert [p.message.partition(": ")[2].partition(" of ")[0] for p in problems] == [named] * bool(named)

    def test_one_that_the_configuration_names_has_no_line_in_the_file(self) -> None:
        around = Around(account=self.ALL, machine={"provider": "ec2", "fallback": ["m7g.large"], "disk": 0})
        assert rules(checked(job("a"), around=around)) == [("machine", ()), ("machine", ())]

    def test_values_that_are_not_known_yet_are_not_judged(self) -> None:
        waits = "${{ params.x }}"
        given = {"type": waits, "fallback": [waits, "m7g.large"], "ttl": waits, "disk": waits, "user": waits}
        assert self.found(**given) == []

    @pytest.mark.parametrize("name", ["fallback", "disk", "ttl"])
    def test_nothing_of_it_counts_where_the_queue_runs_here(self, name: str) -> None:
        bad = {"fallback": ["m7g.large"], "disk": 0, "ttl": "1m"}
        around = Around(here=True, environ={"MINE": "x"})
        jobs = [job("a", secrets={"S": "env:MINE"}, environment={"E": "${MINE}"}, command="echo $MINE")]
        assert checked(*jobs, machine={"provider": "ec2", name: bad[name]}, around=around) == []

    def test_a_price_is_looked_for_where_a_machine_is_launched_alone(self) -> None:
        def never() -> dict[str, set[str]]:
            raise AssertionError("the table is read for a queue that has no machine of its own")

        assert checked(job("a"), around=Around(offered=never)) == []
        around = Around(machine={"provider": "ec2"}, here=True, offered=never)
        assert checked(job("a"), around=around) == []

    @pytest.mark.parametrize(
        ("region", "own", "routes"),
        [
            ("us-east-1", {}, []),
            ("us-esat-1", {}, [("no-price", ())]),
            ("us-esat-1", {"region": "us-east-1"}, []),
            ("us-east-1", {"region": "us-esat-1"}, [("no-price", ("machine", "region"))]),
            ("us-east-1", {"region": "${{ params.x }}"}, []),
            ("us-east-1", {"type": "m7i.small"}, [("no-price", ("machine", "type"))]),
            ("us-east-1", {"type": "${{ params.x }}"}, []),
            ("eu-west-1", {"type": "c7i.large", "fallback": ["m7i.large"]}, []),
            ("us-east-1", {"fallback": ["m7i.large", "m7.x"]}, [("no-price", ("machine", "fallback", 1))]),
        ],
    )
    def test_no_price(self, region: str, own: dict[str, Any], routes: list[tuple[str, Route]]) -> None:
        offered = {"us-east-1": {"m7i.large", "c7i.large"}, "eu-west-1": {"m7i.large"}}
        around = Around(account=self.ALL, region=region, machine={"provider": "ec2"}, offered=lambda: offered)
        problems = checked(job("a"), around=around, **({"machine": own} if own else {}))
        assert rules(problems) == routes
        assert all(problem.severity is Severity.WARNING for problem in as_launched(problems))
        assert all("aws.region" in problem.message for problem in problems if not own)

    @pytest.mark.parametrize(
        ("policy", "profile", "said"),
        [(None, "", True), (("ssm:/other/*",), "", False), (None, "of-my-own", False)],
    )
    def test_a_place_that_the_role_may_not_read(
        self, policy: tuple[str, ...] | None, profile: str, said: bool
    ) -> None:
        machine = {"provider": "ec2", **({"instance_profile": profile} if profile else {})}
        around = Around(account=self.ALL, policy=Policy(secrets=policy))
        problems = checked(job("a", secrets={"HF": "ssm:/other/hf"}), machine=machine, around=around)
        assert rules(problems) == ([("secret-place", ("jobs", 0, "secrets", "HF"))] if said else [])

    def test_what_ends_a_launch_is_an_error_for_those_who_launch(self) -> None:
        problems = checked(job("a", secrets={"S": "env:MINE"}, timeout="9h"), machine={"provider": "ec2"})
        assert {p.severity for p in problems} == {Severity.WARNING}
        assert [p.rule for p in as_launched(problems) if p.severity is Severity.ERROR] == [
            "not-on-machine",
            "no-account",
        ]


class TestBounds:
    def test_each_rule_says_so_much_at_most(self) -> None:
        jobs = [job(f"j{i}", depends_on=[f"missing{i}"]) for i in range(5_000)]
        problems = checked(*jobs)
        assert len(problems) == MOST_OF_A_RULE + 1
        assert "more than 50 problems of this kind" in problems[-1].message

    def test_a_near_name_is_found_among_very_many(self) -> None:
        known = [f"process-chunk-{i}" for i in range(20_000)]
        assert nearest("process-chnk-77", [*known, "process-chunk-77x"]).startswith("process-ch")
        assert did_you_mean("zzz", known) == ""
        assert nearest("BUILD", ["build", "test"]) == "build"
        assert nearest("us-esat-1", ["us-west-1", "us-east-1", "us-west-2"]) == "us-east-1"


class TestCron:
    @pytest.mark.parametrize(
        "line", ["0 3 * * *", "*/15 0-6,12 1 jan-mar mon-fri", "59 23 31 12 7", "0 0 * * SUN", "5/10 * * * *"]
    )
    def test_good(self, line: str) -> None:
        assert cron_problem(line) == ""

    @pytest.mark.parametrize(
        "line",
        ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *",
         "a * * * *", "1,,2 * * * *", "1- * * * *", "* * * * fri-x", "99999999999 * * * *"],
    )  # fmt: skip
    def test_bad(self, line: str) -> None:
        assert cron_problem(line) != ""


VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        3,
        1.5,
        "",
        "a",
        "b",
        "1h",
        "env:X",
        "${{ x }}",
        "${A}",
        "failed()",
        "s3://",
        [],
        ["a"],
        {},
    ]
)
FIELDS = st.sampled_from(
    [
        "job_id",
        "command",
        "shell",
        "depends_on",
        "timeout",
        "kill_grace",
        "retry_count",
        "retry_strategy",
        "retry_delay",
        "retry",
        "environment",
        "env",
        "secrets",
        "working_directory",
        "result_files",
        "result_paths",
        "always_run",
        "on_failure",
        "when",
        "matrix",
        "foreach",
        "max_instances",
        "resources",
        "priority",
        "inputs",
        "queue_id",
        "jobs",
        "global_timeout",
        "max_parallel",
        "defaults",
        "params",
        "template",
        "with",
        "machine",
        "concurrency",
        "run_on",
        "schedule",
        "results",
        "result_s3_bucket",
        "result_s3_prefix",
        "notify",
        "A",
        "on",
        "slack",
        "type",
        "ttl",
        "cpus",
        "max_attempts",
        "backoff",
        "delay",
        "jitter",
        "provider",
        "default",
        "choices",
    ]
)
SHAPES = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=10,
)


class TestAnything:
    """Whatever stands in a file, checking it ends in problems, never in an exception."""

    @given(
        st.dictionaries(FIELDS, SHAPES, max_size=6),
        st.lists(st.dictionaries(FIELDS, SHAPES, max_size=6), max_size=4),
    )
    @settings(max_examples=120, deadline=None)
    def test_wild_trees(self, fields: dict[str, Any], jobs: list[dict[str, Any]]) -> None:
        base: list[dict[str, Any]] = [job("a"), job("b"), {"job_id": "c"}, {"command": "x"}]
        jobs = [{**base[i], **each} for i, each in enumerate(jobs)]
        around = Around(policy=TestPolicy.POLICY, machine={"provider": "ec2", "ttl": "1h"})
        tree = {**fields, "jobs": jobs or fields.get("jobs")}
        for problem in check(tree, around=around):
            assert problem.message
            assert len(problem.message) < 400

    @given(st.data())
    @settings(max_examples=100, deadline=None)
    def test_a_good_queue_with_one_field_changed(self, data: st.DataObject) -> None:
        tree = json.loads(data.draw(st.sampled_from(sorted(SEED.glob("*.json")))).read_text())
        place = data.draw(st.sampled_from(tree["jobs"]))
        place[data.draw(FIELDS)] = data.draw(SHAPES)
        check(tree, around=Around())

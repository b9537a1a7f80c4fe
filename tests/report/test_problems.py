"""Problems as text, JSON, GitHub annotations and SARIF."""

from __future__ import annotations

import json

from runner.problems import Location, Problem, Severity
from runner.report import problems_github, problems_json, problems_sarif, problems_text
from tests.snapshots import assert_snapshot

SOURCE = b"""queue_id: demo
jobs:
  - job_id: build
    comand: make
  - job_id: \xe6\x97\xa5\xe6\x9c\xac  # wide
    command: "\x1b[31mred"
    depends_on: [biuld]
"""
FILE = "queues/demo.yaml"


def problem(line: int = 4, column: int = 5, **fields: object) -> Problem:
    named: dict[str, object] = {
        "rule": "unknown-field",
        "message": "there is no field `comand`",
        "hint": "did you mean `command`?",
        "location": Location(file=FILE, line=line, column=column),
        **fields,
    }
    return Problem(**named)  # type: ignore[arg-type]


PROBLEMS = [
    problem(),
    problem(5, 19, rule="odd", message="the column after wide letters", hint=""),
    problem(6, 15, rule="control-character", message="a control character", severity=Severity.WARNING),
    problem(7, 18, rule="unknown-dependency", message="no job `biuld`", hint="did you mean `build`?"),
    problem(99, 1, rule="far", message="a line that the file does not have", hint=""),
    problem(0, 0, rule="whole-file", message="the whole file is meant", hint=""),
    Problem(rule="nowhere", message="no place at all"),
]


class TestText:
    def test_shows_the_line_and_a_mark_under_the_column(self) -> None:
        text = problems_text.text(PROBLEMS, {FILE: SOURCE})
        assert_snapshot("problems.txt", f"{text}\n{problems_text.summary(PROBLEMS, 2)}\n")

    def test_mark_stands_under_the_column_of_a_long_line(self) -> None:
        source = b"x: " + b"a" * 500_000 + b"BAD" + b"b" * 500_000
        text = problems_text.text([problem(1, 500_004)], {FILE: source})
        shown, mark = text.splitlines()[1:3]
        assert len(shown) < 130
        assert shown[mark.index("^") :].startswith("BAD")

    def test_nothing_from_the_file_reaches_the_terminal_raw(self) -> None:
        hostile = problem(6, 15, message="\x1b[2Jmessage", hint="\x07hint", rule="r")
        text = problems_text.text([hostile], {FILE: SOURCE})
        assert "\x1b" not in text
        assert "\x07" not in text

    def test_paints_the_parts(self) -> None:
        text = problems_text.text([problem()], {FILE: SOURCE}, lambda part, kind: f"<{kind}>{part}</>")
        assert "<error>error</>" in text
        assert "<mark>^</>" in text
        assert "<hint>hint:</>" in text

    def test_summary_counts(self) -> None:
        assert problems_text.summary([], 1) == "1 file checked: no problems"
        assert problems_text.summary([problem()], 3) == "1 error in 3 files"
        assert problems_text.summary(PROBLEMS, 1) == "6 errors, 1 warning in 1 file"


class TestJson:
    def test_has_every_problem_with_its_place(self) -> None:
        report = json.loads(problems_json.text(PROBLEMS, [FILE]))
        assert report["version"] == 1
        assert report["valid"] is False
        assert (report["errors"], report["warnings"], report["files"]) == (6, 1, [FILE])
        assert report["problems"][0] == {
            "file": FILE,
            "line": 4,
            "column": 5,
            "severity": "error",
            "rule": "unknown-field",
            "message": "there is no field `comand`",
            "hint": "did you mean `command`?",
        }
        assert report["problems"][-2]["line"] is None
        assert report["problems"][-1]["file"] is None

    def test_warnings_alone_are_valid(self) -> None:
        report = json.loads(problems_json.text([problem(severity=Severity.WARNING)], [FILE]))
        assert report["valid"] is True


class TestGithub:
    def test_annotations(self) -> None:
        assert_snapshot("problems-github.txt", problems_github.text(PROBLEMS, 1))

    def test_a_name_or_message_cannot_end_the_command(self) -> None:
        hostile = problem(
            message="100%\r\n::error::forged",
            hint="",
            location=Location(file="a,b:c%.yaml", line=1, column=2),
        )
        first = problems_github.text([hostile], 1).splitlines()[0]
        assert first == (
            "::error file=a%2Cb%3Ac%25.yaml,line=1,col=2,title=unknown-field::100%25%0A::error::forged"
        )

    def test_after_ten_of_a_kind_the_rest_is_text_that_is_no_command(self) -> None:
        errors = [problem(message=f"number {i} ##[error]x\n::warning::y") for i in range(13)]
        warnings = [problem(severity=Severity.WARNING) for _ in range(2)]
        rows = problems_github.text([*errors, *warnings], 1).splitlines()
        assert sum(row.startswith("::error ") for row in rows) == 10
        assert sum(row.startswith("::warning ") for row in rows) == 2
        rest = [row for row in rows if not row.startswith("::")]
        assert len(rest) == 4
        assert rest[0].startswith("- queues/demo.yaml:4:5: error: number 10")
        assert all("##[" not in row for row in rest)
        assert rest[-1] == "13 errors, 2 warnings in 1 file"


class TestSarif:
    def test_levels_rules_and_locations(self) -> None:
        report = json.loads(problems_sarif.text(PROBLEMS, "1.2.3"))
        assert report["version"] == "2.1.0"
        (run,) = report["runs"]
        driver = run["tool"]["driver"]
        assert (driver["name"], driver["version"]) == ("runner", "1.2.3")
        rules = [rule["id"] for rule in driver["rules"]]
        assert rules == sorted({p.rule for p in PROBLEMS})
        for result in run["results"]:
            assert rules[result["ruleIndex"]] == result["ruleId"]
            assert result["level"] in {"error", "warning"}
            assert result["message"]["text"]
        assert run["results"][0]["locations"] == [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": FILE},
                    "region": {"startLine": 4, "startColumn": 5},
                }
            }
        ]
        assert "region" not in run["results"][-2]["locations"][0]["physicalLocation"]
        assert "locations" not in run["results"][-1]

    def test_names_become_references(self) -> None:
        files = {
            "/abs/a b.yaml": "file:///abs/a%20b.yaml",
            "sub/ü#?.yaml": "sub/%C3%BC%23%3F.yaml",
            "c:odd.yaml": "c%3Aodd.yaml",
            "bad\udc80.yaml": "bad%80.yaml",
        }
        for name, uri in files.items():
            report = json.loads(problems_sarif.text([problem(location=Location(file=name))], "1"))
            location = report["runs"][0]["results"][0]["locations"][0]
            assert location["physicalLocation"]["artifactLocation"]["uri"] == uri

    def test_without_problems_it_is_still_a_run(self) -> None:
        assert json.loads(problems_sarif.text([], "1"))["runs"][0]["results"] == []

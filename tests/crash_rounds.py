"""`kill -9` of the runner at a random moment of a 60-job queue, then `runner resume`; many rounds.

    python -m tests.crash_rounds 200 [SEED]

Each round checks the crash rules: no finished job runs again, no job is forgotten, none runs twice at
once, the attempt that was cut off is `lost` and runs again without using up a retry, nothing stays alive.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from runner.executors.local.leftovers import JOB_MARK
from runner.runs.reading import read
from runner.state import CLOSED, RunPhase, RunState
from tests.waiting import PATIENCE

RUNNER = [sys.executable, "-m", "runner"]
ROOT = Path(__file__).resolve().parents[1]

_JOB = """
exec 9> "$MARKS/$JOB_ID.lock"
flock -n 9 || echo "$JOB_ID $JOB_ATTEMPT" >> "$MARKS/overlaps"
echo "$JOB_ATTEMPT" >> "$MARKS/$JOB_ID.starts"
setsid sleep {seconds} &
sleep {seconds}
echo "$JOB_ATTEMPT" > "$RUNNER_RESULT_DIR/out"
{extra}
wait
"""


def queue_text(rng: random.Random) -> str:
    """60 jobs: layers of six, some flaky, one that fails with its handler, one cleanup."""
    lines = [
        "queue_id: crash",
        "on_failure: continue",
        "max_parallel: 4",
        "defaults: {environment: {MARKS: '${MARKS}'}, kill_grace: 200ms}",
        "jobs:",
    ]
    for i in range(58):
        extra = ""
        after = sorted(rng.sample(range(max(0, i - 8), i), min(i, 2))) if i >= 6 else []
        if i % 10 == 3:
            extra = '[ "$(wc -l < "$MARKS/$JOB_ID.tries" 2>/dev/null || echo 0)" -ge 1 ] || '
            extra += '{ echo try >> "$MARKS/$JOB_ID.tries"; exit 1; }'
        if i == 50:
            extra = "exit 4"
        lines += [f"  - job_id: j{i}", f"    depends_on: [{', '.join(f'j{k}' for k in after)}]"]
        if i % 10 == 3:
            lines += ["    retry_count: 1", "    retry_delay: 20ms"]
        if i == 50:
            lines += ["    on_failure: handler"]
        body = _JOB.format(seconds=rng.choice(["0.01", "0.03", "0.1"]), extra=extra)
        lines += ["    command: |", *("      " + line for line in body.strip().splitlines())]
    body = _JOB.format(seconds="0.01", extra="").strip().splitlines()
    lines += ["  - job_id: handler", "    command: |", *("      " + line for line in body)]
    lines += ["  - {job_id: cleanup, depends_on: [j57], always_run: true, command: |-"]
    lines[-1] = "  - job_id: cleanup"
    lines += [
        "    always_run: true",
        "    depends_on: [j57]",
        "    command: |",
        *("      " + x for x in body),
    ]
    return "\n".join(lines) + "\n"


def one_round(folder: Path, rng: random.Random) -> str:
    """One run with one to three kills. Raises AssertionError where a rule is broken; returns a note."""
    marks = folder / "marks"
    marks.mkdir()
    file = folder / "crash.yaml"
    file.write_text(queue_text(rng))
    run = folder / "run"
    env = {**os.environ, "MARKS": str(marks), "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "home")}
    command = [*RUNNER, "run", str(file), "--run-dir", str(run)]
    kills = 0
    for _ in range(rng.choice([1, 1, 2, 3])):
        delay = rng.uniform(0.15, 3.0)
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            _, errors = process.communicate(timeout=delay)
            assert process.returncode == 1, errors
            command = [*RUNNER, "resume", str(run)]  # of a finished run: says how it ended, does nothing
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
        if not (run / "plan.json").exists():
            shutil.rmtree(run, ignore_errors=True)
            continue  # nothing had begun: the next one runs it from the start
        before = closed_jobs(run)
        starts = start_counts(marks)
        command = [*RUNNER, "resume", str(run)]
        check_after_kill(run, marks, before, starts)
    finished = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.returncode == 1, (finished.returncode, finished.stderr[-2000:])
    check_end(run, marks)
    return f"{kills} kills"


def closed_jobs(run: Path) -> set[str]:
    _, state = read(run)
    return {name for name, job in state.jobs.items() if job.phase in CLOSED}


def start_counts(marks: Path) -> Counter[str]:
    return Counter({p.stem: len(p.read_text().split()) for p in marks.glob("*.starts")})


_pinned: dict[Path, list[tuple[set[str], Counter[str]]]] = {}


def check_after_kill(run: Path, marks: Path, closed: set[str], starts: Counter[str]) -> None:
    """Remember what was over at the kill: it must not have started again at the end."""
    pinned = Counter({name: count for name, count in starts.items() if name in closed})
    _pinned.setdefault(run, []).append((closed, pinned))
    assert marks.is_dir()


def check_end(run: Path, marks: Path) -> None:
    _, state = read(run)
    assert state.phase is RunPhase.FINISHED
    starts = start_counts(marks)
    for closed, pinned in _pinned.pop(run, []):
        for name in closed:
            assert starts[name] == pinned[name], f"{name} had finished and ran again"
    assert not (marks / "overlaps").exists(), (marks / "overlaps").read_text()
    check_jobs(state, starts)
    assert alive(state.run_id) == []


def check_jobs(state: RunState, starts: Counter[str]) -> None:
    for name, job in state.jobs.items():
        assert job.phase in CLOSED, f"{name} was forgotten"
        wanted = "failed" if name == "j50" else "succeeded"
        blocked = job.because.get("job")
        assert job.outcome == wanted or blocked, f"{name} {job.outcome} {job.reason}"
        ended = [a.finished for a in job.attempts if a.finished is not None]
        assert len(ended) == len(job.attempts)
        assert starts[name] <= len(job.attempts)
        lost = sum(end.outcome == "lost" for end in ended)
        assert len(ended) - lost <= 2
        if not blocked:
            assert len(ended) - lost >= 1


def alive(run_id: str) -> list[int]:
    """Processes that carry the run's mark, after a moment for the last ones to be reaped."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and marked(p, run_id)]
        if not found or time.monotonic() > deadline:
            return found


def marked(process: Path, run_id: str) -> bool:
    try:
        return f"{JOB_MARK}={run_id}".encode() in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def main(rounds: int, seed: int) -> None:
    for number in range(rounds):
        rng = random.Random(seed + number)
        with tempfile.TemporaryDirectory(prefix="crash-") as folder:
            try:
                note = one_round(Path(folder), rng)
            except AssertionError:
                print(f"round {number} (seed {seed + number}) broke a rule", file=sys.stderr)
                raise
        print(f"round {number}: {note}", flush=True)
    print(f"{rounds} rounds: the crash rules held")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)

"""A repository that is to hold the loop: `init` puts the files there, `doctor` says what is missing.

init: source + wanted (what belongs there) → compare, lines (what to do, pure) → writing.
doctor: looking (facts) → checks (findings, pure) → telling.
"""

"""Measures `runner` against build tools and against the machine's own limit: `python -m bench --help`."""

"""runner: merge a YAML file, get a machine, read the results in the pull request."""

__version__ = "0.1.0"

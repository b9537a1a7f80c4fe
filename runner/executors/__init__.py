"""Executors: where attempts run. Each is behind `runner.ports.Executor`."""

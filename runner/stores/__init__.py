"""Stores: where a run's log, logs and results are kept. Each is behind `runner.ports.Store`."""

"""Keeps an attempt's result files."""

from runner.results.collecting import MANIFEST, Collected, Collection, Collector, collect

__all__ = ["MANIFEST", "Collected", "Collection", "Collector", "collect"]

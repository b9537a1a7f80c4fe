"""Runs on this machine and in buckets: where they are, and what their files say."""

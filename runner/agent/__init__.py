"""The door of a machine that runs jobs for somebody else: one order on standard input, one run, one exit.

It knows neither YAML nor GitHub, has no token, and shows nothing: who gave the order reads the run's
directory.
"""

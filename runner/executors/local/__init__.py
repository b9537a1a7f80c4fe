"""Attempts as processes of this machine.

`executor` is the side of the scheduler. `spawner` is one small process that forks a `slot` for every
attempt that may run at once; a slot starts one attempt at a time and owns every process of it.
"""

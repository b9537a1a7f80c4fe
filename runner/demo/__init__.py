"""The whole loop on a laptop: pull request, plan, merge, run, results, a retry; no cloud, no account.

`world` is the repository and the embedded forge, `script` what happens in it; every step is the command that
a workflow calls, with the event GitHub would send. `showing` prints what a reader of the pull request sees.
"""

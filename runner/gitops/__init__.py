"""What the workflows call: from an event of GitHub to plans, runs, statuses and comments.

context + payload (who calls, what happened) → history, changes, due (git) →
planning | commenting | merging | commanding | reconciling. Each takes a
`Context` and a `CodeHost`, so that a laptop and the tests play the same loop over files.
"""

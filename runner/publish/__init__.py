"""A run on a forge: statuses and comments, *wanted minus published*.

follow (one write at a time) → publisher (carries out, errors) → wanted (pure: what is missing)
       ↳ look (reads a run)                 ↳ known (what the forge has)

Nothing here remembers anything between two processes: whoever starts reads what the forge has and goes on.
"""

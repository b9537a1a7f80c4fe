"""`/runner …` in a comment of a pull request: who may, what it does, and the one reply to it.

parse (pure) → permit → answering → verbs → replies; `requests` carries what concerns a run elsewhere.
"""

"""Reporters: pure, from one folded state, plan or list of problems to text. They never run or decide."""

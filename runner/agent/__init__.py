"""Jobs for somebody else, behind two doors. Neither knows YAML or a forge, or has a token of one.

`__main__`, a process beside that of a workflow: one order on standard input (`order`), one run (`work`,
`putting_back`), one exit. Who gave the order reads the run's directory.

`instance`, a machine of the cloud: who it is (`metadata`, `about`), what it says first (`first_words`), its
turn at the run (`session`), which goes to the bucket as it happens (`shipping`, with `lines`, `uploads`,
`tails`, `asking`, over an `outlet`), and what may end it before its run (`watching`).
"""

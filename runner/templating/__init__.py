"""The template language: Jinja's grammar, parsed by Jinja, evaluated here over JSON values only.

Jinja's own way is to compile a template to Python. That folds constants while it compiles
(`${{ 9**9**9 }}` ends the process before anything could watch it), costs half a millisecond for
each distinct text, and leaves a sandbox to escape from. Here the syntax tree is walked instead: nothing is
reachable but values, a table of filters, a table of tests and `range`, and every step is counted.

`syntax` text → parts and tree · `analysis` what a tree reads · `evaluate` tree → value ·
`statements` if, for, set · `operators`, `filters`, `tests`, `lookup` · `values`, `budget`.
"""

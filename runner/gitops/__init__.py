"""What the workflows call: from an event of GitHub to plans, runs, statuses and comments.

A package for each workflow, entered by `plan/planning` · `comment/commenting` · `merge/merging` ·
`commands/answering` · `reconcile/reconciling` · `cloud/cloud`. Each takes a `Context` (who calls), what
happened (`payload`) and a `CodeHost`, so that a laptop and the tests play the same loop over files.

Below them, what they share: `run/` carries runs out, follows and shows them · `artifacts/` what earlier
workflow runs kept · `repository/` what git says.
"""

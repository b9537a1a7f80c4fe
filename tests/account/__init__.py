"""The account as `templates/aws/runner.yaml` sets it up."""

"""Instances of EC2.

Requests (each at most four tries, by the SDK's standard retries; a launch one try, so that its error is the
whole truth): a launch is one `RunInstances`; `find` and `describe` one `DescribeInstances` for a hundred
machines; `terminate` two.

What was launched is seen by `DescribeInstances` after a second or two, as a rule, and after a minute at the
latest (`SETTLES`): who finds nothing before that has learned nothing.
"""

from runner.clouds.ec2.cloud import SETTLES, Ec2Cloud

__all__ = ["SETTLES", "Ec2Cloud"]

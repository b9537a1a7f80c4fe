"""The policy asked once more before money is spent, with the prices of now: nothing here trusts a plan."""

from __future__ import annotations

from runner.errors import RefusedError
from runner.launching.account import Account
from runner.launching.cost import bound
from runner.model import Queue
from runner.plan import Cost, Prices
from runner.problems import shorten
from runner.report import cost_words
from runner.validate import Policy
from runner.validate.ceilings import Beyond, beyond

_PLACE = "`policy.max_cost` of .github/runner.yaml"


def check(queue: Queue, account: Account, policy: Policy, prices: Prices) -> None:
    """Raises RefusedError for a machine that the policy does not allow, with everything that is wrong.

    What the account itself says (its region, subnets, profile) is allowed: who may change it may change the
    policy.
    """
    found = list(beyond(queue.machine, policy, launches=queue.machine.provider == "ec2"))
    dear = beyond_cost(bound(queue, region=account.region, prices=prices), policy.max_cost)
    found += [dear] if dear is not None else []
    if found:
        message = "; ".join(one.message for one in found)
        raise RefusedError(message, hint="; ".join(dict.fromkeys(one.hint for one in found)))


def beyond_cost(cost: Cost | None, limit: float | None) -> Beyond | None:
    """`cost` None: nothing is paid for. One that is not known is beyond any limit."""
    if cost is None or limit is None:
        return None
    most = cost_words.money(limit)
    if cost.dollars is None:
        return Beyond(
            "type",
            f"the policy allows a run to cost at most {most}, and what this one may cost is "
            f"{cost_words.sentence(cost, shorten)}",
            f"choose a type and a region with a known price, or take {_PLACE} out on the base branch",
        )
    if cost.dollars <= limit:
        return None
    return Beyond(
        "type" if cost.by == "timeouts" else "ttl",
        f"the policy allows a run to cost at most {most}, and this one may cost "
        f"{cost_words.sentence(cost, shorten)}",
        f"choose a smaller type, a shorter `ttl` or shorter timeouts ({_PLACE})",
    )

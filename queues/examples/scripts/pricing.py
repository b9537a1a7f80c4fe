"""The program that conditional-pipeline.yaml tests."""


def price(amount, customer):
    if amount < 0:
        raise ValueError("a negative amount")
    total = amount * 20
    if customer == "member":
        total *= 0.9
    elif customer == "partner":
        total *= 0.8
        if amount > 10:
            total -= 5
    if total > 1000:
        total = 1000
    return total

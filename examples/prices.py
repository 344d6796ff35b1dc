"""Functions for SQL over data/trades-*.csv, one for each form in which functions run: see docs/python-functions.md."""

TAX = {"north": 0.19, "south": 0.07}


def net(price: float, qty: int) -> float:
    """What is left of a price times a quantity."""
    total = price * qty
    if total > 1000:
        return total * 0.95 - 2
    return total


def tax(venue: str) -> float:
    """The rate at a venue."""
    return TAX.get(venue, 0.0)


def vowels(text: str) -> int:
    """How many there are."""
    found = 0
    for letter in text:
        if letter in "AEIOU":
            found += 1
    return found

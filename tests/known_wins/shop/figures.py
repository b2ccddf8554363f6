"""Numbers for the report."""


def cheapest(prices):
    """The smallest price."""
    return sorted(prices)[0]


def dearest(prices):
    """The largest price."""
    return sorted(prices)[-1]


def any_free(prices):
    """Whether something is given away."""
    return any([price == 0 for price in prices])


def gross(nets, rate):
    """Prices with tax, in whole cents."""
    return list(map(lambda net: net * (100 + rate) // 100, nets))


def ranking(sales):
    """Products by pieces sold, best first."""
    return list(reversed(sorted(sales)))


def distances(pairs):
    """How far apart the two numbers of each pair are."""
    found = []
    for low, high in pairs:
        found.append(abs(high - low))
    return found

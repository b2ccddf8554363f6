"""How parcels travel."""

import math

HUBS = (3, 5, 8, 13)


def ways(stops: int) -> int:
    """In how many ways a van can do so many stops, one, two or three at a time."""
    if stops < 0:
        return 0
    if stops == 0:
        return 1
    return ways(stops - 1) + ways(stops - 2) + ways(stops - 3)


def length(points):
    """The length of a tour."""
    total = 0.0
    for index in range(len(points) - 1):
        x, y = points[index]
        u, v = points[index + 1]
        total += math.sqrt((u - x) ** 2 + (v - y) ** 2)
    return total


class Depot:
    """Where vans are loaded."""

    def __init__(self, weights, limit):
        self.weights = weights
        self.limit = limit

    def loads(self):
        """How many vans are needed, loading in order."""
        vans, load = 1, 0
        for weight in self.weights:
            if load + weight > self.limit:
                vans += 1
                load = 0
            load += weight
        return vans

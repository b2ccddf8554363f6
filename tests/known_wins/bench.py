"""Computes a night's figures; prints a check sum, and with `--times` the seconds each part took."""

import random
import sys
import time

from shop import export, figures, orders, routes, search, words

SIZE = 20_000


def data():
    """A day of the shop, the same every time."""
    dice = random.Random(5)
    lines = [
        f"{n};c{dice.randrange(900)};p{dice.randrange(300)};{dice.randrange(1, 9)};{dice.randrange(100, 90000)}"
        for n in range(SIZE)
    ]
    prices = [dice.randrange(1, 100_000) for _ in range(SIZE)]
    text = [dice.choice(words.STOP_WORDS + ["lamp", "chair", "desk", "shelf", "blue"]) for _ in range(SIZE)]
    return lines, prices, text


def parts():
    """Every part of the night's work by name, each a function of no arguments."""
    lines, prices, text = data()
    parsed = orders.parse(lines)
    sales = {order.number: order.pieces for order in parsed}
    numbered = [(order.number, order) for order in parsed]
    points = [(price % 317, price % 211) for price in prices]
    return {
        "orders.parse": lambda: len(orders.parse(lines)),
        "orders.large": lambda: sum(len(orders.large(parsed, cents)) for cents in range(0, 90_000, 6000)),
        "orders.index": lambda: sum(len(orders.index(numbered)) for _ in range(15)),
        "orders.pieces_sold": lambda: sum(orders.pieces_sold(sales) for _ in range(30)),
        "orders.customers": lambda: sum(orders.customers(parsed) for _ in range(20)),
        "figures.cheapest": lambda: sum(figures.cheapest(prices) for _ in range(25)),
        "figures.dearest": lambda: sum(figures.dearest(prices) for _ in range(25)),
        "figures.any_free": lambda: sum(figures.any_free([0, *prices]) for _ in range(20)),
        "figures.gross": lambda: sum(figures.gross(prices, 19)[-1] for _ in range(10)),
        "figures.ranking": lambda: sum(figures.ranking(prices)[0] for _ in range(5)),
        "figures.distances": lambda: sum(figures.distances(points)[0] for _ in range(10)),
        "search.unique": lambda: len(search.unique([line[-4:] for line in lines[:8000]])),
        "search.allowed": lambda: len(search.allowed(text, [f"no {number}" for number in range(400)])),
        "search.page": lambda: sum(len(search.page(text)) for _ in range(5)),
        "search.queue": lambda: search.queue(20_000),
        "words.telling": lambda: sum(len(words.telling(text)) for _ in range(3)),
        "words.slug": lambda: sum(len(words.slug(f"{word} No. 7")) for word in text),
        "words.sentence": lambda: sum(len(words.sentence(text)) for _ in range(10)),
        "words.histogram": lambda: sum(len(words.histogram(text)) for _ in range(10)),
        "routes.ways": lambda: routes.ways(23),
        "routes.length": lambda: int(sum(routes.length(points) for _ in range(5))),
        "routes.loads": lambda: sum(routes.Depot(prices, 200_000).loads() for _ in range(20)),
        "export.rows": lambda: sum(len(export.rows([("a", price) for price in prices])) for _ in range(2)),
    }


def main():
    check = 0
    for name, part in parts().items():
        started = time.perf_counter()
        check += part()
        if "--times" in sys.argv:
            print(f"{name} {time.perf_counter() - started:.6f}")
    print(f"check sum {check}")


if __name__ == "__main__":
    main()

"""The shop's tests: `python -m unittest checks`."""

import unittest

from shop import export, figures, orders, routes, search, words

LINES = ["1;ann;lamp;2;500", "2;bob;desk;1;9900", "3;ann;lamp;5;1250"]


class Orders(unittest.TestCase):
    def test_lines_become_orders(self):
        parsed = orders.parse(LINES)
        self.assertEqual([order.cents for order in parsed], [500, 9900, 1250])
        self.assertEqual(orders.index([(2, parsed[1]), (3, None)])[2].customer, "bob")

    def test_figures_of_orders(self):
        parsed = orders.parse(LINES)
        self.assertEqual(orders.large(parsed, 1000), [2, 3])
        self.assertEqual(orders.customers(parsed), 2)
        self.assertEqual(orders.pieces_sold({"lamp": 7, "desk": 1}), 8)


class Figures(unittest.TestCase):
    def test_prices(self):
        self.assertEqual((figures.cheapest([3, 1, 2]), figures.dearest([3, 1, 2])), (1, 3))
        self.assertEqual((figures.any_free([1, 0]), figures.any_free([1])), (True, False))
        self.assertEqual(figures.gross([100, 200], 19), [119, 238])

    def test_orders_of_numbers(self):
        self.assertEqual(figures.ranking([1, 3, 2]), [3, 2, 1])
        self.assertEqual(figures.distances([(1, 4), (5, 2)]), [3, 3])


class Search(unittest.TestCase):
    def test_names(self):
        self.assertEqual(search.unique(["b", "a", "b"]), ["b", "a"])
        self.assertEqual(search.allowed(["a", "b", "a"], ["b", "c"]), ["a", "a"])
        self.assertEqual(search.page(["a", "b"]), "a\nb\n")
        self.assertEqual((search.queue(0), search.queue(5)), (0, 5))


class Words(unittest.TestCase):
    def test_words(self):
        self.assertEqual(words.telling(["the", "blue", "lamp"]), ["blue", "lamp"])
        self.assertEqual(words.slug("A Lamp, blue!"), "a-lamp-blue")
        self.assertEqual(words.sentence(["a", "lamp"]), "a lamp ")
        self.assertEqual(words.histogram(["a", "b", "a"]), {"a": 2, "b": 1})


class Routes(unittest.TestCase):
    def test_routes(self):
        self.assertEqual(routes.ways(6), 24)
        self.assertEqual(routes.length([(0, 0), (3, 4), (3, 5)]), 6.0)
        self.assertEqual(routes.Depot([5, 5, 5], 10).loads(), 2)


class Export(unittest.TestCase):
    def test_text(self):
        self.assertEqual(export.rows([("ab", 1), ("c", 22)]), ["ab        1", "c        22"])
        self.assertEqual([export.level(pieces) for pieces in (200, 20, 2)], ["well", "fairly", "badly"])
        self.assertEqual([export.warning(pieces, 5) for pieces in (0, -1, 3, 9)], ["sold out", "sold out", "short", ""])
        self.assertEqual(export.as_json([("a", 1)]), '{\n  "a": 1\n}')


if __name__ == "__main__":
    unittest.main()

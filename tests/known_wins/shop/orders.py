"""Orders as they come from the web server's log."""

from dataclasses import dataclass


@dataclass
class Order:
    number: int
    customer: str
    product: str
    pieces: int
    cents: int


def parse(lines):
    """The orders of a day, from lines of `number;customer;product;pieces;cents`."""
    orders = []
    for line in lines:
        number, customer, product, pieces, cents = line.split(";")
        orders.append(Order(int(number), customer, product, int(pieces), int(cents)))
    return orders


def large(orders, cents):
    """The numbers of the orders above an amount."""
    numbers = []
    for order in orders:
        if order.cents > cents:
            numbers.append(order.number)
    return numbers


def index(numbered):
    """A dict from pairs of number and order, without the cancelled ones."""
    found = {}
    for number, order in numbered:
        if order is not None:
            found[number] = order
    return found


def pieces_sold(sales):
    """All pieces, from a dict of product and pieces."""
    total = 0
    for product, pieces in sales.items():
        total += pieces
    return total


def customers(orders):
    """How many customers ordered something."""
    return len(set([order.customer for order in orders]))

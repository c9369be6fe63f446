"""Writes orders in many ways until its input ends; prints then what must be there, as JSON.

The first line that it prints says that it knows what was there before.

A write that fails is tried again until it succeeds.
"""

import json
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.db import DatabaseError, connections, router, transaction  # noqa: E402

from tests.shop.models import Line, Order, Product  # noqa: E402


class Writer:
    """What it has written, by the orders' keys: the text, the texts of lines, and the products."""

    def __init__(self) -> None:
        self.orders: dict[int, list[Any]] = {}
        self.counts = {"writes": 0, "refusals": 0}
        self.longest_seconds = 0.0
        self._number = 0

    def write(self) -> None:
        """Write once, however often it is refused."""
        ways = (self.create, self.create, self.change, self.change_raw, self.grow, self.delete)
        way = random.choice(ways)
        self._number += 1
        key = random.choice([*self.orders]) if self.orders else 0
        began = time.monotonic()
        while True:
            home = router.db_for_write(Order)
            try:
                with transaction.atomic(using=home):
                    note = way(home, key, f"text {self._number} é")
                break
            except DatabaseError as error:
                self.counts["refusals"] += 1
                if "moved" in str(error) or "exist" in str(error):
                    print(error, file=sys.stderr)
                time.sleep(0.02)
        note()
        self.counts["writes"] += 1
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)

    def create(self, home: str, key: int, text: str) -> Callable[[], Any]:
        order = Order.objects.using(home).create(text=text)
        return lambda: self.orders.__setitem__(order.pk, [text, [], []])

    def change(self, home: str, key: int, text: str) -> Callable[[], Any]:
        Order.objects.using(home).filter(pk=key).update(text=text)
        return lambda: key and self.orders[key].__setitem__(0, text)

    def change_raw(self, home: str, key: int, text: str) -> Callable[[], Any]:
        with connections[home].cursor() as cursor:
            cursor.execute("UPDATE shop_order SET text = %s WHERE id = %s", [text, key])
        return lambda: key and self.orders[key].__setitem__(0, text)

    def grow(self, home: str, key: int, text: str) -> Callable[[], Any]:
        if not key:
            return lambda: None
        product = Product.objects.using(home).create(name=text)
        order = Order.objects.using(home).get(pk=key)
        order.products.add(product)
        Line.objects.using(home).create(order=order, text=text)

        def note() -> None:
            self.orders[key][1].append(text)
            self.orders[key][2].append(product.pk)

        return note

    def delete(self, home: str, key: int, text: str) -> Callable[[], Any]:
        if random.random() < 0.5 or not key:
            return lambda: None
        Order.objects.using(home).get(pk=key).delete(using=home)
        return lambda: self.orders.pop(key)


def state(alias: str) -> dict[int, list[Any]]:
    """All orders of a database, as ``Writer.orders`` has them."""
    rows = Order.objects.using(alias).prefetch_related("line_set", "products")
    return {
        order.pk: [
            order.text,
            sorted(line.text for line in order.line_set.all()),
            sorted(product.pk for product in order.products.all()),
        ]
        for order in rows
    }


def main() -> None:
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    writer = Writer()
    writer.orders = state(router.db_for_write(Order))
    print("ready", flush=True)
    while not is_over.is_set():
        writer.write()
        time.sleep(0.002)
    for lists in writer.orders.values():
        lists[1].sort(), lists[2].sort()
    told = {"orders": writer.orders, "longest": writer.longest_seconds, **writer.counts}
    print(json.dumps(told))


if __name__ == "__main__":
    main()

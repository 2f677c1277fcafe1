"""
The whole product over a store: random schedules, subclassed with the fixtures `kept` and `trouble`.

Members, clouds and config cluster are in memory; what is asked of the store goes over the wire.
`python -m tests.schedules --level product-stores --seed N` plays one again over each real store.
"""

import time

from tests.schedules import product

FAMILIES = ("work", "report", "intent", "note")


class ProductContract:
    """
    Whatever happens to deliveries, instances and store, the end is that of the quiet run.

    Fixtures: `kept`, the store; `trouble(kind)`, which lets its next call meet it on the wire, see
    `product.TROUBLES`.
    """

    seconds = 10.0
    """How long schedules are played."""
    fewest = 3

    def test_product_schedules(self, kept, trouble, request, record_property):
        """Crashes, pauses, lost, doubled and late events, errors and throttling change no end."""
        first = request.config.getoption("--schedules-seed")
        count = request.config.getoption("--schedules-count")
        fewest = count or self.fewest

        def seeds():
            until, played = time.monotonic() + (0.0 if count else self.seconds), 0
            while time.monotonic() < until or played < fewest:
                yield first + played
                played += 1

        def emptied():
            for family in FAMILIES:
                for document in kept.list(family):
                    kept.delete(document.key)
            return kept

        met = []

        def counted(kind):
            met.append(kind)
            trouble(kind)

        began = time.monotonic()
        tally = product.play_all(seeds(), stores=emptied, trouble=counted, level="product-stores")
        seen = f"seeds {first} to {first + tally.schedules - 1}"
        spent = f"{len(met)} troubles on the wire, {time.monotonic() - began:.0f} s"
        name = type(kept).__name__
        record_property("schedules", f"whole product on {name}, {seen}: {tally}, {spent}")

        assert tally.schedules >= fewest
        assert tally.faults >= tally.schedules
        assert met

"""What each implementation of the port `Bus` must do; subclassed with a fixture `post`."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fedingress.domain.work import Work
from fedingress.ports.bus import Bus

DEADLINE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """*at*: the wall time of its arrival."""

    work: Work
    name: str
    at: float


def _acknowledge(_delivery):
    return True


@dataclass(slots=True, kw_only=True)
class Post:
    """A bus and what came out of it; *answer* decides whether a delivery is acknowledged."""

    bus: Bus | None = None
    answer: Callable[[Delivery], bool] = _acknowledge
    deliveries: list[Delivery] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def receive(self, work, name):
        """The handler."""
        delivery = Delivery(work=work, name=name, at=time.time())
        with self.changed:
            self.deliveries.append(delivery)
            self.changed.notify_all()
        return self.answer(delivery)

    def wait_for(self, predicate, deadline=DEADLINE):
        """Until *predicate(deliveries)*; the deliveries so far."""
        with self.changed:
            assert self.changed.wait_for(lambda: predicate(self.deliveries), deadline), (
                self.deliveries
            )
            return list(self.deliveries)

    def units(self):
        """The units delivered so far, in order."""
        with self.changed:
            return [delivery.work.unit for delivery in self.deliveries]


def work(unit, cause="ingress.changed", delay_seconds=0.0, concern="dns"):
    return Work(concern=concern, unit=unit, cause=cause, delay_seconds=delay_seconds)


class BusContract:
    """Deliveries at least once, whatever the order."""

    def test_delivers_what_was_published(self, post):
        """Each work arrives with its concern, unit and cause."""
        published = [
            work("cloud-dns:acme/example-com"),
            work("shop/web", cause="resync", concern="backends"),
            work("größe/ü", cause="repair", concern="status"),
        ]
        post.bus.publish(published)

        found = post.wait_for(lambda all_: len({d.work.unit for d in all_}) == 3)
        assert {(d.work.concern, d.work.unit, d.work.cause) for d in found} == {
            (w.concern, w.unit, w.cause) for w in published
        }

    def test_publishing_nothing_is_no_error(self, post):
        """An empty batch is accepted, and the bus goes on."""
        post.bus.publish([])
        post.bus.publish([work("a")])

        post.wait_for(lambda all_: len(all_) >= 1)

    def test_many_units_all_arrive(self, post):
        """A batch above any transport's limit (10 at SNS and SQS) arrives whole."""
        post.bus.publish(work(f"ns/{n}") for n in range(35))

        post.wait_for(lambda all_: {d.work.unit for d in all_} >= {f"ns/{n}" for n in range(35)})

    def test_a_delay_is_waited_for(self, post):
        """A delayed work does not arrive before its time, others do not wait for it."""
        published = time.time()
        post.bus.publish([work("late", delay_seconds=1.0), work("soon")])

        found = post.wait_for(lambda all_: any(d.work.unit == "late" for d in all_))
        late = next(d for d in found if d.work.unit == "late")
        assert late.at >= published + 1.0
        assert found[0].work.unit == "soon"

    def test_refused_delivery_comes_again_under_its_name(self, post):
        """What is not acknowledged is redelivered, and can be known by its delivery's id."""
        post.answer = lambda _: len(post.deliveries) > 2
        post.bus.publish([work("a")])

        found = post.wait_for(lambda all_: len(all_) >= 3)
        assert len({d.name for d in found}) == 1

    def test_a_handler_that_raises_gets_it_again(self, post):
        """An exception of the handler counts as not acknowledged and stops nothing."""

        def raising(delivery):
            if delivery.work.unit == "bad" and post.units().count("bad") < 3:
                raise RuntimeError("bug")
            return True

        post.answer = raising
        post.bus.publish([work("bad")])
        post.wait_for(lambda all_: sum(d.work.unit == "bad" for d in all_) >= 3)
        post.bus.publish([work("good")])

        post.wait_for(lambda all_: any(d.work.unit == "good" for d in all_))

    def test_deliveries_have_names_of_their_own(self, post):
        """Two publications of one work are two deliveries."""
        post.bus.publish([work("a")])
        post.wait_for(lambda all_: len(all_) >= 1)
        post.bus.publish([work("a")])

        assert len({d.name for d in post.wait_for(lambda all_: len(all_) >= 2)}) >= 2

    def test_a_handler_may_publish(self, post):
        """Work published from within a delivery arrives."""

        def forward(delivery):
            if delivery.work.unit == "first":
                post.bus.publish([work("second")])
            return True

        post.answer = forward
        post.bus.publish([work("first")])

        post.wait_for(lambda all_: any(d.work.unit == "second" for d in all_))

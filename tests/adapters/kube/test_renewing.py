"""Tokens that end are made anew in time, once for all who ask."""

import threading

import pytest

from fedingress.adapters.kube.renewing import Renewing, Token
from fedingress.domain.errors import Forbidden, Unavailable


class Maker:
    """Makes `t1`, `t2`, ... which live for *life* seconds, unless it is told to fail."""

    def __init__(self, life=600.0):
        self.now, self.made, self.life, self.error = 1000.0, 0, life, None

    def __call__(self):
        if self.error:
            raise self.error
        self.made += 1
        return Token(text=f"t{self.made}", ends=self.now + self.life)

    def renewing(self):
        return Renewing(self, now=lambda: self.now)


def test_a_token_is_kept_until_shortly_before_its_end():
    """It is made at the first call, and again a minute before it would be refused."""
    maker = Maker()
    header = maker.renewing()
    assert [header(), header()] == ["Bearer t1"] * 2
    maker.now += 539
    assert header() == "Bearer t1"
    maker.now += 2
    assert header() == "Bearer t2"


def test_who_cannot_renew_goes_on_with_what_lives():
    """A pause of the issuer shows only once the old token has ended; missing rights show then."""
    maker = Maker()
    header = maker.renewing()
    header()
    maker.now, maker.error = maker.now + 550, Unavailable("down")
    assert header() == "Bearer t1"
    maker.now += 50
    with pytest.raises(Unavailable):
        header()
    maker.error = Forbidden("revoked")
    with pytest.raises(Forbidden):
        header()


def test_a_refused_token_is_replaced_once_for_everybody():
    """Whoever hears of the refusal later gets what the first one made."""
    maker = Maker()
    header = maker.renewing()
    old = header()
    assert [header(old), header(old), header()] == ["Bearer t2"] * 3
    assert header("Bearer t2") == "Bearer t3"


def test_many_threads_make_one_token():
    """Those who come while it is made wait for it."""
    begun, go = threading.Event(), threading.Event()

    def make():
        begun.set()
        assert go.wait(10)
        return Token(text=f"t{len(made)}")

    made, found = [], []
    header = Renewing(lambda: made.append(1) or make())
    threads = [threading.Thread(target=lambda: found.append(header())) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go.set()
    for thread in threads:
        thread.join(10)
    assert (found, len(made)) == (["Bearer t1"] * 8, 1)


def test_no_repr_shows_a_token():
    """Neither the token's nor that of what keeps it."""
    header = Renewing(lambda: Token(text="sesame"))
    header()
    assert "sesame" not in repr(header) + repr(Token(text="sesame"))

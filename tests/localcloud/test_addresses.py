import subprocess
import sys

import pytest

from localcloud.addresses import (
    AddressRefused,
    NoWorldLeft,
    WorldBlock,
    from_loopback,
    loopback,
    to_loopback,
)

HOSTILE = [
    "127.0.0.1",
    "11.1.2.3",
    "192.168.0.1",
    "10.1.2",
    "10.1.2.3.4",
    "10.1.2.256",
    "10.01.2.3",
    "10.1.2.3\n",
    " 10.1.2.3",
    "10.1.2.\uff13",
    "example.com",
    "::1",
    "",
]


def test_a_pod_address_has_one_loopback_twin():
    """10.a.b.c and 127.a.b.c map onto each other."""
    assert to_loopback("10.7.3.254") == "127.7.3.254"
    assert from_loopback("127.7.3.254") == "10.7.3.254"


@pytest.mark.parametrize("address", HOSTILE)
def test_any_other_address_is_refused(address):
    """Nothing that is not exactly 10.a.b.c becomes a socket address."""
    with pytest.raises(AddressRefused):
        to_loopback(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "128.0.0.1", "127.1", "127.0.0.1 ", "localhost"])
def test_only_loopback_passes_as_loopback(address):
    """VIPs and clients must be spelt 127.a.b.c."""
    with pytest.raises(AddressRefused):
        loopback(address)


def test_two_worlds_of_one_process_differ(tmp_path):
    """The lock belongs to the block, not to the process."""
    with WorldBlock.take(tmp_path) as first, WorldBlock.take(tmp_path) as second:
        assert (first.number, second.number) == (1, 2)
    with WorldBlock.take(tmp_path) as again:
        assert again.number == 1


def test_a_crashed_process_gives_its_world_back(tmp_path):
    """A number is held by a living process and free once it was killed."""
    script = (
        "import sys; from pathlib import Path; from localcloud.addresses import WorldBlock\n"
        "block = WorldBlock.take(Path(sys.argv[1])); print(block.number, flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "1\n"
        with WorldBlock.take(tmp_path) as block:
            assert block.number == 2
        process.kill()
        process.wait()
    with WorldBlock.take(tmp_path) as block:
        assert block.number == 1


def test_no_world_left_is_said(tmp_path):
    """The two hundredth taker gets an error and not a shared world."""
    blocks = [WorldBlock.take(tmp_path) for _ in range(199)]
    try:
        with pytest.raises(NoWorldLeft):
            WorldBlock.take(tmp_path)
    finally:
        for block in blocks:
            block.close()


def test_addresses_of_a_world(tmp_path):
    """Pods, clients and their networks follow the documented layout."""
    with WorldBlock.take(tmp_path) as block:
        assert block.pod(3, 9) == "10.1.3.9"
        assert block.client(2) == "127.1.202.1"
        assert block.client_network(2) == "127.1.202.0/24"
        for wrong in (
            lambda: block.pod(200, 1),
            lambda: block.pod(0, 255),
            lambda: block.client(50),
        ):
            with pytest.raises(AddressRefused):
                wrong()


def test_a_released_virtual_address_comes_back_last(tmp_path):
    """A freed VIP is not given to the next asker while fresh ones are left."""
    with WorldBlock.take(tmp_path) as block:
        first = block.next_vip()
        assert first == "127.1.250.1"
        block.release_vip(first)
        rest = [block.next_vip() for _ in range(253)]
        assert first not in rest
        assert block.next_vip() == first
        with pytest.raises(NoWorldLeft):
            block.next_vip()

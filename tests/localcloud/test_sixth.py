"""Virtual addresses of IPv6: each port of each has a port of ::1."""

import socket

import pytest

from localcloud.sixth import SixthPorts, no_ports


@pytest.fixture
def ports():
    """None given yet; skipped where the machine has no ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6 loopback: {error}")
    return SixthPorts()


def test_a_port_is_given_once_and_stays(ports):
    """The same pair has the same port in any spelling, and another pair another one."""
    web = ports.port("fd00:7::1", 80)

    assert ports.port("FD00:7:0::1", 80) == web
    assert len({web, ports.port("fd00:7::1", 443), ports.port("fd00:7::2", 80)}) == 3
    assert ports.list()["fd00:7::1"] == {"80": web, "443": ports.port("fd00:7::1", 443)}


@pytest.mark.parametrize("address", ["::1", "2001:db8::1", "127.0.0.1", "fe80::1%eth0", "example"])
def test_other_addresses_get_none(ports, address):
    """Only the lab's own stand there."""
    with pytest.raises(ValueError, match=address[:4]):
        ports.port(address, 80)


def test_a_data_plane_without_ipv6_says_so():
    """It leaves the rule out."""
    with pytest.raises(ValueError, match="there is no IPv6 here"):
        no_ports("fd00::1", 80)

"""Where a hub is: the address to use here, and the one to give to others."""

from __future__ import annotations

import ipaddress

import pytest

from kachery_daemon.hub.addresses import seen_from_here, seen_from_others, server_address


@pytest.mark.parametrize(
    ("host", "here"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.7", "10.0.0.7"), ("::1", "::1")],
)
def test_a_hub_that_listens_everywhere_is_reached_from_here_by_loopback(
    host: str, here: str
) -> None:
    assert seen_from_here(host) == here


def test_others_reach_it_where_it_listens_or_at_this_computers_own_address() -> None:
    assert seen_from_others("127.0.0.1") == "127.0.0.1"
    assert seen_from_others("hub.example.org") == "hub.example.org"
    assert not ipaddress.ip_address(seen_from_others("0.0.0.0")).is_unspecified


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert server_address("::1", 7422, is_tls=True) == "tls://[::1]:7422"
    assert server_address("127.0.0.1", 7422, is_tls=False) == "nats://127.0.0.1:7422"

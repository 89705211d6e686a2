"""Which addresses this process publishes at: publishers of one address share its socket."""

from __future__ import annotations

import atexit
import os
import re
import threading

from kachery_jupyter.streams.endpoints import Endpoint

_ANY_PORT = re.compile(r"tcp://.*:(\*|0)")
_LINGER_AT_EXIT = 5.0
_lock = threading.RLock()
_endpoints: dict[str, Endpoint] = {}
_users: dict[str, set[int]] = {}


def join(address: str, user: int, queue: int, *, is_greeting: bool) -> Endpoint:
    """The endpoint of an address, made at its first user.

    Raises:
        AddressTakenError: another program has it.
    """
    with _lock:
        key = _spelled(address)
        endpoint = _endpoints.get(key)
        if endpoint is None or endpoint.is_closed:
            endpoint = Endpoint(address, queue, is_greeting=is_greeting)
            key = _spelled(endpoint.address if _ANY_PORT.fullmatch(address) else address)
            _endpoints[key] = endpoint
            _users[key] = set()
        _users[key].add(user)
        return endpoint


def leave(endpoint: Endpoint, user: int, linger: float, *, is_waiting: bool = True) -> None:
    """One user less; with the last one, the address is free again."""
    with _lock:
        key = next((key for key, found in _endpoints.items() if found is endpoint), None)
        if key is None:
            return
        _users[key].discard(user)
        is_last = not _users[key]
        if is_last:
            del _endpoints[key], _users[key]
    # Not under the lock: Python may collect a publisher, and come here, while its socket is used.
    if is_last:
        endpoint.close(linger, is_waiting=is_waiting)
    else:
        endpoint.forget(user)


def _spelled(address: str) -> str:
    """One spelling of addresses that are the same to a socket."""
    return address.strip().replace("//localhost:", "//127.0.0.1:").replace("//0.0.0.0:", "//*:")


@atexit.register
def _leave_all() -> None:
    with _lock:
        endpoints = list(_endpoints.values())
        _endpoints.clear()
        _users.clear()
    for endpoint in endpoints:
        endpoint.close(_LINGER_AT_EXIT, is_waiting=False)
    for endpoint in endpoints:
        endpoint.close(_LINGER_AT_EXIT)


def _forget_all() -> None:
    """In a forked child: sockets and their threads stayed with the parent."""
    global _lock  # noqa: PLW0603 - whoever held it is not here
    _lock = threading.RLock()
    _endpoints.clear()
    _users.clear()


os.register_at_fork(after_in_child=_forget_all)

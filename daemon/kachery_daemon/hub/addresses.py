"""Where a hub is: seen from this computer, and from others."""

from __future__ import annotations

import ipaddress
import socket

# Of the range that is for documents only: nothing is ever sent there.
_ELSEWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not listened at


def seen_from_here(host: str) -> str:
    """The address at which this computer reaches a server that listens at `host`."""
    return _EVERYWHERE.get(host, host)


def seen_from_others(host: str) -> str:
    """The address at which others most likely reach a server that listens at `host`.

    This computer's own, on the network that leads further; who runs a hub knows better, and may
    say so.
    """
    if host not in _EVERYWHERE:
        return host
    for address, family in _ELSEWHERE:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            try:
                # Only chooses a way; a datagram would be sent by `send`.
                trial.connect((address, 9))
                return str(trial.getsockname()[0])
            except OSError:
                continue
    return seen_from_here(host)


def server_address(host: str, port: int, *, is_tls: bool) -> str:
    """The address as NATS clients read it, for example tls://127.0.0.1:7422."""
    shown = f"[{host}]" if ":" in host else host
    return f"{'tls' if is_tls else 'nats'}://{shown}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a host is this computer itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

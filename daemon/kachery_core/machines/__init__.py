"""Protocols as machines: what to do next, without clock, network or disk."""

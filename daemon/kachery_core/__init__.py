"""Decides: names, digests, checks and formats. No disk, network, clock, thread or async."""

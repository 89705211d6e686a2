"""Keeps: content on disk under its SHA-1, whole or absent, verified when read.

Used by the node, and by programs of the storage folder's owner, with or without a node.
"""

from kachery_store.store import Store

__all__ = ["Store"]

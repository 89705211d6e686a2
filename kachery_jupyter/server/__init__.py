"""The Jupyter server extension: a node for the kernels, and its door behind Jupyter's login."""

from __future__ import annotations

from kachery_jupyter.server.extension import KacheryExtension

__all__ = ["KacheryExtension"]

"""Logs this node writes."""

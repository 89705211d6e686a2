"""Kachery."""

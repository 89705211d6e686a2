"""Streams of labelled arrays: published at an address, received from it, as xdas does."""

"""Does: one node, the running program behind a storage folder."""

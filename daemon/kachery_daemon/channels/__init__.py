"""The channels this node is a member of, and those it owns."""

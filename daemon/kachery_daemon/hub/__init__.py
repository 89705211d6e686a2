"""A hub: nats-server as a child, and the registrar that signs the accounts of channels."""

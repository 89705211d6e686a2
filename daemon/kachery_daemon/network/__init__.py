"""How this node reaches others: links to hubs, and the direct path."""

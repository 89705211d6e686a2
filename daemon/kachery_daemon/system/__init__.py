"""The doors to the operating system: threads, listening sockets, other processes."""

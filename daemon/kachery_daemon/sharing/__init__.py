"""What the members of a channel ask of each other: files and feeds, both sides of each."""

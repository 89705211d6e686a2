"""Everything that kachery does, in a minute: `make demo`. Each step says what happened, and is checked."""

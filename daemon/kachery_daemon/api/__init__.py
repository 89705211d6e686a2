"""The door for programs on this computer, one file per noun."""

"""`python -m kachery_jupyter.cli` is `kachery`, also where the command is not on the PATH."""

from kachery_jupyter.cli import main

main()

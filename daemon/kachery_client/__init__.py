"""The old name of `kachery_jupyter`: `import kachery_client as kc` goes on working."""

import sys

import kachery_jupyter
from kachery_jupyter import *  # noqa: F403 - the same names for type checkers

sys.modules[__name__] = kachery_jupyter

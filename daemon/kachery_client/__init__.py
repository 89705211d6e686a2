"""The old name of `kachery_jupyter`: `import kachery_client as kc` goes on working."""

import sys

import kachery_jupyter
from kachery_jupyter import *  # noqa: F403 - the same names for type checkers
from kachery_jupyter import open as open  # noqa: A004 - not part of *
from kachery_jupyter import set as set  # noqa: A004 - not part of *

sys.modules[__name__] = kachery_jupyter

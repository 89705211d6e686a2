"""Run it: `make demo`, or `python -m notebooks.demo`.

Starts nodes and a hub of its own in a temporary folder, does with them what people do, and ends
them. Leaves nothing behind; leaves with status 1 if anything is not as it should be.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from notebooks.demo.alone import tell_feed_story, tell_file_story
from notebooks.demo.processes import Node
from notebooks.demo.stage import check, title
from notebooks.demo.together import tell_channel_story


def main() -> int:
    begin = time.monotonic()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, leave)
    # `resolve`: a folder may be reached by a link, and nodes say where it really is.
    with tempfile.TemporaryDirectory(prefix="kachery-demo-") as name:
        folder = Path(name).resolve()
        title("A node of our own, on a free port")
        alice = Node(folder, "alice")
        with alice.running():
            become_program_of(alice)
            array = tell_file_story(alice, folder)
            tell_feed_story(alice, folder)
            tell_channel_story(alice, folder, array)
        title("The nodes have ended")
        check("nothing runs any more", not is_running(alice))
    print(f"\nAll of it worked, in {time.monotonic() - begin:.0f} s.")
    return 0


def leave(number: int, _frame) -> None:
    """End in order; whoever presses Ctrl-C twice still has everything ended and removed."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.SIG_IGN)
    sys.exit(128 + number)


def become_program_of(node: Node) -> None:
    """From here on `import kachery_jupyter` in this process finds this node."""
    for variable in [name for name in os.environ if name.startswith("KACHERY_")]:
        del os.environ[variable]
    os.environ.update(node.environment)


def is_running(node: Node) -> bool:
    return (node.storage / ".state" / "node.json").exists()


if __name__ == "__main__":
    sys.exit(main())

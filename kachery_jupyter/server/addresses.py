"""Every address of the extension, and who answers there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kachery_jupyter.server.download_handler import DownloadHandler
from kachery_jupyter.server.drive_handlers import CheckpointsHandler, DriveHandler
from kachery_jupyter.server.load_handlers import LoadHandler, LoadsHandler
from kachery_jupyter.server.preview_handler import PreviewHandler
from kachery_jupyter.server.relay import RELAYED, SHA1, RelayHandler
from kachery_jupyter.server.socket_handler import EventsSocket
from kachery_jupyter.server.store_handler import StoreHandler
from kachery_jupyter.server.upload_handler import FilesHandler

if TYPE_CHECKING:
    from jupyter_server.base.handlers import JupyterHandler

# Pattern below <base_url>kachery/api/v1/, handler, and what it is made with.
HANDLERS: list[tuple[str, type[JupyterHandler], dict[str, Any]]] = [
    ("files", FilesHandler, {}),
    ("store", StoreHandler, {}),
    (f"previews/{SHA1}", PreviewHandler, {}),
    (f"downloads/{SHA1}", DownloadHandler, {}),
    ("contents/(.+/checkpoints)", CheckpointsHandler, {}),
    ("contents(/.*)?", DriveHandler, {}),
    ("loads", LoadsHandler, {}),
    ("loads/([0-9a-f]{16})", LoadHandler, {}),
    ("events", EventsSocket, {}),
    *((pattern, RelayHandler, {"verbs": verbs}) for pattern, verbs in RELAYED.items()),
]

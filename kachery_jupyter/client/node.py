"""Talking to a node: HTTP over its UNIX socket, or over TCP to the literal 127.0.0.1."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from typing_extensions import override

from kachery_core.errors import DaemonNotRunningError, WrongDaemonError, error_from_wire
from kachery_jupyter.client.stopping import stoppable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

# Names of the API's version 1.
API = "/api/v1"
_PROBE_SECONDS = 5.0
_REQUEST_SECONDS = 120.0
_LONGEST_PROBE = 64 * 1024
_LONGEST_LINE = 16 << 20
_OK = 200
_FIRST_ERROR = 400
_NOT_JSON = (ValueError, RecursionError, AttributeError, KeyError)
_START_IT = "Start one: `kachery daemon start`. Without a node: set KACHERY_OFFLINE_STORAGE_DIR."


@dataclass(frozen=True)
class Probe:
    """What a node says of itself to anybody."""

    node_id: str
    version: str
    storage_dir: str
    socket: str | None
    shared: bool
    feeds_socket: str | None = None


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("kachery", timeout=timeout)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Door:
    """Where a node is reached.

    Attributes:
        port: its TCP port on 127.0.0.1.
        socket: its UNIX socket, used instead if not None.
        token: what proves who asks, or None.
        feeds_socket: its UNIX socket for messages alone, or None.
    """

    port: int
    socket: str | None = None
    token: str | None = None
    feeds_socket: str | None = None

    @property
    def proves_who_asks(self) -> bool:
        """Whether the node can tell who asks: by the token, or by the kernel's word."""
        return self.token is not None or self.socket is not None

    def probe(self) -> Probe:
        """Ask who is there.

        Raises:
            DaemonNotRunningError: nobody.
            WrongDaemonError: somebody, but no node of ours; or no answer within some seconds.
        """
        connection = self._connection(_PROBE_SECONDS)
        with self._plain_words(), _at_most(_PROBE_SECONDS, connection):
            connection.request("GET", "/probe")
            with connection.getresponse() as response:
                return _read_probe(response.status, response.read(_LONGEST_PROBE), self.port)

    def request(self, method: str, path: str, value: Any = None) -> Any:
        """One question with JSON, one answer in JSON.

        Raises:
            KacheryError: what the node answered, of the same class as over there.
        """
        headers = self._headers()
        body = None
        if method == "POST":
            body = json.dumps(value).encode("ascii")
            headers["Content-Type"] = "application/json"
        connection = self._connection(_REQUEST_SECONDS)
        with self._plain_words(), _closing(connection):
            connection.request(method, API + path, body, headers)
            return self._answer(connection)

    def stream(self, path: str, value: Any) -> Generator[Any, None, None]:
        """One question; the lines of the answer, each JSON, as they come.

        With a value it is posted, without one (None) it is only asked.

        To close the iterator before its end is to hang up: the node stops what it was doing.

        Raises:
            KacheryError: what the node answered, of the same class as over there.
        """
        method, body, headers = "GET", None, self._headers()
        if value is not None:
            method, body = "POST", json.dumps(value).encode("ascii")
            headers["Content-Type"] = "application/json"
        connection = self._connection(_REQUEST_SECONDS)
        with self._plain_words(), _closing(connection):
            connection.connect()
            with stoppable(connection.sock):
                connection.request(method, API + path, body, headers)
                yield from self._lines(connection)

    def upload(
        self, path: str, pieces: Iterable[memoryview], size: int, headers: dict[str, str]
    ) -> Any:
        """Send bytes, piece by piece; the answer in JSON."""
        connection = self._connection(_REQUEST_SECONDS)
        with self._plain_words(), _closing(connection):
            connection.putrequest("POST", API + path)
            sent = {
                **self._headers(),
                **headers,
                "Content-Type": "application/octet-stream",
                "Content-Length": str(size),
            }
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders()
            try:
                for piece in pieces:
                    connection.send(piece)
            except (BrokenPipeError, ConnectionResetError):
                # The node refused before it had everything; its answer says why.
                return self._answer(connection)
            return self._answer(connection)

    def _headers(self) -> dict[str, str]:
        return {"Kachery-Token": self.token} if self.token else {}

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self.socket is not None:
            return _UnixConnection(self.socket, timeout)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def _lines(self, connection: http.client.HTTPConnection) -> Iterator[Any]:
        with connection.getresponse() as response:
            if response.status >= _FIRST_ERROR:
                self._refuse(response.read())
            # A node that was killed is told by the caller, who misses the last line.
            with suppress(ConnectionError):
                while line := response.readline(_LONGEST_LINE):
                    yield json.loads(line)

    def _answer(self, connection: http.client.HTTPConnection) -> Any:
        with connection.getresponse() as response:
            body = response.read()
        if response.status >= _FIRST_ERROR:
            self._refuse(body)
        return json.loads(body)

    def _refuse(self, body: bytes) -> NoReturn:
        error = json.loads(body).get("error")
        if not isinstance(error, dict):
            raise self._wrong("it answers what a node would not")
        raise error_from_wire(error)

    @contextmanager
    def _plain_words(self) -> Iterator[None]:
        try:
            yield
        except (ConnectionRefusedError, FileNotFoundError):
            # What refused says nothing more: one traceback is enough to read.
            raise DaemonNotRunningError(
                f"No kachery node is running at port {self.port}.", hint=_START_IT, port=self.port
            ) from None
        except TimeoutError:
            raise self._wrong("it does not answer") from None
        except (WrongDaemonError, DaemonNotRunningError):
            raise
        except (OSError, http.client.HTTPException, *_NOT_JSON) as problem:
            # Errors of the tree are OSErrors or ValueErrors too: those say it better themselves.
            if hasattr(problem, "hint"):
                raise
            raise self._wrong("it answers what a node would not") from problem

    def _wrong(self, why: str) -> WrongDaemonError:
        return wrong_daemon(self.port, why)


def wrong_daemon(port: int, why: str, hint: str = "") -> WrongDaemonError:
    """The error for something at the node's port that is not a node to trust."""
    return WrongDaemonError(
        f"Something listens at port {port}, but it is not a kachery node to talk to: {why}.",
        hint=hint or "Start the node at another port and set KACHERY_DAEMON_PORT to it.",
        port=port,
    )


def read_token(storage_dir: Path) -> str | None:
    """The token this user may read: the owner's, or that of a shared node's users."""
    return _read_text(storage_dir / ".state" / "token") or _read_text(storage_dir / "client-token")


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return None


def _read_probe(status: int, body: bytes, port: int) -> Probe:
    """The probe's answer, believed only if it has every part."""
    value = json.loads(body) if status == _OK else None
    if not isinstance(value, dict) or not isinstance(value.get("node_id"), str):
        raise wrong_daemon(port, "it answers what a node would not")
    if value.get("api") != 1:
        raise wrong_daemon(
            port, f"it speaks version {value.get('api')!r} of the API", "Upgrade kachery_jupyter."
        )
    path, feeds_path = value.get("socket"), value.get("feeds_socket")
    return Probe(
        node_id=value["node_id"],
        version=str(value.get("version", "")),
        storage_dir=str(value["storage_dir"]),
        socket=path if isinstance(path, str) else None,
        shared=value.get("shared") is True,
        feeds_socket=feeds_path if isinstance(feeds_path, str) else None,
    )


@contextmanager
def _closing(connection: http.client.HTTPConnection) -> Iterator[None]:
    try:
        yield
    finally:
        connection.close()


@contextmanager
def _at_most(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """End a conversation after some seconds, however slowly the other side drips."""
    connection.connect()
    # The connection lets go of its socket once it has an answer that ends with it.
    conversation = connection.sock

    def cut() -> None:
        with suppress(OSError):
            conversation.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        with _closing(connection):
            yield
    finally:
        timer.cancel()

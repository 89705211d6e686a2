"""A web page of somebody else, which tries everything that a browser lets a page try."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Page

_SOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

PAGE = "<!doctype html><title>A page of a stranger</title><p>Kittens!</p>"
_KINDS = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"} | {
    "events": "text/event-stream"
}
_BODIES = {
    "text/html": PAGE,
    "text/javascript": "0",
    "image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>',
}
# Every means ends with what it got: true, some text, or nothing.
ATTACK = """
async ({targets, seconds}) => {
  const soon = promise => Promise.race([
    promise, new Promise(resolve => setTimeout(() => resolve(null), seconds * 1000))]);
  const xsrf = (document.cookie.match(/_xsrf=([^;]+)/) || [])[1] || '';
  const element = (tag, set) => soon(new Promise(resolve => {
    const made = document.createElement(tag);
    made.onload = () => resolve(true);
    made.onerror = () => resolve(null);
    set(made);
    document.body.append(made);
  }));
  const request = (method, url, body, headers) => soon(
    fetch(url, {method, credentials: 'include', headers, body: method === 'GET' ? undefined : body})
      .then(reply => reply.ok ? reply.text().then(text => text || true) : null)
      .catch(() => null));
  const means = {
    fetch: ({method, url, body}) => request(method, url, body, {}),
    'fetch with the cookie of forms': ({method, url, body}) =>
      request(method, url, body, {'X-XSRFToken': xsrf}),
    'fetch with a guessed token': ({method, url, body}) =>
      request(method, url, body, {Authorization: 'token ', 'Kachery-Token': 'x'}),
    'fetch without an answer': ({method, url, body}) => soon(
      fetch(url, {
        method: method === 'GET' ? 'GET' : 'POST', mode: 'no-cors', credentials: 'include',
        body: method === 'GET' ? undefined : body})
      .then(reply => reply.ok ? true : null).catch(() => null)),
    xhr: ({method, url, body}) => soon(new Promise(resolve => {
      const asked = new XMLHttpRequest();
      asked.open(method, url);
      asked.withCredentials = true;
      asked.onload = () => resolve(asked.status < 400 ? asked.responseText || true : null);
      asked.onerror = () => resolve(null);
      asked.send(body);
    })),
    beacon: ({url, body}) => { navigator.sendBeacon(url, body); return null; },
    socket: ({url}) => soon(new Promise(resolve => {
      const socket = new WebSocket(url.replace(/^http/, 'ws'));
      socket.onopen = () => { socket.close(); resolve(true); };
      socket.onerror = socket.onclose = () => resolve(null);
    })),
    events: ({url}) => soon(new Promise(resolve => {
      const source = new EventSource(url, {withCredentials: true});
      source.onopen = () => { source.close(); resolve(true); };
      source.onerror = () => { source.close(); resolve(null); };
    })),
    script: ({url}) => element('script', made => { made.src = url; }),
    module: ({url}) => soon(import(url).then(() => true, () => null)),
    image: ({url}) => element('img', made => { made.src = url; }),
    style: ({url}) => element('link', made => { made.rel = 'stylesheet'; made.href = url; }),
    frame: ({url}) => soon(new Promise(resolve => {
      const frame = document.createElement('iframe');
      frame.onload = () => {
        try {
          const [entry] = frame.contentWindow.performance.getEntriesByType('navigation');
          const refused = !entry || !entry.responseStatus || entry.responseStatus >= 400;
          resolve(refused ? null : frame.contentDocument.body.innerText || true);
        } catch { resolve(null); }
      };
      frame.src = url;
      document.body.append(frame);
    })),
    form: ({method, url, body}) => soon(new Promise(resolve => {
      const frame = document.createElement('iframe');
      frame.name = 'target' + Math.random();
      document.body.append(frame);
      const form = document.createElement('form');
      Object.assign(form, {method: method === 'GET' ? 'GET' : 'POST', action: url,
                           target: frame.name, enctype: 'text/plain'});
      const fields = {...(body.startsWith('{') ? JSON.parse(body) : {}), _xsrf: xsrf};
      for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement('input');
        Object.assign(input, {type: 'hidden', name, value: String(value)});
        form.append(input);
      }
      document.body.append(form);
      frame.onload = () => resolve(null);
      form.submit();
    })),
  };
  const results = [];
  const attempts = targets.flatMap(target =>
    Object.entries(means).map(([name, attempt]) => async () => {
      let got = null;
      try { got = await attempt(target); } catch { got = null; }
      results.push({means: name, method: target.method, url: target.url, got});
    }));
  const worker = async () => { while (attempts.length) { await attempts.shift()(); } };
  await Promise.all(Array.from({length: 24}, worker));
  document.body.replaceChildren();
  return {results, cookie: document.cookie};
}
"""


@dataclass(frozen=True)
class Target:
    """What a stranger would like to ask for."""

    method: str
    url: str
    body: str = "{}"


def attack(page: Page, targets: Sequence[Target], seconds: float = 5.0) -> list[dict[str, Any]]:
    """Let the page that is open try everything; what each attempt got.

    Args:
        page: shows a page of a stranger.
        targets: each is asked for by all means.
        seconds: after which an attempt is given up.
    """
    asked = {"targets": [vars(target) for target in targets], "seconds": seconds}
    return list(page.evaluate(ATTACK, asked)["results"])


def successes(results: Sequence[dict[str, Any]]) -> list[str]:
    """The attempts that got something, in words."""
    return [
        f"{one['means']}: {one['method']} {one['url']}: {one['got']!r}"
        for one in results
        if one["got"]
    ]


@dataclass
class Stranger:
    """A web server that serves the page, and answers everybody who asks anything else.

    Attributes:
        port: on this computer's loopback address.
        heard: what it was asked for, as `METHOD path`.
    """

    port: int
    heard: list[str] = field(default_factory=list)


@contextlib.contextmanager
def running_stranger() -> Iterator[Stranger]:
    """A stranger's web server; ended when the block is left."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _StrangersHandler)
    server.daemon_threads = True
    stranger = Stranger(server.server_address[1])
    server.stranger = stranger  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stranger
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _StrangersHandler(BaseHTTPRequestHandler):
    """Allows everything: what does not get through to here gets through to nowhere."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._note()
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._agree()
            return
        kind = _KINDS.get(urlsplit(self.path).path.rpartition(".")[2], "text/html")
        self._answer(kind, _BODIES.get(kind, "\n\n"))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._note()
        self._answer("text/plain", "taken")

    def do_OPTIONS(self) -> None:
        self._answer("text/plain", "")

    def _note(self) -> None:
        self.server.stranger.heard.append(  # type: ignore[attr-defined]
            f"{self.command} {urlsplit(self.path).path}"
        )

    def _answer(self, kind: str, body: str) -> None:
        data = body.encode()
        self.send_response(200)
        allowed = {
            "Access-Control-Allow-Origin": self.headers.get("Origin", "*"),
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Headers": "Authorization, Kachery-Token, X-XSRFToken",
            "Access-Control-Allow-Methods": "GET, POST, DELETE",
            "Content-Type": kind,
            "Content-Length": str(len(data)),
        }
        for name, value in allowed.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _agree(self) -> None:
        key = self.headers["Sec-WebSocket-Key"].encode() + _SOCKET_KEY
        accepted = base64.b64encode(hashlib.sha1(key).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accepted)
        self.end_headers()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

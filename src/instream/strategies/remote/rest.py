"""REST over HTTP/1.1: connections are kept, an answer is never longer than what may be taken."""

from __future__ import annotations

import ssl
from typing import Any

import msgspec
import urllib3
from urllib3.util import Timeout

from instream.errors import DeadlineExceeded, InstreamError, Overloaded, Unavailable, Unreachable, WrongAnswer
from instream.strategies.remote.transport import ANSWER_BYTES_MAX
from instream.wire import native, status
from instream.wire.about import About

_CONNECT_S = 2.0
_WORDS_MAX = 300


class HttpTransport:
    """A pool of connections to one server."""

    def __init__(self, url: str, *, connections: int, ca: bytes | None) -> None:
        context = ssl.create_default_context(cadata=ca.decode()) if ca is not None else None
        options: dict[str, Any] = {"ssl_context": context} if url.startswith("https") else {}
        self._pool = urllib3.connection_from_url(url, maxsize=connections + 1, retries=False, **options)

    def score(self, model: str, body: bytes, timeout_s: float, pin: int | None) -> bytes:
        headers = {"content-type": native.MEDIA_TYPE, status.TIMEOUT_HEADER: str(max(1, int(timeout_s * 1000)))}
        if pin is not None:
            headers[status.PIN_HEADER] = str(pin)
        return self._answer("POST", f"/v2/models/{_path(model)}/infer", native.MEDIA_TYPE, timeout_s, headers, body)

    def about(self, model: str, timeout_s: float) -> About:
        answer = self._answer("GET", f"/instream/models/{_path(model)}", "application/json", timeout_s, {}, None)
        try:
            return msgspec.json.decode(answer, type=About)
        except msgspec.MsgspecError as error:
            raise WrongAnswer(f"what it says of {model} cannot be read: {error}") from error

    def close(self) -> None:
        self._pool.close()

    def _answer(self, method: str, path: str, kind: str, timeout_s: float, headers: dict[str, str], body: bytes | None) -> bytes:
        timeout = Timeout(connect=min(_CONNECT_S, timeout_s), read=timeout_s)
        try:
            response = self._pool.urlopen(
                method, path, body, headers, timeout=timeout, preload_content=False, decode_content=False, redirect=False
            )
            try:
                content = response.read(ANSWER_BYTES_MAX + 1)
            finally:
                response.drain_conn() if response.length_remaining == 0 else response.close()
                response.release_conn()
        except urllib3.exceptions.ReadTimeoutError as error:
            raise DeadlineExceeded(f"no answer within {timeout_s:.1f} s", 0.0) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}"[:_WORDS_MAX]) from error
        if response.status != 200:
            raise _error_of(response, content)
        found = response.headers.get("content-type", "")
        if not found.startswith(kind):
            raise WrongAnswer(f"{found or 'an answer without a type'} instead of {kind}: is this a server of instream?")
        if len(content) > ANSWER_BYTES_MAX:
            raise WrongAnswer(f"an answer of more than {ANSWER_BYTES_MAX:,} bytes")
        return content


def _path(model: str) -> str:
    """A reference as the path of a URL: `delay@3` is delay/versions/3."""
    name, at, version = model.partition("@")
    return f"{name}/versions/{version}" if at else name


def _error_of(response: Any, content: bytes) -> InstreamError:
    """What a status means; one without our own name comes from a proxy, or from somebody else's server."""
    words = _words(content)
    retry_s = status.seconds_in(response.headers.get(status.RETRY_HEADER), 1000) or status.seconds_in(
        response.headers.get("retry-after"), 1
    )
    named = status.error_of(response.headers.get(status.ERROR_HEADER, ""), words, retry_s)
    if named is not None:
        return named
    said = f"HTTP status {response.status}: {words}"
    if response.status == 429:
        return Overloaded(said, retry_s or 0.1)
    return Unavailable(said, retry_s or 0.1) if response.status in (502, 503, 504) else WrongAnswer(said)


def _words(content: bytes) -> str:
    try:
        return str(msgspec.json.decode(content, type=dict[str, Any])["error"])[:_WORDS_MAX]
    except (msgspec.MsgspecError, KeyError):
        return content[:_WORDS_MAX].decode(errors="replace")

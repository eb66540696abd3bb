"""What each answer, and none, means: a schema, no schema, or nothing at all about schemas."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from connector.kafka.registry import (
    Registry,
    RegistryUnavailableError,
    SchemaNotRegisteredError,
    SchemaRefusedError,
)

QUESTIONS: dict[str, Callable[[Registry], Any]] = {
    "id_of": lambda registry: registry.id_of("subject", '"string"'),
    "schema_of": lambda registry: registry.schema_of(7),
    "register": lambda registry: registry.register("subject", '"string"', "FULL_TRANSITIVE"),
}


class Server(ThreadingHTTPServer):
    """Answers everything with one status and one body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.body = b"{}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_PUT = do_POST = _answer  # noqa: N815 - the names http.server calls

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of some kind."""
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def registry(server: Server) -> Iterator[Registry]:
    """A client of that server."""
    with closing(Registry({"url": f"http://127.0.0.1:{server.server_port}"})) as registry:
        yield registry


def error(code: int) -> bytes:
    """The body of a registry's refusal."""
    return json.dumps({"error_code": code, "message": "the registry's words"}).encode()


@pytest.mark.parametrize("code", [40401, 40403])
def test_a_schema_that_is_not_there(server: Server, registry: Registry, code: int) -> None:
    """The registry's own codes say so: what is to be written must be registered, what was written nobody can read."""
    server.status, server.body = 404, error(code)
    with pytest.raises(SchemaNotRegisteredError, match="run `connector schemas register` first"):
        registry.id_of("subject", '"string"')
    with pytest.raises(LookupError, match="schema id 7 is unknown"):
        registry.schema_of(7)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"<html>default backend - 404</html>"),
        (404, b'{"message": "no such route"}'),
        (404, b""),
        (502, b"bad gateway"),
        (503, b""),
        (200, b"<html>log in</html>"),
        (200, b"[]"),
    ],
    ids=["a proxy's page", "another server's JSON", "nothing", "bad gateway", "unavailable", "a page", "other JSON"],
)
def test_what_is_no_registrys_answer_says_nothing_about_schemas(
    server: Server, registry: Registry, question: str, status: int, body: bytes
) -> None:
    """Whatever stands between may answer anything: no command is undecodable for that, and no id made up."""
    server.status, server.body = status, body
    with pytest.raises(RegistryUnavailableError, match=f"http://127.0.0.1:{server.server_port}: "):
        QUESTIONS[question](registry)


@pytest.mark.parametrize("question", ["id_of", "schema_of"])
@pytest.mark.parametrize(("status", "code"), [(401, 401), (403, 40301), (500, 50001)])
def test_a_registry_that_refuses_to_answer_is_told_in_its_words(
    server: Server, registry: Registry, question: str, status: int, code: int
) -> None:
    """Wrong credentials and its own troubles can be mended, so it is asked again."""
    server.status, server.body = status, error(code)
    with pytest.raises(RegistryUnavailableError, match=f"the registry's words .*{status}"):
        QUESTIONS[question](registry)


def test_a_refused_registration_is_told_in_its_words(server: Server, registry: Registry) -> None:
    """What is incompatible stays so."""
    server.status, server.body = 409, error(409)
    with pytest.raises(SchemaRefusedError, match="HTTP 409: the registry's words"):
        registry.register("subject", '"string"', "FULL_TRANSITIVE")


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_that_does_not_come_is_not_waited_for(question: str) -> None:
    """A server that takes the connection and says nothing, which the client itself would wait for without end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            closing(Registry({"url": url, "timeout": 0.05})) as registry,
            pytest.raises(RegistryUnavailableError, match="ReadTimeout"),
        ):
            QUESTIONS[question](registry)


def test_a_registry_that_is_not_there_is_told_at_once() -> None:
    """The caller knows when to try again."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with closing(Registry({"url": f"http://127.0.0.1:{port}"})) as registry:
        for question in QUESTIONS.values():
            with pytest.raises(RegistryUnavailableError, match=f"127.0.0.1:{port}: ConnectError"):
                question(registry)

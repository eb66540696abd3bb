"""The server asks clients for a certificate: it has to be signed by the authority, and be that of Meta's sender."""

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from connector.ingress.http_protocol import bounded_http
from connector.service.http import Tls, serving
from tests.fixtures.tools import ToolUnavailable, or_skip

HOST = "127.0.0.1"
NAME = "client.webhooks.fbclientcerts.com"


async def app(_scope: Any, _receive: Any, send: Any) -> None:
    """Says hello."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


class Authority:
    """Signs certificates with openssl.

    Args:
        folder: keeps them.
        program: openssl.
    """

    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        self._program = program
        self.certificate, self.key = folder / "ca.pem", folder / "ca.key"
        self._run("req", "-x509", *_new("authority", self.key), "-out", str(self.certificate))

    def sign(self, name: str) -> tuple[Path, Path]:
        """A certificate with this common name, and its key."""
        request, certificate = self._folder / f"{name}.csr", self._folder / f"{name}.pem"
        key, names = self._folder / f"{name}.key", self._folder / "names"
        names.write_text(f"subjectAltName=IP:{HOST}")
        self._run("req", *_new(name, key), "-out", str(request))
        signed_by = ["-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial", "-extfile", str(names)]
        self._run("x509", "-req", "-in", str(request), *signed_by, "-out", str(certificate))
        return certificate, key

    def _run(self, *arguments: str) -> None:
        subprocess.run([self._program, *arguments], check=True, capture_output=True)  # noqa: S603 - our own words


def _new(name: str, key: Path) -> list[str]:
    return [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        f"/CN={name}",
        "-keyout",
        str(key),
    ]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for servers and clients."""
    return Authority(tmp_path_factory.mktemp("authority"), or_skip(openssl))


def openssl() -> str:
    """The program.

    Raises:
        ToolUnavailable: it is not installed.
    """
    found = shutil.which("openssl")
    if found is None:
        message = "openssl is not installed: it makes the certificates"
        raise ToolUnavailable(message)
    return found


async def ask(port: int, trusted: Path, certificate: tuple[Path, Path] | None) -> str:
    """The server's answer to a client with this certificate; empty when it closes the connection."""
    context = ssl.create_default_context(cafile=str(trusted))
    if certificate is not None:
        context.load_cert_chain(*certificate)
    try:
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            return (await client.get(f"https://{HOST}:{port}/")).text
    except httpx.TransportError:
        return ""


async def test_only_the_sender_that_is_named_comes_in(authority: Authority, tmp_path: Path) -> None:
    """Its name and its authority both have to be right; a stranger's name is told in the log."""
    server = Tls(*authority.sign("connector"), client_ca=authority.certificate)
    forger = Authority(tmp_path, openssl())
    protocol = bounded_http(NAME)
    async with serving(app, HOST, 0, drain_s=1.0, concurrency_max=10, protocol=protocol, tls=server) as port:
        assert await ask(port, authority.certificate, authority.sign(NAME)) == "hello"
        with capture_logs() as logs:
            assert await ask(port, authority.certificate, authority.sign("somebody.else")) == ""
        assert [line["common_names"] for line in logs] == [["somebody.else"]]
        assert await ask(port, authority.certificate, forger.sign(NAME)) == ""
        assert await ask(port, authority.certificate, None) == ""


async def test_without_a_name_anybody_with_a_certificate_comes_in(authority: Authority) -> None:
    """The authority signs for nobody else."""
    server = Tls(*authority.sign("connector"), client_ca=authority.certificate)
    async with serving(app, HOST, 0, drain_s=1.0, concurrency_max=10, protocol=bounded_http(None), tls=server) as port:
        assert await ask(port, authority.certificate, authority.sign("anybody")) == "hello"

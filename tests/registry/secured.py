"""A Kafka that asks for SASL over TLS, and a registry behind TLS and basic authentication, with their certificates."""

import base64
import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fixtures.apache_kafka import CONTROLLER_SHIFT, HOST, ApacheKafka, free_port

USER = "connector"
PASSWORD = "päss:wörd"
SASL_PASSWORD = "sasl-secret"


def make_authority(folder: Path) -> Path:
    """A certificate authority and a server's key and certificate signed by it; gives the authority's certificate."""
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority of the tests")])

    def certificate(subject: x509.Name, public_key: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )

    usage = x509.KeyUsage(
        key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    authority = (
        certificate(ca_name, ca_key.public_key(), ca=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    server = (
        certificate(x509.Name([]), key.public_key(), ca=False)
        .add_extension(address, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "server.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + server.public_bytes(pem)
    )
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    return folder / "ca.pem"


class _Front(ThreadingHTTPServer):
    """Passes on what carries the right name and password."""

    def __init__(self, behind: str) -> None:
        super().__init__((HOST, 0), _Handler)
        self.behind = behind
        self.expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class _Handler(BaseHTTPRequestHandler):
    server: _Front

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.headers["Authorization"] != self.server.expected:
            self._send(401, b'{"error_code": 401, "message": "Unauthorized"}')
            return
        kept = {"Content-Type": self.headers["Content-Type"]} if body else {}
        answer = httpx.request(self.command, self.server.behind + self.path, content=body, headers=kept, timeout=10)
        self._send(answer.status_code, answer.content)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = _answer  # noqa: N815 - the names http.server calls

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def secured_registry(folder: Path, registry: str) -> Iterator[str]:
    """The URL of a registry behind TLS and basic authentication, with the certificate in ``folder``."""
    base, path = registry.split("/apis", 1)
    with _Front(base) as front:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        # The handshake in the thread of its connection: a client that refuses it must not end the server.
        front.socket = context.wrap_socket(front.socket, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=front.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://{HOST}:{front.server_port}/apis{path}"
        front.shutdown()
        thread.join()


class SecuredKafka:
    """A broker with a listener for SASL over TLS beside the plain one, with the certificate in ``folder``."""

    def __init__(self, folder: Path) -> None:
        port, secured = free_port(), free_port()
        jaas = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{SASL_PASSWORD}";'
        listener = "listener.name.sasl_ssl"
        plain, sasl_ssl = f"PLAINTEXT://{HOST}:{port}", f"SASL_SSL://{HOST}:{secured}"
        self.secured_bootstrap = f"{HOST}:{secured}"
        self.broker = ApacheKafka(
            folder / "kafka",
            port,
            properties={
                "listeners": f"{plain},{sasl_ssl},CONTROLLER://{HOST}:{port + CONTROLLER_SHIFT}",
                "advertised.listeners": f"{plain},{sasl_ssl}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
                "sasl.enabled.mechanisms": "PLAIN",
                f"{listener}.plain.sasl.jaas.config": jaas,
                f"{listener}.ssl.keystore.type": "PEM",
                f"{listener}.ssl.keystore.location": str(folder / "server.pem"),
            },
        )

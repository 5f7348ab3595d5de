"""An HTTPS destination on the loopback interface, with a certificate of a throw-away authority."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Reply:
    """What the destination answers."""

    status: int = 200
    text: str = "ok"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """What the destination was sent."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Destination:
    """Where it listens, who vouches for it, what it was sent, and what it answers: the replies in
    their order, then 200."""

    port: int
    authority: Path
    replies: list[Reply] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def url(self, path: str = "/services/T0/B0/s3cr3t", host: str = "127.0.0.1") -> str:
        return f"https://{host}:{self.port}{path}"


@contextmanager
def listening(folder: Path, name: str = "127.0.0.1") -> Iterator[Destination]:
    """A destination whose certificate is for this name or address."""
    authority, chain = _certificates(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        destination = Destination(server.server_port, authority)
        server.destination = destination
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield destination
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    destination: Destination

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is what some tests want."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        destination = self.server.destination
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        destination.requests.append(Request(self.path, dict(self.headers), body))
        reply = destination.replies.pop(0) if destination.replies else Reply()
        self.send_response(reply.status)
        for header, value in reply.headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(reply.text.encode())))
        self.end_headers()
        self.wfile.write(reply.text.encode())

    def log_message(self, *_: Any) -> None:
        """Not to the console."""


def _certificates(folder: Path, name: str) -> tuple[Path, Path]:
    """The authority's certificate, and a key with a certificate for a name that it signed."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("authority", authority_key, authority_key, None)
    certificate = _certificate(name, key, authority_key, _alternative(name))
    authority_file, chain_file = folder / "authority.pem", folder / "server.pem"
    authority_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    chain_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return authority_file, chain_file


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    alternative: x509.GeneralName | None,
) -> x509.Certificate:
    """A certificate for an hour; one without an alternative name is the authority's own."""
    now = datetime.now(UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(alternative is None, None), critical=True)
    )
    if alternative is not None:
        names = x509.SubjectAlternativeName([alternative])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())

"""Certificates of a temporary authority, for servers on the loopback interface."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_FOR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files: the authority's certificate, and a key with a certificate that it signed."""

    authority: Path
    chain: Path


def make_certificates(folder: Path, name: str) -> Certificates:
    """Create an authority, and its certificate for a name or address; the authority's key is
    discarded."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("authority", authority_key, authority_key, None)
    certificate = _certificate(name, key, authority_key, _alternative(name))
    made = Certificates(folder / "authority.pem", folder / "server.pem")
    made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.chain.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return made


def write_trust(authority: Path, path: Path) -> None:
    """Write the certificates of this authority and of those that the machine trusts."""
    own = ssl.create_default_context().get_ca_certs(binary_form=True)
    texts = [authority.read_text(), *map(ssl.DER_cert_to_PEM_cert, own)]
    path.write_text("".join(texts))


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
    """Create a certificate; one without an alternative name is the authority's own."""
    now = datetime.now(UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.BasicConstraints(alternative is None, None), critical=True)
    )
    if alternative is not None:
        names = x509.SubjectAlternativeName([alternative])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())

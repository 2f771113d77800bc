"""An authority of our own and certificates for servers on loopback."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Real time: TLS libraries ask the clock themselves.
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificates:
    """Files in PEM form.

    Attributes:
        authority: what clients have to trust.
        server: the certificate of `localhost` and 127.0.0.1, followed by its key.
        other: one for `elsewhere.example` only.
        expired: one that ended yesterday.
    """

    authority: Path
    server: Path
    other: Path
    expired: Path

    def context(self, file: Path | None = None) -> ssl.SSLContext:
        """Returns the side of a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file or self.server)
        return context


def make_certificates(folder: Path) -> Certificates:
    """Makes an authority and certificates of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    now = datetime.now(UTC)
    authority = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "authority.pem"
    file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))

    def issue(file_name: str, host: str, begin: datetime, end: datetime) -> Path:
        own = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(host)]
        addresses = [x509.IPAddress(ip_address("127.0.0.1"))] if host == "localhost" else []
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
            .issuer_name(name)
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        private = own.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = folder / file_name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        return path

    return Certificates(
        authority=file,
        server=issue("server.pem", "localhost", now - DAY, now + DAY),
        other=issue("other.pem", "elsewhere.example", now - DAY, now + DAY),
        expired=issue("expired.pem", "localhost", now - 3 * DAY, now - DAY),
    )

"""A Redis that is reached by TLS alone, with a certificate that it has made for itself."""

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path
from socket import create_connection

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pinning.testing.accounts import own
from pinning.testing.passwords import keep_secret
from pinning.testing.redis import Redis


class EncryptedRedis(Redis):
    """Its ``certificate`` is the file that clients have to trust."""

    @property
    def url(self) -> str:
        return super().url.replace("redis://", "rediss://", 1)

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate.pem"

    def ask(self, command: str) -> bytes:
        context = ssl.create_default_context(cafile=self.certificate)
        try:
            with (
                create_connection((self.host, self.port), timeout=1) as plain,
                context.wrap_socket(plain, server_hostname=self.host) as connection,
            ):
                connection.sendall(f"AUTH {self.password}\r\n".encode())
                connection.recv(100)
                connection.sendall(f"{command}\r\n".encode())
                return connection.recv(100)
        except OSError:
            return b""

    def _prepare(self) -> None:
        super()._prepare()
        if self.certificate.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        pem = serialization.Encoding.PEM
        form = serialization.PrivateFormat.PKCS8
        text = key.private_bytes(pem, form, serialization.NoEncryption()).decode()
        keep_secret(self.directory / "key.pem", text, self.account)
        self.certificate.write_bytes(certificate_of(key, self.host).public_bytes(pem))
        own(self.account, self.certificate)

    def _command(self) -> Sequence[str | Path]:
        command = ["0" if word == str(self.port) else word for word in super()._command()]
        files = ["--tls-cert-file", "certificate.pem", "--tls-key-file", "key.pem"]
        return [*command, "--tls-port", str(self.port), *files, "--tls-auth-clients", "no"]


def certificate_of(key: ec.EllipticCurvePrivateKey, host: str) -> x509.Certificate:
    """For a day, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )

"""A Redis that is reached by TLS alone."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from socket import create_connection

from pinning.testing.redis import Redis
from tests.live.site.certificates import Authority


class EncryptedRedis(Redis):
    """Its ``certificate`` is the file that clients have to trust."""

    @property
    def url(self) -> str:
        return super().url.replace("redis://", "rediss://", 1)

    @property
    def certificate(self) -> Path:
        return self.directory / "authority.pem"

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
        if not self.certificate.exists():
            Authority().certify(self.host, self.directory, self.account)

    def _command(self) -> Sequence[str | Path]:
        command = ["0" if word == str(self.port) else word for word in super()._command()]
        files = ["--tls-cert-file", "certificate.pem", "--tls-key-file", "key.pem"]
        return [*command, "--tls-port", str(self.port), *files, "--tls-auth-clients", "no"]

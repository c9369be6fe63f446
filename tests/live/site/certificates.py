"""Certificates for servers and for those who come to them, signed by an authority of their own."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pinning.testing.accounts import Account, own
from pinning.testing.passwords import keep_secret

_PEM = serialization.Encoding.PEM
_FORM = serialization.PrivateFormat.PKCS8
#: All that its key may be used for. Python 3.13 asks for it.
_USES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
_SIGNS = x509.KeyUsage(
    **dict.fromkeys((*_USES, "key_agreement", "encipher_only", "decipher_only"), False),
    key_cert_sign=True,
    crl_sign=True,
)


@dataclass(frozen=True)
class Files:
    """Of the authority, and of the certificate that it has signed, with its key."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def named(self) -> dict[str, str]:
        """As MariaDB and its drivers call them."""
        return {"ca": str(self.authority), "cert": str(self.certificate), "key": str(self.key)}


class Authority:
    """Signs certificates for a day."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS, critical=True)
            .sign(self._key, hashes.SHA256())
            .public_bytes(_PEM)
        )

    def certify(self, name: str, folder: Path, account: Account | None = None) -> Files:
        """Make a key of the account, or our own, and its certificate, for a host or a user."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key.public_key())
        if name.startswith("127."):
            address = x509.IPAddress(ipaddress.ip_address(name))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        files = Files(*(folder / f"{part}.pem" for part in ("authority", "certificate", "key")))
        secret = key.private_bytes(_PEM, _FORM, serialization.NoEncryption())
        keep_secret(files.key, secret.decode(), account)
        for path, text in {
            files.authority: self._certificate,
            files.certificate: signed.public_bytes(_PEM),
        }.items():
            path.write_bytes(text)
            own(account, path)
        return files

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )

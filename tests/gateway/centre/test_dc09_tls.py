# SPDX-License-Identifier: Apache-2.0
"""TLS to a receiver: its certificate is checked, and then a plain ACK counts."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.gateway.centre.peers import (
    a_receiver,
    a_signal,
    centre_for,
    receiver_settings,
    siadc09_answer,
)

if TYPE_CHECKING:
    from pathlib import Path


def _certificate(folder: Path, address: str) -> Path:
    """A self-signed certificate with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{address}.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


def _server(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_a_receiver_with_the_right_certificate_is_believed(tmp_path: Path) -> None:
    file = _certificate(tmp_path, "127.0.0.1")
    async with a_receiver(siadc09_answer(), tls=_server(file)) as peer:
        settings = receiver_settings(peer.port, tls=True, tls_ca_file=file)
        async with centre_for(settings) as centre:
            for _ in range(3):
                assert (await centre.deliver(a_signal())).outcome == "accepted"
        assert peer.connections == 1


async def test_another_certificate_or_another_address_gets_no_frame(tmp_path: Path) -> None:
    right, wrong = _certificate(tmp_path, "127.0.0.1"), _certificate(tmp_path, "127.0.0.2")
    for served, trusted in ((wrong, right), (wrong, wrong), (right, None)):
        async with a_receiver(siadc09_answer(), tls=_server(served)) as peer:
            settings = receiver_settings(peer.port, tls=True, tls_ca_file=trusted, retries=1)
            async with centre_for(settings) as centre:
                delivery = await centre.deliver(a_signal())
        assert delivery.outcome == "unreachable"
        assert "TLS failed: CERTIFICATE_VERIFY_FAILED" in delivery.detail
        assert peer.raw == []

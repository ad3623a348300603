"""Providers behind TLS: a private authority is trusted where a tier names its certificates, and nowhere else."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.proxy.asks import answer
from tests.proxy.scripted import HELLO, reply, scripted
from tests.proxy.tables import chain, key, tier

DAY = timedelta(days=1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def signed(subject, public_key, secret, *extensions):
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name("authority"), name(subject), public_key, x509.random_serial_number(), now - DAY, now + DAY
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(secret, hashes.SHA256())


class Authority:
    """`bundle` is its certificate as PEM."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(*(each in ("key_cert_sign", "crl_sign") for each in USAGES))
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.bundle = pem(signed("authority", self._key.public_key(), self._key, constraints, usage, identifier))

    def server(self, folder, address="127.0.0.1"):
        """The TLS of a server of this address."""
        own = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        file = folder / "server.pem"
        file.write_text(pem(signed("server", own.public_key(), self._key, names, issuer)) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def pem(certificate):
    return certificate.public_bytes(Encoding.PEM).decode()


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_provider_of_a_private_authority_is_trusted_by_its_bundle(start, sdk, tmp_path, authority, stream):
    """The tier's own ConfigMap holds the certificates; the system's are not asked."""
    async with scripted(reply(HELLO), tls=authority.server(tmp_path)) as upstream:
        proxy = await start(chain(tier(upstream.url, provider={"ca_bundle": authority.bundle})))
        assert (await answer(await sdk(proxy), stream=stream))[0] == "Hello"


@pytest.mark.parametrize("bundle", [None, Authority().bundle], ids=["none", "of another"])
async def test_without_the_right_bundle_nothing_is_sent(start, sdk, back, tmp_path, authority, bundle):
    """Neither the key nor the prompt: the next candidate answers."""
    async with scripted(reply(HELLO), tls=authority.server(tmp_path)) as upstream:
        proxy = await start(chain(tier(upstream.url, provider={"ca_bundle": bundle}), back.url))
        assert (await answer(await sdk(proxy)))[1]["x-tierway-tier"] == "llm/second"
    assert upstream.heads == []
    assert (await proxy.counted()).endpoints[key("first")].errors == {"ConnectionRefused": 1}


async def test_a_certificate_of_another_host_is_refused(start, sdk, back, tmp_path, authority):
    """Signed by the right authority, for somebody else."""
    async with scripted(reply(HELLO), tls=authority.server(tmp_path, "127.0.0.2")) as upstream:
        proxy = await start(chain(tier(upstream.url, provider={"ca_bundle": authority.bundle}), back.url))
        assert (await answer(await sdk(proxy)))[1]["x-tierway-tier"] == "llm/second"
    assert upstream.heads == []

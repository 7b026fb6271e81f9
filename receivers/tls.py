"""The certificate that a receiver shows."""

from __future__ import annotations

import ssl
from typing import Annotated

import msgspec

from ..pipeline.errors import Problem
from ..pipeline.http.certificates import show, unreadable
from ..pipeline.options import PemFile


class TlsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate for the door."""

    cert_file: Annotated[
        PemFile, msgspec.Meta(description="PEM file of the certificate and its chain.")
    ]
    key_file: Annotated[PemFile, msgspec.Meta(description="PEM file of the private key.")]

    def problems(self) -> list[Problem]:
        """What is wrong beyond types."""
        return unreadable(cert_file=self.cert_file, key_file=self.key_file)

    def context(self, section: str) -> ssl.SSLContext:
        """Load both. Raises ConfigError about this section of options."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        show(context, self.cert_file, self.key_file, section)
        return context

"""The certificate that a receiver shows, and those that it wants to see."""

from __future__ import annotations

import ssl
from typing import Annotated

import msgspec

from ..pipeline.errors import Problem
from ..pipeline.http.certificates import demand, show, unreadable
from ..pipeline.options import PemFile


class TlsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate for the door."""

    cert_file: Annotated[
        PemFile, msgspec.Meta(description="PEM file of the certificate and its chain.")
    ]
    key_file: Annotated[PemFile, msgspec.Meta(description="PEM file of the private key.")]
    client_ca_file: Annotated[
        PemFile | None,
        msgspec.Meta(
            description="PEM file of authorities: clients have to show a certificate of theirs."
        ),
    ] = None

    def problems(self) -> list[Problem]:
        """What is wrong beyond types."""
        return unreadable(
            cert_file=self.cert_file, key_file=self.key_file, client_ca_file=self.client_ca_file
        )

    def context(self, section: str) -> ssl.SSLContext:
        """Load all of them. Raises ConfigError about this section of options."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        show(context, self.cert_file, self.key_file, section)
        if self.client_ca_file is not None:
            demand(context, self.client_ca_file, f"{section}.client_ca_file")
        return context

"""How a destination is known, and how it knows us."""

from __future__ import annotations

import ssl
from typing import Annotated

import msgspec

from ..pipeline.errors import Problem
from ..pipeline.http.certificates import show, trusting, unreadable
from ..pipeline.options import PemFile


class TlsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every exporter over a network takes; the names are the OpenTelemetry Collector's."""

    ca_file: Annotated[
        PemFile | None, msgspec.Meta(description="PEM file of the authorities to trust instead.")
    ] = None
    cert_file: Annotated[
        PemFile | None, msgspec.Meta(description="PEM file of our own certificate and its chain.")
    ] = None
    key_file: Annotated[PemFile | None, msgspec.Meta(description="PEM file of its key.")] = None
    server_name_override: Annotated[
        str | None, msgspec.Meta(description="The name that the certificate must have instead.")
    ] = None

    def problems(self) -> list[Problem]:
        """What is wrong beyond types."""
        if (self.cert_file is None) != (self.key_file is None):
            return [Problem("", "expected both cert_file and key_file or none of them")]
        return unreadable(ca_file=self.ca_file, cert_file=self.cert_file, key_file=self.key_file)

    def context(self) -> ssl.SSLContext | None:
        """What connections are made with; None: nothing is special. Raises ConfigError."""
        if self.ca_file is None and self.cert_file is None:
            return None
        if self.ca_file is None:
            context = ssl.create_default_context()
        else:
            context = trusting(self.ca_file, "tls.ca_file")
        if self.cert_file is not None and self.key_file is not None:
            show(context, self.cert_file, self.key_file, "tls")
        return context

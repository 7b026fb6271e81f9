"""A small shop that fails, with the real SDKs: what `errlock demo` runs as a process of its own.

    python -m errlock.pipeline.demo.shop SENTRY_DSN OTLP_ENDPOINT FOLDER

Writes the bytes that each SDK sends into FOLDER as well, so that both sides can be shown. Every
value in here is made up.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

TOKEN = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
CARD = "4111 1111 1111 1111"


class PaymentError(Exception):
    """A payment did not go through."""


def charge(customer: dict[str, str], card: str, amount: int) -> None:
    """Fail as payment code fails: with everything in local variables and in the message."""
    password = "Winter2024!"  # noqa: S105  it is here to be found
    database_url = f"postgres://shop:{password}@db.internal:5432/orders"  # noqa: F841
    attempts = 3  # noqa: F841
    raise PaymentError(
        f"card {card} of {customer['email']} declined, amount {amount}, order 84103956, "
        f"gateway answered 402 to token={TOKEN}"
    )


def with_sentry(dsn: str, folder: Path) -> None:
    """Report the failure as an application with sentry-sdk does."""
    import sentry_sdk
    from sentry_sdk.transport import HttpTransport

    class Recorded(HttpTransport):
        def capture_envelope(self, envelope: Any) -> None:
            (folder / "sent.envelope").write_bytes(envelope.serialize())
            super().capture_envelope(envelope)

    sentry_sdk.init(
        dsn=dsn,
        transport=Recorded,
        release="shop@7.15.8",
        environment="demo",
        server_name="checkout-1",
        send_default_pii=True,
        default_integrations=False,
        auto_session_tracking=False,
    )
    sentry_sdk.set_user(
        {"id": "4711", "email": "jane.roe@example.com", "ip_address": "203.0.113.77"}
    )
    sentry_sdk.add_breadcrumb(
        category="http",
        message="POST https://api.example.com/v1/charges?api_key=Zx81Qv77Lm02Rt5pTn44",
    )
    sentry_sdk.add_breadcrumb(category="query", message="SELECT id FROM orders WHERE id = %s")
    try:
        charge({"email": "jane.roe@example.com"}, CARD, 2638)
    except PaymentError:
        sentry_sdk.capture_exception()
    sentry_sdk.flush(5)


def with_opentelemetry(endpoint: str, folder: Path) -> None:
    """Report the failure as an application with opentelemetry-sdk does."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

    class Recorded(OTLPSpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            kept: list[ReadableSpan] = list(spans)
            (folder / "sent.otlp").write_bytes(encode_spans(kept).SerializeToString())
            return super().export(kept)

    provider = TracerProvider(
        resource=Resource.create({"service.name": "shop", "service.version": "7.15.8"})
    )
    provider.add_span_processor(SimpleSpanProcessor(Recorded(endpoint=endpoint, insecure=True)))
    with provider.get_tracer("shop").start_as_current_span(
        "POST /checkout",
        attributes={
            "url.full": "https://shop.example.com/checkout?session_id=9f86d081884c7d659a2feaa0c55a",
            "client.address": "203.0.113.77",
            "http.response.status_code": 500,
            "enduser.id": "jane.roe@example.com",
        },
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            charge({"email": "jane.roe@example.com"}, CARD, 2638)
        except PaymentError as failure:
            span.record_exception(failure)
    provider.shutdown()


def main(arguments: list[str]) -> None:
    """Fail twice, once with each SDK."""
    dsn, endpoint, folder = arguments
    with_sentry(dsn, Path(folder))
    with_opentelemetry(endpoint, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])

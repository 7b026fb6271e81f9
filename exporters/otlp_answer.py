"""What an OTLP destination answered to a request that it took, over either transport."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from ..pipeline.component import Delivered
from ..pipeline.errors import BrokenDocument, ExportFailed
from ..pipeline.payloads import json
from ..pipeline.payloads.document import Payload
from ..pipeline.payloads.otlp import OtlpRequest
from ..pipeline.payloads.otlp_json import JsonReader, NotOtlp
from ..pipeline.payloads.otlp_responses import RESPONSES


def as_otlp(payload: Payload) -> OtlpRequest:
    """The payload, which must be OTLP: others are converted before they come here."""
    if not isinstance(payload, OtlpRequest):
        raise TypeError("an OTLP exporter takes OTLP payloads")
    return payload


def delivered(request: OtlpRequest, answer: bytes, *, is_json: bool = False) -> Delivered:
    """Counts what was taken: what a partial success rejects is lost for good (`invalid`).

    Raises ExportFailed (permanent, `not_otlp`) when the answer is none of an OTLP server: who
    took the request is not who it was meant for.
    """
    message, rejects = RESPONSES[request.signal]
    response = message()
    try:
        if is_json:
            JsonReader().message(response, json.decode(answer)[0])
        else:
            response.MergeFromString(answer)
    except (DecodeError, NotOtlp, BrokenDocument):
        raise ExportFailed("not_otlp", retryable=False, answered=True) from None
    sent = request.count_alive
    rejected = min(max(getattr(response.partial_success, rejects), 0), sent)
    return Delivered(sent - rejected, {"invalid": rejected} if rejected else {})

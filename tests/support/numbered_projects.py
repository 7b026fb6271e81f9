"""Clients that send each request under a project of its own, so that the store names it."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor

import grpc  # type: ignore[import-untyped]  # it has no annotations
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

_AUTH = {"X-Sentry-Auth": "Sentry sentry_key=k, sentry_version=7"}
_TIMEOUT = 30.0


def send(http_port: int, grpc_port: int, *, clients: int, requests: int) -> None:
    """So many clients of each protocol send so many requests each. All must be acknowledged."""
    with ThreadPoolExecutor(2 * clients) as pool:
        done = [
            pool.submit(work, port, range(first, first + requests))
            for work, port, start in ((_events, http_port, 1), (_logs, grpc_port, 10_001))
            for first in range(start, start + clients * requests, requests)
        ]
    for each in done:
        each.result()


def _events(port: int, projects: range) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    for project in projects:
        body = f'{{"event_id":"{project:032x}"}}\n{{"type":"event"}}\n{{"message":"hello"}}\n'
        connection.request("POST", f"/api/{project}/envelope/", body, _AUTH)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


def _logs(port: int, projects: range) -> None:
    stub: type = LogsServiceStub  # it has no annotations
    own = (("grpc.use_local_subchannel_pool", 1),)  # else clients share a connection
    with grpc.insecure_channel(f"127.0.0.1:{port}", own) as channel:
        for project in projects:
            request = ExportLogsServiceRequest()
            resource = request.resource_logs.add()
            service = resource.resource.attributes.add()
            service.key, service.value.string_value = "service.name", f"service {project}"
            resource.scope_logs.add().log_records.add().body.string_value = "hello"
            stub(channel).Export(request, timeout=_TIMEOUT)

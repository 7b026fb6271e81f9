"""Clients that send numbered events and remember what was acknowledged; they never try again."""

from __future__ import annotations

import http.client
import json
import ssl
from itertools import count
from pathlib import Path

from live_clients import TIMEOUT, Clients

_NUMBERS = count(1)


class Traffic(Clients):
    """They send one event after the other to a Sentry receiver; over TLS if `trust` is a file."""

    def __init__(
        self, port: int, threads: int = 4, pause: float = 0.0, trust: Path | None = None
    ) -> None:
        super().__init__(threads)
        self._port = port
        self._pause = pause
        self._tls = ssl.create_default_context(cafile=trust) if trust is not None else None

    def _send(self, keeps: bool) -> None:
        connection = self._connection()
        while not self._over.wait(self._pause):
            event_id = f"{next(_NUMBERS):032x}"
            try:
                status, closes = _post(connection, event_id)
            except (OSError, http.client.HTTPException) as failure:
                self.refused.append(type(failure).__name__)
                connection.close()
                continue
            if status == 200:
                self.acknowledged.add(event_id)
            else:
                self.refused.append(str(status))
            # A server may say that this was its last answer on a connection: that is no refusal.
            if closes or not keeps:
                connection.close()
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        return http.client.HTTPSConnection(
            "localhost", self._port, timeout=TIMEOUT, context=self._tls
        )


def _post(connection: http.client.HTTPConnection, event_id: str) -> tuple[int, bool]:
    event = json.dumps({"message": f"event {event_id}", "level": "error"})
    body = f'{{"event_id":"{event_id}"}}\n{{"type":"event"}}\n{event}\n'
    headers = {"X-Sentry-Auth": "Sentry sentry_key=k, sentry_version=7"}
    connection.request("POST", "/api/1/envelope/", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.will_close

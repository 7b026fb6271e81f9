"""A collector that sends through a forward proxy."""

from __future__ import annotations

import subprocess
from pathlib import Path

from forward_proxy import forward_proxy
from live_errlock import CONFIG, ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port
from live_traffic import Traffic
from scripted_backend import scripted_backend
from waiting import wait_for


def test_a_distrusted_destination_is_not_asked_for_at_the_proxy_either(tmp_path: Path) -> None:
    port, nobody = listening_port(), f"http://127.0.0.1:{listening_port()}"
    # The environment's are not used.
    environment = {
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), nobody),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    with scripted_backend("proxy") as backend, forward_proxy("errlock:hunter2") as proxy:
        url = {"proxy_url": f"http://errlock:${{env:PASSWORD}}@127.0.0.1:{proxy.port}"}
        dsn = {"dsn": f"http://key@127.0.0.1:{backend.port}/1"}
        config = collector(sentry_at(port), {"sentry": {**dsn, **url}})
        config["service"]["storage"] = "data"
        environment["PASSWORD"] = "hunter2"
        with running_errlock(config, tmp_path, environment=environment) as errlock:
            with Traffic(port, pause=0.05) as traffic:
                traffic.wait(lambda: len(traffic.acknowledged) > 10)
                wait_for(lambda: len(proxy.heads) > 3, 60)
                command = [str(ERRLOCK), "distrust", "sentry", "-c", CONFIG]
                done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
                asked = len(proxy.heads)
                assert done.returncode == 0, done.stderr
                sent = len(traffic.acknowledged)
                traffic.wait(lambda: len(traffic.acknowledged) > sent + 10)
            waits = errlock.metric("errlock_exporter_queue_documents")
            assert waits > 10
            assert len(proxy.heads) == asked
            assert not any(b"hunter2" in told for told in errlock.told())

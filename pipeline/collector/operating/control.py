"""The control API of a collector in this process."""

from __future__ import annotations

import logging

from ...control.server import ControlServer
from ...control.tokens import Tokens, TokenStore
from .collecting import Collecting
from .operations import CollectorOperations

_log = logging.getLogger("errlock.control")


def control_of(collector: Collecting) -> ControlServer | None:
    """The control API of a collector, not started; None where there is none."""
    service = collector.config.service
    options = service.control
    if not options.endpoint:
        return None
    store = None if service.folder is None else TokenStore(service.folder)
    if store is None and options.token is None:
        _log.info("no control API: with storage: memory it needs service.control.token")
        return None
    tokens = Tokens(store, options.token)
    return ControlServer(CollectorOperations(collector), tokens, options)

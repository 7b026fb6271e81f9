"""The standard library's logging: what any handler writes is sanitised first."""

import logging

from errlock.pipeline import Pipeline
from errlock.pipeline.embed import LoggingFilter

handler = logging.StreamHandler()
handler.addFilter(LoggingFilter(Pipeline.default()))
logging.basicConfig(handlers=[handler], format="%(levelname)s %(message)s", level=logging.INFO)

logging.info("login of %s with password=%s", "jane.roe@example.com", "Winter2024!")

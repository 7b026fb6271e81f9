"""A policy that was imported, as a pipeline: through the YAML that `errlock import` writes."""

from __future__ import annotations

from errlock.pipeline.api import Pipeline
from errlock.pipeline.commands.import_ import as_yaml
from errlock.pipeline.config import loads
from errlock.policy.importers.fragment import Imported
from errlock.policy.keyring.pseudonyms import new_key

_ENV = {"ERRLOCK_KEY": new_key()}


def pipeline_of(imported: Imported) -> Pipeline:
    return Pipeline.from_config(loads(as_yaml(imported), _ENV))

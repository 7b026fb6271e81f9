"""The configuration: YAML files to checked options of every component and of the process."""

from .reading import Config, ExporterOptions, default_config, load, loads, of_mapping
from .service import ControlOptions, PipelineOptions, ServiceOptions

__all__ = [
    "Config",
    "ControlOptions",
    "ExporterOptions",
    "PipelineOptions",
    "ServiceOptions",
    "default_config",
    "load",
    "loads",
    "of_mapping",
]

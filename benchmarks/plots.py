"""Plots of benchmarks, saved as PNG under build/bench."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.report import BUILD

Series = Mapping[str, Sequence[tuple[float, float]]]


def lines(
    name: str,
    title: str,
    series: Series,
    *,
    x: str,
    y: str,
    at: float | None = None,
    linear: bool = False,
) -> Path:
    """Lines on logarithmic axes (x `linear` if wanted); `at` draws a level to compare with."""
    os.environ.setdefault("MPLCONFIGDIR", str(BUILD / "matplotlib"))
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for label, points in series.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    if at is not None:
        axes.axhline(at, color="grey", linestyle="--")
    axes.set(title=title, xlabel=x, ylabel=y, xscale="linear" if linear else "log", yscale="log")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / f"{name}.png"
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path

"""Plots of benchmarks, saved as PNG under build/bench."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

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
) -> None:
    """Lines on logarithmic axes (x `linear` if wanted); `at` draws a level to compare with."""
    figure, axes = _figure()
    for label, points in series.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    if at is not None:
        axes.axhline(at, color="grey", linestyle="--")
    axes.set(title=title, xlabel=x, ylabel=y, xscale="linear" if linear else "log", yscale="log")
    if series:
        axes.legend()
    _save(figure, name)


def places(
    name: str, title: str, points: Mapping[str, tuple[float, float]], *, x: str, y: str
) -> None:
    """Points with their names, in percent both ways."""
    figure, axes = _figure()
    for number, (label, (across, up)) in enumerate(points.items()):
        axes.plot(across, up, marker="o")
        beside = (6, -14 if number % 2 else 6)  # two may lie close together
        axes.annotate(label, (across, up), xytext=beside, textcoords="offset points")
    axes.set(title=title, xlabel=x, ylabel=y, xlim=(-5, 125), ylim=(-5, 110))
    _save(figure, name)


def _figure() -> tuple[Any, Any]:
    os.environ.setdefault("MPLCONFIGDIR", str(BUILD / "matplotlib"))
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    axes.grid(visible=True, which="both", alpha=0.3)
    return figure, axes


def _save(figure: Any, name: str) -> None:
    from matplotlib import pyplot

    BUILD.mkdir(parents=True, exist_ok=True)
    figure.savefig(BUILD / f"{name}.png", dpi=120)
    pyplot.close(figure)

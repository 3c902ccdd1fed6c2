"""The cases in one picture: rows/s of each way, by task and wire."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from benchmarks.bars import QFRAME
from benchmarks.report import Report, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GROUND, INK, FAINT = "#f5f7fa", "#16202c", "#c9d2dd"
LIMIT: dict[str, Any] = {"marker": "|", "markersize": 15, "markeredgewidth": 2.5, "color": "#3f9d63"}
OURS: dict[str, Any] = {"marker": "o", "markersize": 8.5, "color": "#d6546b"}
THEIRS: dict[str, dict[str, Any]] = {
    "upload_collection": {"marker": "s", "color": "#5b8def"},
    "upload_collection, 64": {"marker": "s", "color": "#5b8def", "markerfacecolor": GROUND},
    "upsert(Batch)": {"marker": "^", "color": "#45525f"},
    "upload_points": {"marker": "D", "color": "#8a63d2"},
    "upsert([PointStruct])": {"marker": "v", "color": "#b07d2b"},
    "scroll, plain": {"marker": "s", "color": "#5b8def"},
    "scroll": {"marker": "s", "color": "#5b8def", "markerfacecolor": GROUND},
}


def draw(report: Report, path: Path) -> None:
    """Write the picture, an SVG that is the same for the same figures.

    It has a ground of its own, so that it reads the same on light and on dark pages.
    """
    mpl.use("svg")
    settings: Any = {
        "svg.hashsalt": "qframe",
        "svg.fonttype": "none",
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with mpl.rc_context(settings):
        _figure(report).savefig(path, metadata={"Date": None, "Creator": None}, facecolor=GROUND)


def _figure(report: Report) -> Any:
    from matplotlib.figure import Figure

    panels = report.panels()
    figure = Figure(figsize=(10.5, 0.9 + 3.1 * ((len(panels) + 1) // 2)), layout="constrained")
    grid = figure.subplots((len(panels) + 1) // 2, 2, squeeze=False, sharex=True, sharey="row")
    for axes, (title, results) in zip(grid.flat, panels, strict=False):
        _panel(axes, title, results)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    handles: dict[str, Any] = {}
    for axes in grid.flat:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=5, frameon=False, fontsize=9.5
    )
    return figure


def _panel(axes: Axes, title: str, results: list[Result]) -> None:
    axes.set_title(f"{title}, rows/s", loc="left", fontsize=10.5, fontweight="bold")
    axes.set_facecolor(GROUND)
    axes.set_xscale("log")
    axes.set_yticks(range(len(results)), [one.group.case.name for one in results])
    axes.set_ylim(len(results) - 0.5, -0.5)
    axes.grid(axis="x", which="major", color=FAINT)
    axes.grid(axis="x", which="minor", color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, which="both", labelbottom=True)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter("")
    styles: dict[str, dict[str, Any]] = {
        **THEIRS,
        **({results[0].limit: LIMIT} if results[0].limit else {}),
        QFRAME: OURS,
    }
    for name, style in styles.items():
        found = [(one.figures[name].rate, row) for row, one in enumerate(results) if name in one.figures]
        if found:
            rates, rows = zip(*found, strict=True)
            look: dict[str, Any] = {"linestyle": "none", "markersize": 6, "label": _label(name), **style}
            axes.plot(rates, rows, **look)


def _label(name: str) -> str:
    return "limit" if name.startswith("limit") else name

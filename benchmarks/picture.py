"""The report as a picture: for each problem, the time of every peer over mlpcore's, on a logarithmic axis."""

from __future__ import annotations

from pathlib import Path


def draw(results: list[dict], path: Path, title: str) -> None:
    """Write the ratios of the medians as horizontal bars; needs Matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [(one, [row for row in one["rows"] if "ratio" in row and row["ratio"] != 1]) for one in results]
    shown = [(one, rows) for one, rows in shown if rows]
    if not shown:
        return
    sizes = [len(rows) for _, rows in shown]
    figure, axes = pyplot.subplots(
        len(shown), 1, sharex=True, figsize=(9, 0.25 * sum(sizes) + 0.7 * len(shown) + 1), height_ratios=sizes
    )
    for axis, (one, rows) in zip(axes if len(shown) > 1 else [axes], shown, strict=True):
        names = [f"{row['peer']} ({row['threads']})" if row["threads"] > 1 else row["peer"] for row in rows]
        ratios = [row["ratio"] for row in rows]
        colors = ["#4c78a8" if ratio >= 1 else "#e45756" for ratio in ratios]
        bars = axis.barh(names, [ratio - 1 for ratio in ratios], left=1, color=colors)
        axis.bar_label(bars, [f" {ratio:.2f}" if ratio < 10 else f" {ratio:.0f}" for ratio in ratios], fontsize=7)
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.invert_yaxis()
        axis.set_title(one["title"], fontsize=8, loc="left")
        axis.tick_params(labelsize=7)
    figure.supxlabel("time over mlpcore's: right of the line mlpcore is faster", fontsize=8)
    figure.suptitle(title, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)

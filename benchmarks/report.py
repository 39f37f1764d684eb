"""The benchmark's numbers: what one peer's rounds come to, and the table that a person reads."""

from __future__ import annotations

from statistics import median

from problems import Problem


def summary(problem: Problem, peer: str, threads: int, rounds: list[dict], peak: float) -> dict:
    """Return the numbers of one peer's rounds; `peak` is in operations a second."""
    seconds = [one["seconds"] for one in rounds]
    share = None if problem.flops is None else problem.flops / peak
    return {
        "peer": peer,
        "threads": threads,
        "seconds": seconds,
        "median": median(seconds),
        "best": min(seconds),
        "peak_share": share and share / median(seconds),
        "peak_share_best": share and share / min(seconds),
        "cores": median(one["cores"] for one in rounds),
        "processor": median(one["processor"] for one in rounds),
        "memory_mb": max(one.get("memory_mb", 0.0) for one in rounds),
    }


def add_ratios(rows: list[dict], reference: str) -> None:
    """Tell each row how many times the reference's time it takes, with the same threads."""
    for row in rows:
        same = [r for r in rows if r["peer"] == reference and r["threads"] == row["threads"]]
        if same and "median" in same[0] and "median" in row:
            row["ratio"] = row["median"] / same[0]["median"]
            row["ratio_best"] = row["best"] / same[0]["best"]
            row["ratio_processor"] = row["processor"] / max(same[0]["processor"], 1e-9)


def busy_note(problem: Problem, rows: list[dict]) -> str | None:
    """Warn that other programs had the processor, and give the times that they disturb least."""
    alone = [row for row in rows if row["threads"] == 1 and "median" in row]
    if problem.kind == "search" or not any(row["cores"] < 0.9 for row in alone):
        return None
    times = []
    for row in alone:
        share = row["peak_share"] and row["peak_share"] * row["median"] / row["processor"]
        shown = f" ({percent(share)} of peak)" if share else ""
        times.append(f"{row['peer']} {duration(row['processor'] / problem.steps)}{shown}")
    return f"  the machine was busy; processor time per {problem.unit}: {', '.join(times)}"


def duration(seconds: float) -> str:
    """Return a time with its unit, three or four digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.{2 if seconds < 10 * size else 1}f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def percent(share: float | None) -> str:
    """Return a share of the peak, or nothing where there is none."""
    return "" if share is None else f"{100 * share:.0f} %"


def times(ratio: float | None) -> str:
    """Return a ratio, or nothing where there is none."""
    return "" if ratio is None else f"{ratio:.2f}"


def table(problem: Problem, rows: list[dict], reference: str) -> str:
    """Return one problem's table; peers without a number say why."""
    head = ["threads", "peer", f"per {problem.unit}", "best", f"x {reference}", "best", "processor"]
    head += ["of peak", "best", "loss", "cores", "MB"]
    lines, notes = [head], []
    for row in rows:
        if "median" not in row:
            notes.append(f"  {row['peer']}, {row['threads']} threads: {row['error']}")
            continue
        each = [duration(row[key] / problem.steps) for key in ("median", "best")]
        ratios = [times(row.get(key)) for key in ("ratio", "ratio_best", "ratio_processor")]
        shares = [percent(row[key]) for key in ("peak_share", "peak_share_best")]
        used = [f"{row['loss']:.6g}", f"{row['cores']:.2f}", f"{row['memory_mb']:.0f}"]
        lines.append([str(row["threads"]), row["peer"], *each, *ratios, *shares, *used])
    notes += filter(None, [busy_note(problem, rows)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = ["  " + "  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in lines]
    title = f"{problem.name}: {problem.title}, {problem.dtype}"
    if problem.kind == "train":
        title += f"; a round is {problem.steps} steps"
    return "\n".join([title, *(shown if len(shown) > 1 else []), *notes, ""])

"""`python -m mlpcore`: scikit-learn's estimator and ours side by side on real data."""

import argparse
import sys
from pathlib import Path

import sklearn

import mlpcore._core as _core
from mlpcore import __version__
from mlpcore._compare import Comparison, Settings, compare
from mlpcore._problems import Problem, ProblemError, load_file, load_problem


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        problem = load_file(options.path) if options.path else load_problem(options.data)
        settings = Settings(
            hidden=tuple(options.hidden),
            solver=options.solver,
            epochs=options.epochs,
            batch_size=min(options.batch_size, len(problem.X_train)),
            threads=options.threads,
        )
        print(_header(problem, settings, options.repeats), flush=True)
        for dtype in options.dtype:
            row = compare(problem, settings, dtype, options.repeats, _progress)
            _progress("")
            print(_rows(row), flush=True)
    except (ProblemError, ValueError) as error:  # a ValueError: training diverged
        _progress("")
        print(f"mlpcore: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _progress("")
        print("mlpcore: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m mlpcore",
        description="Train scikit-learn's multilayer perceptron and mlpcore's side by side on real "
        "data with equal settings, and compare accuracy, time and weights. Defaults in parentheses.",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--data",
        choices=["digits", "fashion-mnist"],
        default="digits",
        help="a data set by name (digits); fashion-mnist is downloaded from OpenML",
    )
    source.add_argument(
        "--path",
        type=Path,
        metavar="FILE.npz",
        help="a data set on disk, with arrays X_train, y_train, X_test, y_test, or X, y, "
        "or X_num, X_cat, y; floating-point y means regression",
    )
    parser.add_argument(
        "--hidden",
        type=_positive,
        nargs="+",
        default=[300, 100],
        metavar="UNITS",
        help="units of each hidden layer (300 100)",
    )
    parser.add_argument("--solver", choices=["adam", "sgd"], default="adam", help="optimizer (adam)")
    parser.add_argument("--epochs", type=_positive, metavar="N", default=10, help="passes over the data (10)")
    parser.add_argument("--batch-size", type=_positive, metavar="N", default=32, help="rows of a mini-batch (32)")
    parser.add_argument(
        "--dtype",
        choices=["float32", "float64"],
        nargs="+",
        default=["float32", "float64"],
        help="element types to compare in (both)",
    )
    parser.add_argument("--threads", type=_positive, metavar="N", default=1, help="threads of either library (1)")
    parser.add_argument("--repeats", type=_positive, metavar="N", default=3, help="timed fits of each estimator (3)")
    return parser


def _positive(text: str) -> int:
    """Parse a positive whole number."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


COLUMNS = "  {:<9}{:<13}{:>14}{:>12}{:>10}{:>9}{:>19}"


def _header(problem: Problem, settings: Settings, repeats: int) -> str:
    """Describe the run and open the table."""
    widths = (problem.X_train.shape[1], *settings.hidden, problem.n_outputs)
    score = "test accuracy" if problem.is_classification else "test R2"
    timing = f"median of {repeats} fits, taken in turns" if repeats > 1 else "one fit each"
    titles = ("dtype", "", score, "final loss", "seconds", "ratio", "weights differ by")
    lines = [
        f"mlpcore {__version__} beside scikit-learn {sklearn.__version__}",
        "",
        f"  data      {problem}",
        f"  network   {'-'.join(map(str, widths))}, relu",
        f"  training  {settings.solver}, {_count(settings.epochs, 'epoch')}, "
        f"batches of {settings.batch_size}, random_state 0",
        f"  machine   {_core.isa()} kernels, {_count(settings.threads, 'thread')}",
        f"  timing    {timing}",
        "",
        COLUMNS.format(*titles),
        "  " + "-" * (len(COLUMNS.format(*titles)) - 2),
    ]
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 thread`, `2 threads`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _rows(row: Comparison) -> str:
    """Print one comparison as two lines of the table."""
    lines = []
    for name, result in (("scikit-learn", row.theirs), ("mlpcore", row.ours)):
        numbers = (f"{result.score:.4f}", f"{result.loss:.6f}", f"{result.seconds:.3f}")
        is_ours = result is row.ours
        last = (f"{row.ratio:.1f} x", f"{row.weight_difference:.1e}") if is_ours else ("", "")
        lines.append(COLUMNS.format("" if is_ours else row.dtype, name, *numbers, *last).rstrip())
    return "\n".join(lines)


def _progress(step: str) -> None:
    """Show on a terminal what is running; an empty text wipes the line."""
    if sys.stderr.isatty():
        print(f"\r\033[K  {step} ..." if step else "\r\033[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

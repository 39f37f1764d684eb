#!/usr/bin/env python3
"""Put each fault of faults.py into the code and see that a test fails: `python tests/mutations/run.py [NUMBER ...]`.

All faults of the core are compiled into one extension (build/mutations), where MLPCORE_MUTANT chooses one, so that
forty faults cost one build: of the baseline kernels, under all names.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from faults import CORE, PYTHON

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "cpp"))
from build_core import build_module  # noqa: E402

WORK = ROOT / "build" / "mutations"
HEADER = """#pragma once
#include <cstdlib>
inline const int mlpcore_mutant = std::getenv("MLPCORE_MUTANT") ? std::atoi(std::getenv("MLPCORE_MUTANT")) : 0;
"""


def write(path: Path, text: str) -> None:
    """Write a file unless it is the same already, for what is built from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def replaced(text: str, piece: str, right: str, wrong: str) -> str:
    """Return the text with the wrong expression in its one piece."""
    if text.count(piece) != 1 or piece.count(right) != 1:
        raise SystemExit(f"{piece!r} occurs {text.count(piece)} times, {right!r} {piece.count(right)} times in it")
    return text.replace(piece, piece.replace(right, wrong))


def build() -> Path:
    """Compile the core with all its faults; return the folder that holds the package."""
    texts = {p.relative_to(ROOT): p.read_text() for p in sorted((ROOT / "csrc").rglob("*")) if p.is_file()}
    for number, (file, piece, right, wrong, _) in enumerate(CORE, 1):
        either = f"(mlpcore_mutant == {number} ? ({wrong}) : ({right}))"
        texts[Path(file)] = replaced(texts[Path(file)], piece, right, either)
    for path, text in texts.items():
        write(WORK / path, text)
    write(WORK / "mutant.h", HEADER)
    package = WORK / "src" / "mlpcore"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(ROOT / "src" / "mlpcore", package, ignore=shutil.ignore_patterns("_core.*.so", "__pycache__"))
    build_module(WORK, WORK / "objects", package, "g++", ["-g0", "-w", "-include", "mutant.h", f"-I{WORK}"], [])
    return package.parent


def failing(source: Path, tests: tuple[str, ...], mutant: int = 0) -> str:
    """Return the first test that fails, "" if none does."""
    environment = {**os.environ, "PYTHONPATH": str(source), "MLPCORE_MUTANT": str(mutant), "MLPCORE_ISA": "baseline"}
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]
    run = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if run.returncode == 0:
        return ""
    lines = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return lines[0].split(" - ")[0] if lines else f"exit code {run.returncode}"


def main() -> int:
    """Run all faults or those named; return how many survived."""
    wanted = {int(argument) for argument in sys.argv[1:]}
    source = build()
    if not wanted:
        every = tuple(sorted({test for fault in CORE + PYTHON for test in fault[4]}))
        if found := failing(source, every):
            raise SystemExit(f"without a fault: {found}")
    survived = 0
    for number, (file, piece, right, wrong, tests) in enumerate(CORE + PYTHON, 1):
        if wanted and number not in wanted:
            continue
        start = time.perf_counter()
        tests = tuple(test for test in tests if (ROOT / test).exists())
        if number <= len(CORE):
            found = failing(source, tests, number)
        else:
            path = source / Path(file).relative_to("src")
            text = path.read_text()
            path.write_text(replaced(text, piece, right, wrong))
            found = failing(source, tests)
            path.write_text(text)
        survived += not found
        verdict = found or "SURVIVED"
        print(
            f"{number:2d} {file}: {right} -> {wrong or '(nothing)'}: {verdict} ({time.perf_counter() - start:.0f} s)",
            flush=True,
        )
    print(f"{survived} survived")
    return survived


if __name__ == "__main__":
    sys.exit(main())

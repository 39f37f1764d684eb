#!/usr/bin/env python3
"""Build the core for the fuzzer, with coverage, AddressSanitizer and UndefinedBehaviorSanitizer, into build/fuzzing.

Needs Clang, named by CXX (default clang++). Only baseline kernels are compiled, for all names of instruction sets.
"""

import os
import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pybind11

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "fuzzing"
CXX = os.environ.get("CXX", "clang++")
FLAGS = (
    "-std=c++20 -fPIC -O1 -g1 -pthread -fno-math-errno -fno-trapping-math -ffp-contract=fast -fno-omit-frame-pointer "
    "-fvisibility=hidden -w -MMD -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow "
    "-fno-sanitize=vptr,function -fno-sanitize-recover=all"
).split()
ALIASES = [f"-D{isa}_{t}=baseline_{t}" for isa in ("avx2", "avx512") for t in ("float", "double")]


def is_fresh(target: Path) -> bool:
    """Whether an object is newer than everything its compiler-written `.d` file lists."""
    listing = target.with_suffix(".d")
    if not (target.exists() and listing.exists()):
        return False
    sources = listing.read_text().replace("\\\n", " ").split(":", 1)[1].split()
    return all(Path(s).exists() and Path(s).stat().st_mtime < target.stat().st_mtime for s in sources)


def compile_one(source: Path) -> Path:
    """Return the object of a source, compiled anew if it is not fresh."""
    target = OUT / f"{source.stem}.o"
    if not is_fresh(target):
        includes = [ROOT / "csrc", pybind11.get_include(), sysconfig.get_path("include")]
        extra = ALIASES if source.name == "dispatch.cpp" else []
        command = [CXX, *FLAGS, *(f"-I{i}" for i in includes), *extra, "-c", str(source), "-o", str(target)]
        subprocess.run(command, check=True)
    return target


def build() -> None:
    """Compile, link, and lay links to the package's Python beside the module."""
    OUT.mkdir(parents=True, exist_ok=True)
    sources = [ROOT / "csrc/kernels/isa_baseline.cpp", *ROOT.glob("csrc/*.cpp"), *ROOT.glob("csrc/bindings/*.cpp")]
    with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", 0)) or os.cpu_count() or 1) as pool:
        objects = list(pool.map(compile_one, sources))
    package = OUT / "src" / "mlpcore"
    shutil.rmtree(package.parent, ignore_errors=True)
    package.mkdir(parents=True)
    for entry in (ROOT / "src" / "mlpcore").iterdir():
        if not entry.name.startswith("_core.") or entry.suffix == ".pyi":
            (package / entry.name).symlink_to(entry)
    module = package / f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run([CXX, "-shared", *map(str, objects), "-o", str(module), "-pthread"], check=True)


if __name__ == "__main__":
    build()

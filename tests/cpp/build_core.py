"""Build the core without setuptools, for checks that need it compiled in a way of their own.

Only baseline kernels are compiled, for all names of instruction sets: the others share their source.
"""

import os
import platform
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FLAGS = (
    "-std=c++20 -fPIC -O1 -pthread -fno-math-errno -fno-trapping-math -ffp-contract=fast -Wno-psabi -MMD -Icsrc"
).split()
BF16 = "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512bf16 -mamx-tile -mamx-bf16 -mfma".split()


def is_fresh(target: Path, root: Path) -> bool:
    """Whether an object is newer than everything its compiler-written `.d` file lists."""
    listing = target.with_suffix(".d")
    if not (target.exists() and listing.exists()):
        return False
    sources = listing.read_text().replace("\\\n", " ").split(":", 1)[1].split()
    return all((root / s).exists() and (root / s).stat().st_mtime < target.stat().st_mtime for s in sources)


def python_flags() -> list[str]:
    """Where the headers of Python and pybind11 are."""
    import pybind11

    return [f"-I{pybind11.get_include()}", f"-I{sysconfig.get_path('include')}", "-fvisibility=hidden"]


def compile_core(
    root: Path, out: Path, compiler: str, flags: list[str], sources: list[Path], avx2: bool = False
) -> list[Path]:
    """Objects in `out` of the kernels and the sources below `root`, a job a core; the fresh ones are kept."""
    out.mkdir(parents=True, exist_ok=True)
    aliases = ["avx512"] if avx2 else ["avx2", "avx512"]
    extra = {
        "dispatch": [f"-D{isa}_{t}=baseline_{t}" for isa in aliases for t in ("float", "double")],
        "isa_avx2": ["-mavx2", "-mfma"],
        "isa_words": BF16,  # linked, not run: its panels are those of avx512
    }

    def compile_one(source: Path) -> Path:
        more = python_flags() if source.parent.name == "bindings" else extra.get(source.stem, [])
        name = f"dispatch{len(aliases)}" if source.stem == "dispatch" else source.stem
        target = out / f"{name}.o"
        if not is_fresh(target, root):
            command = [compiler, *FLAGS, *flags, *more, "-c", str(source.relative_to(root)), "-o", str(target)]
            subprocess.run(command, check=True, cwd=root)
        return target

    isas = ["baseline", *(["avx2"] if avx2 else []), *(["words"] if platform.machine() == "x86_64" else [])]
    kernels = [root / f"csrc/kernels/isa_{isa}.cpp" for isa in isas]
    with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", 0)) or os.cpu_count() or 1) as pool:
        return list(pool.map(compile_one, [*kernels, *sources]))


def core_sources(root: Path) -> list[Path]:
    """List the core's sources below `root`, without the kernels and the bindings."""
    return sorted(root.glob("csrc/*.cpp"))


def build_module(
    root: Path, out: Path, package: Path, compiler: str, flags: list[str], link_flags: list[str], avx2: bool = False
) -> None:
    """Build the extension from the sources below `root` into the folder of a package."""
    sources = [*core_sources(root), *sorted(root.glob("csrc/bindings/*.cpp"))]
    objects = compile_core(root, out, compiler, flags, sources, avx2)
    module = package / f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run([compiler, "-shared", *link_flags, *map(str, objects), "-o", str(module), "-pthread"], check=True)

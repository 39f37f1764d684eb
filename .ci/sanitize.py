#!/usr/bin/env python3
"""Run the core under a sanitizer: `.ci/sanitize.py address [PYTEST ARGUMENTS]`, `thread` or `fuzzer`.

address: the extension is built with AddressSanitizer and UndefinedBehaviorSanitizer, and tests run on it. thread: the
C++ program tests/cpp/train_on_threads.cpp, which trains on the team of threads, runs under ThreadSanitizer. fuzzer: the
extension is built for tests/fuzzing, with coverage and those of address, by the Clang that CXX names (clang++).

Objects are kept in build/sanitize and rebuilt where a source is newer. Only baseline kernels are compiled, for all
names of instruction sets, unless MLPCORE_SANITIZE_AVX2 is set: they share their source with the others.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "cpp"))
from build_core import build_module, compile_core, core_sources  # noqa: E402

COMMON = "-g1 -fno-omit-frame-pointer".split()
FLAGS = {
    "address": "-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all".split(),
    "thread": ["-fsanitize=thread"],
    "fuzzer": (
        "-fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow -fno-sanitize=vptr,function "
        "-fno-sanitize-recover=all -w"
    ).split(),
}
# What the tests under AddressSanitizer are unless others are named: all that reaches the core by another way.
TESTS = """
tests/test_engine_tapes.py tests/test_engine_faults.py tests/test_engine_gradient.py tests/test_fuzz_tapes.py
tests/test_fuzz_bindings.py tests/test_tape.py tests/test_sparse.py tests/test_predictor.py tests/test_dropout.py
tests/test_updates.py tests/test_losses.py tests/test_reference.py
""".split()
# Tests that limit the address space, which AddressSanitizer fills, or that take minutes under it.
LEFT_OUT = "not memory and not team_that_cannot_grow and not any_calls_of_a_tape"


def build_folder(kind: str) -> Path:
    """Name the folder where this kind's objects are kept."""
    return ROOT / "build" / "sanitize" / kind


def extension(kind: str) -> Path:
    """Build the extension beside links to the package's Python; return the package."""
    package = build_folder(kind) / "src" / "mlpcore"
    shutil.rmtree(package.parent, ignore_errors=True)
    package.mkdir(parents=True)
    for entry in (ROOT / "src" / "mlpcore").iterdir():
        if not entry.name.startswith("_core.") or entry.suffix == ".pyi":
            (package / entry.name).symlink_to(entry)
    installed = importlib.util.find_spec("mlpcore")
    if installed and installed.origin and not [*package.glob("_perceptron.*.so")]:  # not built in the tree
        for library in Path(installed.origin).parent.glob("_perceptron.*.so"):
            (package / library.name).symlink_to(library)
    compiler = os.environ.get("CXX", "clang++") if kind == "fuzzer" else "g++"
    link_flags = [] if kind == "fuzzer" else FLAGS[kind]  # the fuzzer brings the sanitizers' runtime
    avx2 = "MLPCORE_SANITIZE_AVX2" in os.environ
    build_module(ROOT, build_folder(kind), package, compiler, [*COMMON, *FLAGS[kind]], link_flags, avx2)
    return package


def fuzzer(_: list[str]) -> int:
    """Build the extension for the fuzzer."""
    print(extension("fuzzer").parent)
    return 0


def address(arguments: list[str]) -> int:
    """Build the extension, and run pytest on it."""
    package = extension("address")

    def runtime(name: str) -> str:
        return subprocess.run(
            ["g++", f"-print-file-name={name}"], check=True, capture_output=True, text=True
        ).stdout.strip()

    environment = {
        **os.environ,
        # The C++ library comes along so that exceptions are intercepted; Python's own allocator would hide overruns.
        "LD_PRELOAD": f"{runtime('libasan.so')} {runtime('libstdc++.so')}",
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONPATH": str(package.parent),
        "MLPCORE_ISA": os.environ.get("MLPCORE_ISA", "baseline"),
        "FUZZ_EXAMPLES": os.environ.get("FUZZ_EXAMPLES", "15"),
    }
    arguments = arguments or [*(t for t in TESTS if (ROOT / t).exists()), "-k", LEFT_OUT]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def thread(_: list[str]) -> int:
    """Build the C++ program with the core and run it."""
    program = ROOT / "tests" / "cpp" / "train_on_threads.cpp"
    flags = [*COMMON, *FLAGS["thread"]]
    objects = compile_core(ROOT, build_folder("thread"), "g++", flags, [*core_sources(ROOT), program])
    target = build_folder("thread") / "train_on_threads"
    subprocess.run(["g++", *FLAGS["thread"], *map(str, objects), "-o", str(target), "-pthread"], check=True)
    environment = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1", "MLPCORE_ISA": "baseline"}
    return subprocess.run([target], env=environment, check=False).returncode


if __name__ == "__main__":
    kinds = {"address": address, "thread": thread, "fuzzer": fuzzer}
    if len(sys.argv) < 2 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    sys.exit(kinds[sys.argv[1]](sys.argv[2:]))

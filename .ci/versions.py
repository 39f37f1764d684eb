#!/usr/bin/env python3
"""Build and test with the lowest or the newest versions that pyproject.toml allows, for its build and at run time.

`.ci/versions.py lowest` or `.ci/versions.py newest`, then `--python PROGRAM` for another Python than this one and
arguments of pytest for other tests. A new environment in build/versions gets those versions; the sdist is made there,
from it alone and without build isolation a wheel, and the sdist's tests run on the wheel as it is installed. This
program itself needs Python 3.11.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parent.parent
# Unless others are named: what meets other packages, or is compiled by other versions of them.
TESTS = """
architecture callbacks_* determinism docs doctests engine_* faults fuzz_bindings keras_equality layer_* mlp_* models_*
perceptron* plot predictor saving_* sparse tape tensorboard thread_limits training_* tuner_* wrappers
""".split()


def requirements(project: dict, extra: str) -> list[str]:
    """List what an extra asks for, the package's own extras resolved."""
    found = []
    for each in project["optional-dependencies"][extra]:
        own = re.fullmatch(rf"{project['name']}\[(.*)\]", each)
        found += [r for name in own[1].split(",") for r in requirements(project, name)] if own else [each]
    return found


def lowest(requirement: str) -> str:
    """Turn `numpy>=1.24,<3` into `numpy==1.24`."""
    if not re.fullmatch(r"[\w-]+(>=[\d.]+(,<[\d.]+)?|==[\d.]+)", requirement):
        raise SystemExit(f"{requirement!r} in pyproject.toml has no lowest version")
    return re.sub(r">=([\d.]+).*", r"==\1", requirement)


def main() -> int:
    """Build, check, install, test; return pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["lowest", "newest"])
    parser.add_argument("--python", default=sys.executable)
    options, tests = parser.parse_known_args()
    toml = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = toml["build-system"]["requires"] + toml["project"]["dependencies"] + requirements(toml["project"], "test")
    if options.which == "lowest":
        wanted = [lowest(each) for each in wanted]

    def run(*command: str | Path, cwd: Path = ROOT) -> str:
        print("+", *command, flush=True)
        return subprocess.run(command, check=True, cwd=cwd, stdout=subprocess.PIPE, text=True).stdout

    version = run(options.python, "-c", "import sysconfig as s; print(s.get_config_var('SOABI'))").strip()
    work = ROOT / "build" / "versions" / f"{options.which}-{version}"
    shutil.rmtree(work, ignore_errors=True)
    run(options.python, "-m", "venv", work / "venv")
    python = work / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    # An old Python's own setuptools, if it brings one, is not the newest.
    run(*pip, "install", "--upgrade", "--only-binary", ":all:", *wanted, "wheel")
    listed = run(*pip, "freeze", "--all")
    print(listed)

    tree = work / "tree"
    files = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    backend = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"
    sdist = work / "dist" / run(python, "-c", backend, work / "dist", cwd=tree).splitlines()[-1]
    run(*pip, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", work / "dist", sdist, cwd=work)
    print(run(python, ROOT / ".ci" / "contents.py", tree, work / "dist"))
    run(*pip, "install", "--no-deps", *(work / "dist").glob("*.whl"))
    print(run(*pip, "check"))

    shutil.unpack_archive(sdist, work / "sdist")
    unpacked = next((work / "sdist").iterdir())
    tests = tests or [str(p) for t in TESTS for p in sorted(unpacked.glob(f"tests/test_{t}.py"))]
    # What old versions say of each other's futures is none of ours.
    silent = ["-W", "ignore::DeprecationWarning"] if options.which == "lowest" else []
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *silent, *tests]
    return subprocess.run(command, cwd=unpacked, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

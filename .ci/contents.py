#!/usr/bin/env python3
"""Compare an sdist and a wheel with the tree that they were made from: `.ci/contents.py TREE FOLDER`, which holds both.

The wheel holds the package's Python files, their types, the two compiled modules, the metadata and the licence, and
nothing else. The sdist holds all that a build and the tests need, and nothing that a build left behind.
"""

import sys
import tarfile
import zipfile
from email.parser import Parser
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

# Kinds of files that belong to a release, by folder; .pyc and compiled modules lie beside them in a tree in use.
SOURCES = {"csrc": "*.cpp *.h *.inl", "src/mlpcore": "*.py *.pyi *.pyx py.typed", "tests": "*.py *.cpp *.json *.keras"}
SINGLE = "CHANGELOG.md LICENSE MANIFEST.in README.md SECURITY.md pyproject.toml setup.py"
LEFTOVERS = "*.py[cod] *.so *.o *.a *.d *.npz"
MODULES = ("mlpcore/_core.", "mlpcore/_perceptron.")


def files(tree: Path, folder: str, patterns: str) -> set[str]:
    """List files of these kinds below a folder, as they are named from the tree."""
    return {p.relative_to(tree).as_posix() for each in patterns.split() for p in (tree / folder).rglob(each)}


def wheel_problems(tree: Path, wheel: Path) -> list[str]:
    """Say what a wheel lacks or has too much."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        fields = Parser().parsestr(archive.read(metadata).decode())
    problems = [f"{name} twice" for name in set(names) if names.count(name) > 1]
    expected = {name.removeprefix("src/") for name in files(tree, "src/mlpcore", "*.py *.pyi py.typed")}
    compiled = [name for name in names if name.endswith(".so")]
    if sorted(name for each in compiled for name in MODULES if each.startswith(name)) != sorted(MODULES):
        problems.append(f"compiled modules {compiled}")
    licences = [name for name in names if name.endswith("/LICENSE") and ".dist-info/" in name]
    if len(licences) != 1 or fields.get_all("License-File") != ["LICENSE"]:
        problems.append(f"licences {licences}, declared as {fields.get_all('License-File')}")
    info = {name for name in names if ".dist-info/" in name}
    problems += [f"no {name}" for name in sorted(expected - set(names))]
    problems += [f"{name} too much" for name in sorted(set(names) - expected - info - set(compiled))]
    about = {PurePosixPath(name).name for name in info}
    problems += [f"{n} too much" for n in about - {"METADATA", "RECORD", "WHEEL", "LICENSE", "top_level.txt"}]
    return problems


def sdist_problems(tree: Path, sdist: Path) -> list[str]:
    """Say what an sdist lacks or has too much."""
    with tarfile.open(sdist) as archive:
        members = [member for member in archive.getmembers() if not member.isdir()]
    problems = [f"{member.name} is no plain file" for member in members if not member.isfile()]
    roots = {member.name.split("/")[0] for member in members}
    problems += [f"several folders: {roots}"] if len(roots) != 1 else []
    names = {member.name.split("/", 1)[1] for member in members}
    expected = set(SINGLE.split()).union(*(files(tree, *item) for item in SOURCES.items()))
    problems += [f"no {name}" for name in sorted(expected - names)]
    bad = [n for n in names if any(fnmatch(n, each) for each in LEFTOVERS.split()) or n.startswith((".git/", "build/"))]
    return problems + [f"{name} too much" for name in sorted(bad)]


def main(tree: Path, folder: Path) -> int:
    """Print what is wrong; return how much."""
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    problems = [f"{wheel.name}: {each}" for each in wheel_problems(tree, wheel)]
    problems += [f"{sdist.name}: {each}" for each in sdist_problems(tree, sdist)]
    print("\n".join(problems) or f"{wheel.name}, {sdist.name}: as expected")
    return len(problems)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

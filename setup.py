"""The compiled parts: kernels once per instruction set, the core around them, the Perceptron."""

import os
import platform
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

import pybind11
from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext

COMMON = (
    "-O3 -g0 -fPIC -pthread -fno-math-errno -fno-trapping-math -ffp-contract=fast "
    "-Wall -Wextra -Werror=return-type -Werror=uninitialized -Werror=format"
).split()
CXX = [*COMMON, "-std=c++20", "-fvisibility=hidden", "-Wno-psabi", "-MMD"]

# One static library per instruction set: the same source under other flags, picked at run time.
KERNELS = {"baseline": ""}
if platform.machine().lower() in ("x86_64", "amd64"):
    KERNELS["avx2"] = "-mavx2 -mfma"
    KERNELS["avx512"] = "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mprefer-vector-width=512"
    KERNELS["words"] = KERNELS["avx512"] + " -mavx512bf16 -mamx-tile -mamx-bf16"

HEADERS = sorted(glob("csrc/**/*.h", recursive=True) + glob("csrc/**/*.inl", recursive=True))
JOBS = int(os.environ.get("MAX_JOBS", 0)) or os.cpu_count() or 1


def is_fresh(object_file: Path) -> bool:
    """Whether an object is newer than everything its compiler-written `.d` file lists."""
    listing = object_file.with_suffix(".d")
    if not (object_file.exists() and listing.exists()):
        return False
    names = listing.read_text().replace("\\\n", " ").split(":", 1)[1].split()
    sources = [Path("setup.py"), *map(Path, names)]
    built = object_file.stat().st_mtime
    return all(source.exists() and source.stat().st_mtime < built for source in sources)


def compile_only_stale_files_in_parallel(compiler) -> None:
    """Make `compiler.compile` skip the fresh objects and run one job a core for the others."""
    plain_compile = compiler.compile

    def compile_files(sources, output_dir=None, **options):
        def compile_file(source):
            objects = compiler.object_filenames([source], output_dir=output_dir)
            if not is_fresh(Path(objects[0])):
                plain_compile([source], output_dir=output_dir, **options)
            return objects[0]

        with ThreadPoolExecutor(JOBS) as pool:
            return list(pool.map(compile_file, sources))

    compiler.compile = compile_files


class BuildKernels(build_clib):
    """Build the kernel libraries side by side."""

    def build_libraries(self, libraries):
        """Compile each library in its own thread."""
        compile_only_stale_files_in_parallel(self.compiler)
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda library: build_clib.build_libraries(self, [library]), libraries))


class BuildCore(build_ext):
    """Build the extension modules, after the libraries that they link."""

    def run(self):
        """Build the kernel libraries too when `build_ext` is run by itself."""
        self.run_command("build_clib")
        super().run()

    def build_extensions(self):
        """Compile a module's files side by side; link it even if only a kernel library is new."""
        compile_only_stale_files_in_parallel(self.compiler)
        self.compiler.force = True
        super().build_extensions()


libraries = [
    (
        f"mlpcore_{isa}",
        {
            "sources": [f"csrc/kernels/isa_{isa}.cpp"],
            "include_dirs": ["csrc"],
            "obj_deps": {"": [*HEADERS, "setup.py"]},
            "cflags": [*CXX, *flags.split()],
        },
    )
    for isa, flags in KERNELS.items()
]

extensions = [
    Extension(
        "mlpcore._core",
        sources=sorted(glob("csrc/*.cpp") + glob("csrc/bindings/*.cpp")),
        include_dirs=["csrc", pybind11.get_include()],
        depends=[*HEADERS, *glob("csrc/kernels/*.cpp"), "setup.py"],
        extra_compile_args=CXX,
        extra_link_args=["-pthread"],
        language="c++",
    )
]

if Path("src/mlpcore/_perceptron.pyx").exists():
    from Cython.Build import cythonize

    extensions += cythonize(
        Extension(
            "mlpcore._perceptron",
            sources=["src/mlpcore/_perceptron.pyx"],
            include_dirs=["csrc"],
            depends=["csrc/row_kernels.h", "setup.py"],
            extra_compile_args=[*COMMON, "-MMD"],
        ),
        build_dir="build/cython",
        compiler_directives={"language_level": 3},
    )

setup(
    libraries=libraries,
    ext_modules=extensions,
    cmdclass={"build_clib": BuildKernels, "build_ext": BuildCore},
)

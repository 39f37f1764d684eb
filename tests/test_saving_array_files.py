"""Arrays in .npz, safetensors and HDF5 files: written, read, and refused where they are hostile."""

import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mlpcore.saving.array_files import read_npz, read_safetensors, write_npz, write_safetensors
from mlpcore.saving.errors import FileFormatError
from mlpcore.saving.hdf5 import H5File, write_hdf5
from saving_mutations import mutations

ARRAYS = {
    "layers/dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "layers/dense/bias": np.zeros(3, np.float64),
    "count": np.array(7, np.int32),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


def test_npz_comes_back_and_numpy_agrees(path):
    write_npz(path, ARRAYS)
    with np.load(path) as theirs:
        ours = read_npz(path)
        for name, array in ARRAYS.items():
            assert_array_equal(ours[name], array)
            assert_array_equal(theirs[name], array)
            assert ours[name].dtype == array.dtype


def test_npz_of_objects_is_refused(path):
    with open(path, "wb") as file:
        np.savez(file, a=np.array([print], object))
    with pytest.raises(FileFormatError, match="array of objects"):
        read_npz(path)


def test_compressed_npz_is_read(path):
    with open(path, "wb") as file:
        np.savez_compressed(file, **ARRAYS)
    assert_array_equal(read_npz(path)["layers/dense/kernel"], ARRAYS["layers/dense/kernel"])


def test_safetensors_come_back_and_the_package_agrees(path):
    package = pytest.importorskip("safetensors.numpy")
    write_safetensors(path, ARRAYS)
    for arrays in (read_safetensors(path), package.load_file(path)):
        for name, array in ARRAYS.items():
            assert_array_equal(arrays[name], array)
            assert arrays[name].dtype == array.dtype


def test_damaged_safetensors_are_refused(path):
    pytest.importorskip("safetensors")
    write_safetensors(path, ARRAYS)
    data = path.read_bytes()
    for damaged in (b"", data[:-5], b"\xff" * 8 + data[8:], data[:20] + b"\0" + data[21:]):
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match="no complete file of safetensors"):
            read_safetensors(path)
    with pytest.raises(FileNotFoundError):
        read_safetensors(path.with_name("missing"))


def hdf5(arrays=ARRAYS, groups=None):
    file = io.BytesIO()
    write_hdf5(file, arrays, groups)
    return file.getvalue()


def test_hdf5_comes_back():
    pytest.importorskip("h5py")
    with H5File(hdf5(groups={"layers/dense": {"name": "first"}, "empty": {}}), "file") as file:
        for name, array in ARRAYS.items():
            assert_array_equal(file.array(name, array.shape), array)
        assert file.names("layers/dense") == ["bias", "kernel"]
        assert file.names("empty") == file.names("missing") == []
        assert file.attribute("layers/dense", "name") == "first"
        assert file.attribute("layers/dense", "other") is None
        with pytest.raises(FileFormatError, match=r"has shape \(2, 3\); \(3, 2\) is expected"):
            file.array("layers/dense/kernel", (3, 2))
        with pytest.raises(FileFormatError, match="it has no array 'layers/dense'"):
            file.array("layers/dense")


def test_numbers_are_sorted_as_numbers():
    pytest.importorskip("h5py")
    with H5File(hdf5({f"vars/{number}": np.zeros(1) for number in range(12)}), "file") as file:
        assert file.names("vars") == [str(number) for number in range(12)]


def test_hdf5_that_reaches_outside_or_promises_too_much_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(b"x" * 80)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["a"] = np.zeros(3)
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file["external link"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "a")
        file["soft link"] = h5py.SoftLink("/plain")
        file["plain"] = np.zeros(3)
        file.create_dataset("outside", (10,), "f8", external=[(str(tmp_path / "secret"), 0, 80)])
        file.create_dataset("bomb", (10**9,), "f4", chunks=(10**6,))
        file.create_dataset("zeros", data=np.zeros(10**6), compression="gzip", compression_opts=9)
        file["text"] = "text"
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "a", (3,))
        file.create_virtual_dataset("virtual", layout)
    with H5File(tmp_path / "file.h5", "file.h5") as file:
        assert file.array("plain").tolist() == [0, 0, 0]
        for name, match in {
            "external link": "not followed",
            "soft link": "not followed",
            "outside": "holds no plain numbers of this file",
            "virtual": "holds no plain numbers of this file",
            "text": "holds no plain numbers of this file",
            "bomb": "promises 4000000000 bytes out of 0",
            "zeros": "promises 8000000 bytes out of",
        }.items():
            with pytest.raises(FileFormatError, match=match):
                file.array(name)


def test_foreign_files_are_no_hdf5(path):
    pytest.importorskip("h5py")
    path.write_bytes(b"x" * 100)
    for source in (path, b"x" * 100):
        with pytest.raises(FileFormatError, match="HDF5 file"):
            H5File(source, "file")
    with pytest.raises(FileNotFoundError):
        H5File(path.with_name("missing"), "file")


def test_mutated_hdf5_is_read_or_refused():
    pytest.importorskip("h5py")
    for mutated in mutations(hdf5(), 200, seed=2):
        try:
            with H5File(mutated, "file") as file:
                for name, array in ARRAYS.items():
                    assert file.array(name, array.shape).shape == array.shape
                file.names("layers")
        except FileFormatError:
            pass

"""The container: what is written comes back equal, appears whole or not at all, and depends on the contents alone."""

import os
import stat
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlpcore.saving import container, trees
from mlpcore.saving.atomic import remove_leftovers, replacing
from mlpcore.saving.container import is_container, read_container, write_container
from mlpcore.saving.errors import FileFormatError

ARRAYS = {
    "c": np.arange(6.0).reshape(2, 3),
    "folder/fortran": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "layer ü:0/kernel": np.ones((2, 2), np.float16),
    "strings": np.array(["ä", "bc", ""]),
    "empty": np.empty((0, 3)),
    "scalar": np.array(3.5),
    "big endian": np.arange(3, dtype=">i4"),
    "booleans": np.array([True, False]),
    "strided": np.arange(10)[::2],
    "nan": np.array([np.nan, -np.inf, -0.0]),
}


@pytest.mark.parametrize("compress", [False, True])
def test_what_is_written_comes_back(tmp_path, compress):
    config = {"kind": "demo", "nested": {"list": [1, 2.5, None, "ü", True]}}
    write_container(tmp_path / "file", config, ARRAYS, compress=compress)
    read_config, arrays = read_container(tmp_path / "file", kind="demo")
    assert read_config == config
    assert list(arrays) == list(ARRAYS)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == ARRAYS[name].dtype.newbyteorder("=")
        assert array.flags.c_contiguous
        assert array.flags.writeable
    assert arrays["nan"].tobytes() == ARRAYS["nan"].tobytes()


@settings(max_examples=50, deadline=None)
@given(
    array=hnp.arrays(
        st.one_of(
            hnp.boolean_dtypes(),
            hnp.integer_dtypes(),
            hnp.unsigned_integer_dtypes(),
            hnp.floating_dtypes(sizes=(16, 32, 64)),
        ),
        hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
    )
)
def test_any_plain_array_comes_back(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("any") / "file"
    write_container(path, {}, {"a": array})
    read = read_container(path)[1]["a"]
    assert read.shape == array.shape
    assert read.astype(array.dtype).tobytes() == array.tobytes()


def test_numpy_and_zipfile_read_the_file(tmp_path):
    write_container(tmp_path / "file.zip", {}, {"a/b": np.arange(3)})
    with np.load(tmp_path / "file.zip") as arrays:
        np.testing.assert_array_equal(arrays["arrays/a/b"], np.arange(3))
    with zipfile.ZipFile(tmp_path / "file.zip") as archive:
        assert archive.testzip() is None


def test_the_same_contents_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_container(tmp_path / name, {"x": 1}, ARRAYS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_compressed_zeros_stay_readable(tmp_path):
    zeros = np.zeros(5_000_000, np.float32)  # would deflate a thousandfold, which a reader takes for a bomb
    write_container(tmp_path / "file", {}, {"zeros": zeros}, compress=True)
    np.testing.assert_array_equal(read_container(tmp_path / "file")[1]["zeros"], zeros)


@pytest.mark.parametrize("name", ["", "a//b", "../a", "/a", "a/", ".", "a/../b"])
def test_names_that_are_no_plain_paths_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="cannot name an array"):
        write_container(tmp_path / "file", {}, {name: np.ones(1)})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("array", [np.array([object()]), np.ones(2, complex), np.zeros(1, "i4,f4"), np.array([b"x"])])
def test_arrays_that_are_not_plain_are_refused(tmp_path, array):
    with pytest.raises(TypeError, match="cannot be saved"):
        write_container(tmp_path / "file", {}, {"a": array})
    assert os.listdir(tmp_path) == []


def test_nan_in_the_configuration_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_container(tmp_path / "file", {"loss": float("nan")}, {})


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_container(path, {"n": 1}, {})
    monkeypatch.setattr(container, "_write_member", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_container(path, {"n": 2}, {})
    assert os.listdir(tmp_path) == ["file"]
    assert read_container(path)[0] == {"n": 1}


def test_a_directory_in_the_way_is_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="a directory lies there"):
        write_container(tmp_path, {}, {})


def test_a_link_stays_a_link_and_the_mode_follows_the_umask(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_container(tmp_path / "link", {"n": 1}, {})
    assert (tmp_path / "link").is_symlink()
    assert read_container(tmp_path / "target")[0] == {"n": 1}
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o666 & ~umask


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path):
    keep = [".file.other.12.0123abcd.tmp", "file", ".file.12.tmp", "file.previous"]
    for name in [".file.12.0123abcd.tmp", ".file.12.kept.tmp", *keep]:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "file")
    assert sorted(os.listdir(tmp_path)) == sorted(keep)


def test_nothing_appears_before_the_block_ends(tmp_path):
    with replacing(tmp_path / "file") as file:
        file.write(b"x")
        assert not (tmp_path / "file").exists()
    assert (tmp_path / "file").read_bytes() == b"x"


def test_is_container_tells(tmp_path):
    write_container(tmp_path / "file", {}, {})
    (tmp_path / "other").write_bytes(b"x" * 100)
    assert is_container(tmp_path / "file")
    assert not is_container(tmp_path / "other")
    assert not is_container(tmp_path / "missing")


def test_trees_come_back_with_their_types():
    tree = {
        "tuple": (1, [2.5, None, True], "ü"),
        "nan": [float("nan"), float("inf"), -float("inf")],
        "array": np.arange(3),
        "numpy": [np.float32(0.1), np.int64(3), np.bool_(True), np.float64("nan"), np.str_("x")],
        "$": {"$": 1},
        "big": 2**127,
        "generator": np.random.default_rng(0).bit_generator.state,
        "": {},
    }
    config, arrays = trees.pack(tree)
    back = trees.unpack(config, arrays)
    assert repr(back) == repr(tree)
    assert [type(value) for value in back["numpy"]] == [type(value) for value in tree["numpy"]]
    assert type(back["tuple"]) is tuple


@pytest.mark.parametrize("tree", [{"a": [object()]}, {"a": {1: 2}}, {"a": print}])
def test_trees_say_where_something_cannot_be_saved(tree):
    with pytest.raises(TypeError, match=r"state\.a"):
        trees.pack(tree)


@pytest.mark.parametrize(
    "config",
    [
        {"$": "unknown"},
        {"$": "array", "name": "missing"},
        {"$": "array"},
        {"$": "float", "value": "one"},
        {"$": "scalar", "dtype": "O", "value": 1},
        {"$": "scalar", "dtype": "<f4", "value": "1"},
        {"$": "scalar", "dtype": "<i4", "value": 2**80},
        {"$": "tuple", "items": 3},
        {"$": "dict", "items": [1]},
        {"$": ["list"]},
    ],
)
def test_damaged_trees_are_named(config):
    with pytest.raises(FileFormatError, match="damaged entry"):
        trees.unpack(config, {})

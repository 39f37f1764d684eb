"""Hostile and damaged files: each is named and refused, allocates no more than it justifies, and runs nothing."""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from mlpcore.saving import strict_json
from mlpcore.saving.container import read_container, write_container
from mlpcore.saving.errors import FileFormatError
from saving_mutations import mutations

CONFIG = {"format": "mlpcore", "version": 1, "kind": "demo", "arrays": {"a": {"dtype": "<f8", "shape": [3]}}}


def npy(array):
    data = io.BytesIO()
    np.lib.format.write_array(data, np.asarray(array), allow_pickle=True)
    return data.getvalue()


def header(text, version=1, data=b""):
    text = text.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


A = npy(np.ones(3))


def archive(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name), data, compress_type=method)


def demo(path, config=CONFIG, array=A, extra=()):
    text = config if isinstance(config, (bytes, str)) else json.dumps(config)
    archive(path, [("config.json", text), ("arrays/a.npy", array), *extra])
    return path


def refused(path, match):
    """Read a file that must be refused, in little memory, and return the message."""
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match=match) as caught:
            read_container(path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 30 * os.path.getsize(path) + (1 << 20)
    assert str(path) in str(caught.value)
    assert "Save it again" in str(caught.value)


def test_the_demo_is_read(tmp_path):
    np.testing.assert_array_equal(read_container(demo(tmp_path / "file"))[1]["a"], np.ones(3))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("extra", "match"),
    [
        ([("../evil.npy", b"")], "no plain relative path"),
        ([("/etc/evil", b"")], "no plain relative path"),
        ([("C:\\evil", b"")], "no plain relative path"),
        ([("arrays\\b.npy", b"")], "no plain relative path"),
        ([("arrays/../config.json", b"")], "no plain relative path"),
        ([("arrays/a.npy", A)], "two members are named"),
        ([("config.json", b"{}")], "two members are named"),
        ([("arrays/b.npy", A)], "the table of arrays and the members differ"),
        ([("code.py", b"print()")], "the table of arrays and the members differ"),
    ],
)
def test_members_that_do_not_belong_are_refused(tmp_path, extra, match):
    refused(demo(tmp_path / "file", extra=extra), match)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ("", "not valid JSON"),
        ("[]", "does not say that it is one of mlpcore's"),
        ('{"format": "other"}', "does not say"),
        ({**CONFIG, "version": 2}, "version 2 of the format, this mlpcore reads up to 1"),
        ({**CONFIG, "version": True}, "version True"),
        ({**CONFIG, "version": "1"}, "version '1'"),
        ({**CONFIG, "arrays": []}, "table of arrays is damaged"),
        ({**CONFIG, "arrays": {"../a": {}}}, "table of arrays is damaged"),
        ({**CONFIG, "arrays": {}}, "the members differ"),
        ({**CONFIG, "arrays": {"a": {"dtype": "<f8", "shape": [4]}}}, "declared as"),
        ({**CONFIG, "arrays": {"a": {"dtype": "<f4", "shape": [3]}}}, "declared as"),
        ({**CONFIG, "arrays": {"a": {"dtype": "<f8", "shape": float("nan")}}}, "NaN is no JSON number"),
        ({**CONFIG, "arrays": {"a": 3}}, "declared as"),
        ('{"format": "mlpcore", "format": "mlpcore"}', "the same key stands twice"),
        ('{"format": ' + "9" * 100_000 + "}", "an integer of 100000 digits"),
        ("[" * 500_000, "nested more than"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested more than"),
        (b'{"a": "\xff"}', "not valid JSON"),
        ('"\\"' * 200_000, "not valid JSON"),
    ],
)
def test_damaged_configurations_are_refused(tmp_path, config, match):
    refused(demo(tmp_path / "file", config), match)


def test_too_much_json_is_refused(monkeypatch):
    monkeypatch.setattr(strict_json, "MOST_BYTES", 10)
    with pytest.raises(FileFormatError, match="11 bytes of JSON"):
        strict_json.loads(b" " * 11, "config")
    with pytest.raises(ValueError, match="at most 10"):
        strict_json.dumps("x" * 20)


PROMISE = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n"


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (b"", "no .npy data"),
        (pickle.dumps(print), "no .npy data"),
        (npy(np.array([print], object)), "array of objects, which are never loaded"),
        (header(PROMISE % ("|O8", "(3,)"), data=bytes(24)), "dtype '|O8' is not loaded"),
        (header(PROMISE % ("<c16", "(3,)"), data=bytes(48)), "dtype '<c16' is not loaded"),
        (header(PROMISE % ("<U9999999", "(0,)")), "dtype '<U9999999' is not loaded"),
        (header(PROMISE % ("<f8", "(-3,)"), data=bytes(24)), "damaged header"),
        (header(PROMISE % ("<f8", "(nan,)"), data=bytes(24)), "damaged header"),
        (header(PROMISE % ("<f8", "(3.0,)"), data=bytes(24)), "damaged header"),
        (header(PROMISE % ("<f8", "(1000000000000,)"), data=bytes(24)), "8000000000000 bytes, but 24 follow"),
        (header(PROMISE % ("<f8", "(4294967296, 4294967296)"), data=bytes(24)), "but 24 follow"),
        (header(PROMISE % ("<f8", "(0, 9223372036854775808)")), "is not possible"),
        (header(PROMISE % ("<f8", "(4,)"), data=bytes(24)), "32 bytes, but 24 follow"),
        (header(PROMISE % ("<f8", "(2,)"), data=bytes(24)), "16 bytes, but 24 follow"),
        (header(PROMISE % ("<f8", "(" + "1," * 40 + ")"), data=bytes(8)), "40 dimensions"),
        (header("__import__('os').system('true')"), "damaged header"),
        (header("{'descr': " + "[" * 3000), "damaged header"),
        (header(" " * 60_000), "a header of 60000 bytes"),
        (header(PROMISE % ("<f8", "(3,)"), version=9, data=bytes(24)), "unknown .npy version 9.0"),
        (header(PROMISE % ("|b1", "(3,)"), data=b"\0\1\2"), "booleans other than 0 and 1"),
        (header(PROMISE % ("<U1", "(1,)"), data=b"\xff\xff\xff\x7f"), "characters beyond Unicode"),
        (A[:-1], "but 23 follow"),
        (A + b"x", "but 25 follow"),
    ],
)
def test_lying_arrays_are_refused(tmp_path, array, match):
    refused(demo(tmp_path / "file", array=array), match)


def test_bombs_are_refused(tmp_path):
    path = tmp_path / "bomb"
    zeros = npy(np.zeros(40_000_000, np.uint8))
    archive(path, [("config.json", json.dumps(CONFIG)), ("arrays/a.npy", zeros)], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    del zeros
    refused(path, "promises 40000128 bytes out of")
    config = json.dumps({**CONFIG, "padding": " " * 30_000_000})
    archive(path, [("config.json", config)], zipfile.ZIP_DEFLATED)
    del config
    refused(path, "promises .* bytes out of")


def test_a_deflated_member_that_hides_its_size_is_refused(tmp_path):
    path = tmp_path / "bomb"
    zeros = npy(np.zeros(40_000_000, np.uint8))
    archive(path, [("config.json", json.dumps(CONFIG)), ("arrays/a.npy", zeros)], zipfile.ZIP_DEFLATED)
    data = path.read_bytes().replace(struct.pack("<I", len(zeros)), struct.pack("<I", len(A)))
    del zeros
    path.write_bytes(data)
    refused(path, "damaged|but|declared")


def test_members_that_overlap_are_refused(tmp_path):
    data = demo(tmp_path / "file").read_bytes()
    place = data.rindex(b"PK\x01\x02")  # the second entry: let it point at the first member
    path = tmp_path / "overlap"
    path.write_bytes(data[: place + 42] + struct.pack("<I", 0) + data[place + 46 :])
    refused(path, "overlaps another one")


def test_encrypted_and_strange_methods_are_refused(tmp_path):
    archive(tmp_path / "file", [("config.json", json.dumps(CONFIG)), ("arrays/a.npy", A)], zipfile.ZIP_BZIP2)
    refused(tmp_path / "file", "encrypted or packed by a method")


@pytest.mark.parametrize("count", [b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0"])
def test_a_lying_table_of_contents_is_refused(tmp_path, count):
    data = demo(tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(data[:-10] + count + data[-6:])
    refused(tmp_path / "file", ".")


@pytest.mark.parametrize("data", [b"", b"PK", b"x" * 1000, b"PK\x05\x06" + bytes(18), pickle.dumps(print)])
def test_foreign_files_are_refused(tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    refused(tmp_path / "file", "zip file")


def test_another_kind_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="it holds a 'demo', not a 'model'"):
        read_container(demo(tmp_path / "file"), kind="model")


def test_a_missing_file_is_no_format_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_container(tmp_path / "missing")


def test_200_mutated_files_load_equal_or_are_refused(tmp_path):
    path = tmp_path / "file"
    config = {"kind": "demo", "layers": [{"name": f"dense_{i}", "units": 4} for i in range(4)]}
    arrays = {f"dense_{i}/kernel": np.random.default_rng(i).normal(size=(4, 5)) for i in range(4)}
    write_container(path, config, arrays)
    refusals = 0
    for mutated in mutations(path.read_bytes(), 200, seed=0):
        path.write_bytes(mutated)
        try:
            read_config, read_arrays = read_container(path)
        except FileFormatError:
            refusals += 1
        else:
            assert read_config == config
            assert read_arrays.keys() == arrays.keys()
            assert all(read_arrays[name].tobytes() == array.tobytes() for name, array in arrays.items())
    assert refusals > 100


def test_reading_imports_nothing_that_a_file_names(tmp_path):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    demo(tmp_path / "file", {**CONFIG, "module": "evil", "class_name": "evil.Evil"})
    code = "import sys; from mlpcore.saving.container import read_container; read_container('file'); "
    code += "assert not {'evil', 'h5py', 'safetensors', 'sklearn', 'scipy', 'mlpcore.layers'} & set(sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env=environment)

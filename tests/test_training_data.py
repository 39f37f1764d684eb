"""What may be passed as data: arrays, structures of arrays, generators, datasets; and how it is divided into epochs."""

import numpy as np
import pytest

import mlpcore
from mlpcore.data import ArrayRows, BatchStream, PyDataset, class_weights_of_rows, source_of, split_off_last, unpack

pd = pytest.importorskip("pandas")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_list_of_numbers_is_one_array_and_a_list_of_arrays_are_several():
    rows = ArrayRows([[1.0, 2.0], [3.0, 4.0]], [0, 1])
    assert rows.x.shape == (2, 2)
    assert rows.y.tolist() == [0, 1]
    several = ArrayRows([np.zeros((3, 2)), np.ones((3, 1))])
    assert [a.shape for a in several.x] == [(3, 2), (3, 1)]


def test_data_frames_series_and_dicts_are_taken():
    frame = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
    rows = ArrayRows(frame, pd.Series([0, 1]))
    assert rows.x.tolist() == [[1, 3], [2, 4]]
    assert ArrayRows({"a": frame["a"], "b": frame["b"]}).n_rows == 2


def test_words_are_refused_with_their_place():
    with pytest.raises(ValueError, match=r"x\['name'\] must hold numbers, got an array of dtype"):
        ArrayRows({"name": np.array(["a", "b"])})
    with pytest.raises(ValueError, match="x must be an array, or a list, tuple or dict of arrays; got str"):
        ArrayRows("abc")


def test_unequal_numbers_of_rows_are_refused():
    with pytest.raises(ValueError, match="same number of rows, got x: 3; y: 2"):
        ArrayRows(np.zeros((3, 1)), np.zeros(2))


def test_an_epoch_without_steps_takes_all_rows(rng):
    rows = ArrayRows(np.zeros((70, 1)), shuffle=True)
    assert (rows.batch_size, rows.n_batches, rows.steps_per_epoch) == (32, 3, 3)
    first, second = rows.epoch(rng), rows.epoch(rng)
    assert sorted(first) == sorted(second) == list(range(70))
    assert list(first) != list(second)
    assert ArrayRows(np.zeros((70, 1))).epoch(rng) is None


def test_shuffle_by_batch_keeps_rows_in_their_batch(rng):
    order = ArrayRows(np.zeros((10, 1)), batch_size=4, shuffle="batch").epoch(rng)
    assert sorted(order[:4]) == [0, 1, 2, 3]
    assert sorted(order[8:]) == [8, 9]


def test_epochs_of_steps_go_on_where_the_last_one_stopped(rng):
    rows = ArrayRows(np.zeros((10, 1)), batch_size=2, steps=2)
    assert [list(rows.epoch(rng)) for _ in range(2)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert list(rows.epoch(rng)) == [8, 9]
    assert list(rows.epoch(rng)) == [0, 1, 2, 3]


def test_steps_alone_set_the_batch_size():
    assert ArrayRows(np.zeros((10, 1)), steps=3).batch_size == 4


def test_the_last_rows_validate():
    (x, y, _), (x_val, y_val, _) = split_off_last(0.25, np.arange(8)[:, None], np.arange(8), None)
    assert x_val[:, 0].tolist() == y_val.tolist() == [6, 7]
    assert x[:, 0].tolist() == y.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("split", [1.0, -0.1, 2])
def test_a_split_outside_of_0_and_1_is_refused(split):
    with pytest.raises(ValueError, match="validation_split must lie between 0 and 1"):
        split_off_last(split, np.zeros((4, 1)), None, None)


def test_a_generator_cannot_be_split():
    with pytest.raises(ValueError, match="validation_split needs arrays"):
        split_off_last(0.5, (each for each in ()), None, None)


def test_class_weights_of_indices_columns_and_one_hot_rows():
    weights = {0: 2.0, 2: 0.5}
    for y in (np.array([0, 1, 2]), np.array([[0], [1], [2]]), np.eye(3)):
        assert class_weights_of_rows(y, weights).tolist() == [2.0, 1.0, 0.5]


def test_weights_of_both_kinds_are_refused():
    with pytest.raises(ValueError, match="class_weight and sample_weight cannot be given together"):
        source_of(np.zeros((2, 1)), np.zeros(2), np.ones(2), class_weight={0: 1.0})


def test_a_generator_is_used_up_over_epochs(rng):
    stream = source_of(((np.full((2, 1), i), np.zeros(2)) for i in range(5)), steps=2)
    assert isinstance(stream, BatchStream)
    assert stream.first(rng)[0][0, 0] == 0
    assert [[x[0, 0] for x, _, _ in stream.epoch(rng)] for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.warns(UserWarning, match="ran out of data"):
        assert [x[0, 0] for x, _, _ in stream.epoch(rng)] == [4]


class Numbers(PyDataset):
    def __init__(self):
        super().__init__()
        self.ended = 0

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.full((2, 1), index), np.zeros(2)

    def on_epoch_end(self):
        self.ended += 1


def test_a_dataset_starts_again_each_epoch(rng):
    data = Numbers()
    stream = source_of(data)
    assert stream.steps_per_epoch == 4
    for _ in range(2):
        assert [x[0, 0] for x, _, _ in stream.epoch(rng)] == [0, 1, 2, 3]
    assert data.ended == 2
    shuffled = source_of(data, shuffle=True)
    assert sorted(x[0, 0] for x, _, _ in shuffled.epoch(rng)) == [0, 1, 2, 3]


def test_targets_beside_a_dataset_are_refused():
    with pytest.raises(ValueError, match="y must not be given beside a Numbers"):
        source_of(Numbers(), np.zeros(8))


def test_batches_are_x_or_tuples():
    x, y, w = np.zeros(1), np.ones(1), np.full(1, 2)
    assert unpack(x) == (x, None, None)
    assert unpack((x, y)) == (x, y, None)
    assert unpack((x, y, w)) == (x, y, w)
    with pytest.raises(ValueError, match="got a tuple of 4 elements"):
        unpack((x, y, w, w))


@pytest.mark.parametrize("sizes", [{"batch_size": 0}, {"steps": -1}])
def test_sizes_below_1_are_refused(sizes):
    with pytest.raises(ValueError, match="must be at least 1"):
        source_of(np.zeros((2, 1)), **sizes)


def test_a_generator_validates_on_the_same_batches_after_each_epoch():
    taken = []

    def batches():
        rows = np.zeros((2, 3), np.float32)
        for number in range(100):
            taken.append(number)
            rows[:] = number  # the same array every time
            yield rows, np.zeros((2, 1), np.float32)

    model = mlpcore.Sequential([mlpcore.Input((3,)), mlpcore.layers.Dense(1, kernel_initializer="ones")])
    model.compile(loss="mse", optimizer=mlpcore.optimizers.SGD(0.0))
    x = np.ones((4, 3), np.float32)
    history = model.fit(x, x[:, :1], epochs=3, verbose=0, validation_data=batches(), validation_steps=2).history
    assert history["val_loss"] == [4.5] * 3  # the mean of 0 and 9
    assert taken == [0, 1]

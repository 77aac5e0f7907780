"""FairnessCoefficient as a component: files in, files and table out."""

import collections
import zlib

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.types.standard_artifacts import Examples, Model

from components.artifacts import FairnessTable
from components.errors import DataRefused
from components.fairness_coefficient import records
from components.fairness_coefficient.component import FairnessCoefficient
from components.log_example_gen.tf_record import frame
from components.scoring import read_serialized
from schemas import FAIRNESS
from tests.components import small_days

DAY = "2024-03-02"


def artifact(kind, path, **properties):
    made = kind()
    made.uri = str(path)
    path.mkdir(parents=True, exist_ok=True)
    for name, value in properties.items():
        setattr(made, name, value)
    return made


def run(folder, given, model=None, settings="{}"):
    output, fairness = artifact(Examples, folder / "output"), artifact(FairnessTable, folder / "fairness")
    FairnessCoefficient.test_call(
        examples=given,
        output=output,
        fairness=fairness,
        day=DAY,
        declaration=small_days.DECLARATION.model_dump_json(),
        settings=settings,
        model=model,
        beam_pipeline=beam.Pipeline(),
    )
    return output, fairness


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    table = small_days.rows(5000)
    small_days.write_split(folder / "examples" / "Split-day", small_days.serialized(table), files=3)
    small_days.save_model(folder / "model" / "Format-Serving")
    examples = artifact(Examples, folder / "examples", split_names='["day"]')
    return table, examples, artifact(Model, folder / "model"), folder


@pytest.fixture(scope="module")
def scored(day):
    _, examples, model, folder = day
    return run(folder / "scored", examples, model)


def test_coefficients_are_those_of_the_model(day, scored):
    table, examples, _, folder = day
    output, fairness = scored
    frame = table.to_pandas()
    frame["score"] = frame.ad / 100 * np.where(frame.page == "p0", 1, 0.5)
    mean = frame.groupby("page").score.mean()
    item = frame.groupby(["page", "ad"]).score.mean()
    written = pq.read_table(f"{fairness.uri}/fairness.parquet").to_pandas()
    assert (written.day == DAY).all()
    assert written.impressions.sum() == len(frame)
    for row in written.itertuples():
        assert row.raw_fc == pytest.approx(item[row.scenario, row.item] / mean[row.scenario], rel=1e-6)
    before = small_days.read_split(folder / "examples" / "Split-day")
    after = small_days.read_split(folder / "scored" / "output" / "Split-day")
    assert len(after) == len(before) == 5000
    expected = written.set_index(["scenario", "item"]).fc
    for old, new in zip(before[::97], after[::97]):
        assert new.startswith(old)
        features = tf.train.Example.FromString(new).features.feature
        assert set(features) == {*tf.train.Example.FromString(old).features.feature, FAIRNESS}
        key = features["page"].bytes_list.value[0].decode(), features["ad"].int64_list.value[0]
        assert features[FAIRNESS].float_list.value == [pytest.approx(expected[key])]
    assert output.split_names == '["day"]'
    assert not (folder / "scored" / "output" / "aside").exists()


def test_running_again_gives_the_same_bytes(day, scored):
    _, examples, model, folder = day
    run(folder / "again", examples, model)
    files = sorted((folder / "scored").rglob("*.*"))
    assert [f.name for f in files if f.suffix == ".gz"] == [f"data-0000{i}-of-00003.gz" for i in range(3)]
    for file in files:
        assert (folder / "again" / file.relative_to(folder / "scored")).read_bytes() == file.read_bytes()


def test_no_model_means_one(day, tmp_path):
    _, examples, _, _ = day
    run(tmp_path, examples, artifact(Model, tmp_path / "nothing served"))
    values = collections.Counter(
        tf.train.Example.FromString(r).features.feature[FAIRNESS].float_list.value[0]
        for r in small_days.read_split(tmp_path / "output" / "Split-day")
    )
    assert values == {1.0: 5000}


def test_settings_reach_the_table(day, tmp_path):
    _, examples, model, _ = day
    _, fairness = run(tmp_path, examples, model, '{"prior": 1e9, "clip_max": 2}')
    table = pq.read_table(f"{fairness.uri}/fairness.parquet").to_pandas()
    assert table.raw_fc.max() > 2
    np.testing.assert_allclose(table.fc, 1, atol=1e-4)


def test_a_day_without_examples_is_refused(tmp_path):
    given = artifact(Examples, tmp_path / "given", split_names='["day"]')
    small_days.write_split(tmp_path / "given" / "Split-day", [], files=1)
    with pytest.raises(DataRefused, match="2024-03-02 has no examples"):
        run(tmp_path, given)


def test_a_truncated_file_is_named(day, tmp_path):
    _, _, _, folder = day
    source = min((folder / "examples" / "Split-day").iterdir()).read_bytes()
    (tmp_path / "cut.gz").write_bytes(source[:-30])  # within the last record
    with pytest.raises(DataRefused, match="cut.gz is damaged"):
        list(read_serialized(str(tmp_path / "cut.gz"), records.BATCH))


def test_a_record_without_its_key_is_refused():
    keys = records.KeyDecoder(small_days.DECLARATION)
    good = small_days.serialized(small_days.rows(3))
    scenario, item = keys(np.array(good, object))
    assert scenario.type == pa.string()
    assert item.type == pa.int64()
    with pytest.raises(DataRefused, match="record 3 of a batch has not exactly one 'page'"):
        keys(np.array([*good, tf.train.Example().SerializeToString()], object))
    with pytest.raises(DataRefused, match="no tf.Example"):
        keys(np.array([b"garbage"], object))


def test_appending_replaces_a_coefficient_that_was_there():
    once = list(records.append_fairness(small_days.serialized(small_days.rows(4)), np.full(4, 3, np.float32)))
    twice = list(records.append_fairness(once, np.arange(4, dtype=np.float32)))
    spec = {FAIRNESS: tf.io.FixedLenFeature([], tf.float32)}
    assert tf.io.parse_example(twice, spec)[FAIRNESS].numpy().tolist() == [0, 1, 2, 3]
    read = [tf.train.Example.FromString(r).features.feature[FAIRNESS].float_list.value[:] for r in twice]
    assert read == [[0], [1], [2], [3]]


def test_a_file_cut_between_records_is_named(tmp_path):
    compressor = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    whole = compressor.compress(bytes(frame(pa.array([b"one", b"two"], pa.binary()))))
    (tmp_path / "cut.gz").write_bytes(whole + compressor.flush(zlib.Z_SYNC_FLUSH))
    with pytest.raises(DataRefused, match="cut.gz is damaged"):
        list(read_serialized(str(tmp_path / "cut.gz"), records.BATCH))

"""FairnessCoefficient as a component: files in, files and table out."""

import collections
import zlib

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.types.standard_artifacts import Examples, Model

from scenerank.components.artifacts import FairnessTable
from scenerank.components.fairness_coefficient import records
from scenerank.components.fairness_coefficient.component import FairnessCoefficient
from scenerank.components.scoring import read_serialized
from scenerank.components.workspace import Workspace, shift
from scenerank.errors import DataError
from scenerank.schemas import FAIRNESS, Declaration
from tests.components import small_days

DAY = "2024-03-02"


def artifact(kind, path, **properties):
    made = kind()
    made.uri = str(path)
    path.mkdir(parents=True, exist_ok=True)
    for name, value in properties.items():
        setattr(made, name, value)
    return made


SCORE = '{"numerator": "score"}'


def run(folder, given, model=None, settings="{}", workspace=None, declaration=small_days.DECLARATION, of=DAY):
    output, fairness = artifact(Examples, folder / "output"), artifact(FairnessTable, folder / "fairness")
    FairnessCoefficient.test_call(
        examples=given,
        output=output,
        fairness=fairness,
        workspace=str(workspace or folder / "workspace"),
        day=of,
        declaration=declaration.model_dump_json(),
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
    return run(folder / "scored", examples, model, SCORE)


def test_coefficients_are_those_of_the_model(day, scored):
    table, examples, _, folder = day
    output, fairness = scored
    frame = table.to_pandas()
    frame["score"] = frame.ad / 100 * np.where(frame.page == "p0", 1, 0.5)
    mean = frame.groupby("page").score.mean()
    item = frame.groupby(["page", "ad"]).score.mean()
    written = pq.ParquetFile(f"{fairness.uri}/fairness.parquet").read().to_pandas()
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
    run(folder / "again", examples, model, SCORE)
    files = sorted((folder / "scored").rglob("*.*"))
    assert [f.name for f in files if f.suffix == ".gz"] == [f"data-0000{i}-of-00003.gz" for i in range(3)]
    for file in files:
        assert (folder / "again" / file.relative_to(folder / "scored")).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("settings", [SCORE, "{}"])
def test_no_model_and_no_day_before_mean_one(day, settings, tmp_path):
    _, examples, _, _ = day
    run(tmp_path, examples, artifact(Model, tmp_path / "nothing served"), settings)
    values = collections.Counter(
        tf.train.Example.FromString(r).features.feature[FAIRNESS].float_list.value[0]
        for r in small_days.read_split(tmp_path / "output" / "Split-day")
    )
    assert values == {1.0: 5000}


def test_settings_reach_the_table(day, tmp_path):
    _, examples, model, _ = day
    _, fairness = run(tmp_path, examples, model, '{"numerator": "score", "prior": 1e9, "clip_max": 2}')
    table = pq.ParquetFile(f"{fairness.uri}/fairness.parquet").read().to_pandas()
    assert table.raw_fc.max() > 2
    np.testing.assert_allclose(table.fc, 1, atol=1e-4)


def published(folder, days, seed=0, order=None):
    """A workspace with tables of so many days before `DAY`, as they were made one after the other."""
    workspace = Workspace(str(folder))
    for back in order or range(days, 0, -1):
        earlier, aside = shift(DAY, -back), folder / f"aside-{back}"
        small_days.write_split(
            aside / "examples" / "Split-day", small_days.serialized(small_days.rows(4000, seed + back))
        )
        given = artifact(Examples, aside / "examples", split_names='["day"]')
        _, fairness = run(aside, given, workspace=workspace.root, of=earlier)
        workspace.publish("fairness", earlier, fairness.uri)
    return workspace


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    return published(tmp_path_factory.mktemp("past"), 3)


def shown_today(folder, boosted=0, seed=9, shuffle=False):
    """A day of which `boosted` rows on page p0 show item 4 because somebody wanted it."""
    frame = small_days.rows(4000, seed).to_pandas()
    frame.loc[frame.index[frame.page == "p0"][:boosted], "ad"] = 4
    if shuffle:
        frame["clicked"] = frame["clicked"].sample(frac=1, random_state=1).to_numpy()
    small_days.write_split(
        folder / "Split-day", small_days.serialized(pa.Table.from_pandas(frame, preserve_index=False))
    )
    return artifact(Examples, folder, split_names='["day"]')


def table(fairness):
    return (
        pq.ParquetFile(f"{fairness.uri}/fairness.parquet")
        .read()
        .to_pandas()
        .sort_values(["scenario", "item"], ignore_index=True)
    )


def test_what_is_shown_more_than_the_days_before_tell_has_less(past, tmp_path):
    ordinary, boosted = (
        table(run(tmp_path / str(n), shown_today(tmp_path / f"given-{n}", n), workspace=past.root)[1])
        for n in (0, 1000)
    )
    often = ordinary.impressions > 50
    assert np.abs(np.log(ordinary.fc[often])).max() < 0.2
    this = (boosted.scenario == "p0") & (boosted.item == 4)
    others = (boosted.scenario == "p0") & (boosted.item != 4)
    assert boosted.fc[this].item() < 0.5 < 0.9 < boosted.fc[others].min()
    assert boosted.raw_fc[this].item() == pytest.approx(
        ordinary.impressions[this].item() / boosted.impressions[this].item(), rel=0.3
    )
    for found in (ordinary, boosted):
        mean = found.assign(part=found.fc * found.impressions).groupby("scenario")[["part", "impressions"]].sum()
        np.testing.assert_allclose(mean.part / mean.impressions, 1, atol=1e-9)


def test_labels_change_no_coefficient(past, day, tmp_path):
    _, _, model, _ = day
    for settings in ("{}", SCORE):
        tables = []
        for shuffle in (False, True):
            given = shown_today(tmp_path / f"given-{shuffle}", 300, shuffle=shuffle)
            made = run(tmp_path / f"{shuffle}-{len(settings)}", given, model, settings, past.root)
            tables.append(table(made[1]))
        pd.testing.assert_frame_equal(*tables)
        assert np.ptp(tables[0].fc) > 0.1


def test_the_order_in_which_earlier_days_were_ingested_does_not_matter(past, tmp_path):
    other = published(tmp_path / "other", 3, order=[1, 3, 2])
    first, second = (
        table(run(tmp_path / str(i), shown_today(tmp_path / "given", 500), workspace=space.root)[1])
        for i, space in enumerate((past, other))
    )
    pd.testing.assert_frame_equal(first, second)


def test_days_further_back_and_later_ones_are_not_looked_at(past, tmp_path):
    given = shown_today(tmp_path / "given", 500)
    near = table(run(tmp_path / "near", given, settings='{"days": 1}', workspace=past.root)[1])
    only = published(tmp_path / "only", 1)
    only.publish("fairness", shift(DAY, 1), past.day("fairness", shift(DAY, -2)))
    only.publish("fairness", DAY, past.day("fairness", shift(DAY, -2)))
    pd.testing.assert_frame_equal(near, table(run(tmp_path / "alone", given, workspace=only.root)[1]))


def test_a_flag_tells_the_coefficient(past, tmp_path):
    declared = small_days.DECLARATION.model_dump()
    flag = {"name": "pushed", "type": "int64", "group": "intervention", "values": [0, 1]}
    declaration = Declaration.model_validate({**declared, "columns": [*declared["columns"], flag]})
    frame = small_days.rows(4000, 3).to_pandas()
    frame["pushed"] = ((frame.ad == 2) & (np.arange(4000) % 3 > 0)).astype(np.int64)
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    small_days.write_split(tmp_path / "given" / "Split-day", small_days.serialized(rows))
    given = artifact(Examples, tmp_path / "given", split_names='["day"]')
    found = table(run(tmp_path / "out", given, workspace=past.root, declaration=declaration)[1])
    for row in found.itertuples():
        here = frame[frame.page == row.scenario]
        this = here[here.ad == row.item]
        assert row.organic == (this.pushed == 0).sum()
        expected = ((this.pushed == 0).sum() / (here.pushed == 0).sum()) / (len(this) / len(here))
        assert row.raw_fc == pytest.approx(expected, rel=1e-9)


def test_a_day_without_examples_is_refused(tmp_path):
    given = artifact(Examples, tmp_path / "given", split_names='["day"]')
    small_days.write_split(tmp_path / "given" / "Split-day", [], files=1)
    with pytest.raises(DataError, match="2024-03-02 has no examples"):
        run(tmp_path, given)


def test_a_truncated_file_is_named(day, tmp_path):
    _, _, _, folder = day
    source = min((folder / "examples" / "Split-day").iterdir()).read_bytes()
    (tmp_path / "cut.gz").write_bytes(source[:-30])  # within the last record
    with pytest.raises(DataError, match="cut.gz is damaged"):
        list(read_serialized(str(tmp_path / "cut.gz"), records.BATCH))


def test_a_record_without_its_key_is_refused():
    keys = records.ColumnDecoder(small_days.DECLARATION)
    good = small_days.serialized(small_days.rows(3))
    scenario, item, intervened = keys(np.array(good, object))
    assert intervened is None
    assert scenario.type == pa.string()
    assert item.type == pa.int64()
    with pytest.raises(DataError, match="record 3 of a batch has not exactly one 'page'"):
        keys(np.array([*good, tf.train.Example().SerializeToString()], object))
    with pytest.raises(DataError, match="no tf.Example"):
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
    with tf.io.TFRecordWriter(str(tmp_path / "plain")) as writer:
        writer.write(b"one")
        writer.write(b"two")
    whole = compressor.compress((tmp_path / "plain").read_bytes())
    (tmp_path / "cut.gz").write_bytes(whole + compressor.flush(zlib.Z_SYNC_FLUSH))
    with pytest.raises(DataError, match="cut.gz is damaged"):
        list(read_serialized(str(tmp_path / "cut.gz"), records.BATCH))

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from scenerank.components.hashing import hash_column
from scenerank.errors import DataError, ExitCode
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.sources import ali_ccp_files, log_writer
from scenerank.pipeline.sources.ali_ccp import VALIDATION_SHARE, import_ali_ccp
from scenerank.pipeline.sources.ali_ccp_files import OTHER, USER, WEIGHED
from scenerank.pipeline.sources.movielens import PARTS
from scenerank.schemas import load_declaration

FLAT = {"train": "ali_ccp_train.csv", "validation": "ali_ccp_val.csv", "test": "ali_ccp_test.csv"}
MIDNIGHT = {"train": 946684800000, "validation": 946771200000, "test": 946857600000}


def held_out(index: str) -> bool:
    return (hash_column(pa.array([index])) % np.uint64(VALIDATION_SHARE))[0] == 0


TRAINING = [index for index in map("{:016x}".format, range(100)) if not held_out(index)][:3]
VALIDATION = [index for index in map("{:016x}".format, range(100)) if held_out(index)][:2]
ABSENT = TRAINING[2]


def listed(features) -> str:
    return "\x01".join(f"{field}\x02{number}\x03{value}" for field, number, value in features)


def users(number: int) -> list:
    """Common features; a user has two categories, of which the second weighs more, and one with no brand."""
    out = [("101", 1000 + number, "1.0"), ("121", 7, "1.0"), ("122", 8, "1.0"), ("124", 9, "1.0"), ("125", 10, "1.0")]
    out += [("126", 11, "1.0"), ("127", 12, "1.0"), ("128", 13, "1.0"), ("129", 14, "1.0")]
    out += [("109_14", 20, "0.69315"), ("109_14", 21 + number, "2.30259"), ("110_14", 30, "1.5"), ("150_14", 50, "3")]
    return out + [("127_14", 40, "0.25")] * (number % 2)


def impression(item: int, position: int) -> list:
    """Skeleton features: two intentions of equal value, and a combination now and then."""
    out = [("205", item, "1.0"), ("206", 61, "1.0"), ("207", 71, "1.0"), ("216", 91, "1.0"), ("301", position, "1.0")]
    out += [("210", 82, "1.0"), ("210", 81, "1.0")]
    return out + [("508", 61, "1.09861")] * (item % 2)


INDICES = [*TRAINING, *VALIDATION]
KNOWN = {index: users(number) for number, index in enumerate(INDICES) if index != ABSENT}
SAMPLES = {  # part: (click, purchase, common_feature_index, features)
    "train": [(i % 2, i % 2 * (i % 3 == 0), TRAINING[i % 3], impression(500 + i, 1 + i % 3)) for i in range(9)],
    "validation": [(0, 0, VALIDATION[i % 2], impression(600 + i, 1)) for i in range(4)],
    "test": [(1, 0, TRAINING[0], impression(700 + i, 2)) for i in range(3)],
}


def skeleton(samples) -> str:
    return "".join(
        f"{n},{click},{buy},{index},{len(features)},{listed(features)}\n"
        for n, (click, buy, index, features) in enumerate(samples, start=1)
    )


def write_published(folder, samples=SAMPLES, known=KNOWN):
    """The publisher's files; the validation part's rows stand between the training part's."""
    folder.mkdir(exist_ok=True)
    train = samples["train"][:2] + samples["validation"] + samples["train"][2:]
    common = "".join(f"{index},{len(features)},{listed(features)}\n" for index, features in known.items())
    for part, rows in (("train", train), ("test", samples["test"])):
        (folder / f"sample_skeleton_{part}.csv").write_text(skeleton(rows))
        (folder / f"common_features_{part}.csv").write_text(common)
    return folder


def flat(samples, known=KNOWN) -> pd.DataFrame:
    """The reference: one row at a time, the feature with the greatest value of each field."""
    rows = []
    for click, purchase, index, features in samples:
        row = {"click": click, "purchase": purchase}
        best = {}
        for field, number, value in known.get(index, []) + features:
            if field not in best or float(value) > float(best[field][1]):
                best[field] = (number, value)
        row |= {field: best.get(field, (0, 0))[0] for field in [*USER, *OTHER]}
        row |= {f"D{field}": best.get(field, (0, 0))[1] for field in WEIGHED}
        rows.append(row)
    return pd.DataFrame(rows)


def write_flat(folder, samples=SAMPLES):
    folder.mkdir(exist_ok=True)
    for part, name in FLAT.items():
        flat(samples[part]).to_csv(folder / name, index=False)
    return folder


def read(workspace, part) -> pd.DataFrame:
    return pq.ParquetFile(workspace / f"logs/day={PARTS[part]}/part-0.parquet").read().to_pandas()


def test_both_forms_give_the_same_logs(tmp_path):
    counts = import_ali_ccp(str(write_published(tmp_path / "published")), str(tmp_path / "a"))
    assert counts == {"rows": 16, "train": 9, "validation": 4, "test": 3, "unknown_users": 3}
    assert import_ali_ccp(str(write_flat(tmp_path / "flat")), str(tmp_path / "b")) == counts
    for part in PARTS:
        pd.testing.assert_frame_equal(read(tmp_path / "a", part), read(tmp_path / "b", part))


def test_columns(tmp_path):
    import_ali_ccp(str(write_published(tmp_path / "published")), str(tmp_path))
    declared = load_declaration("ali_ccp").log_schema
    for part, day in PARTS.items():
        written = pq.read_schema(tmp_path / f"logs/day={day}/part-0.parquet")
        assert written.names == declared.names and written.types == declared.types
        rows = read(tmp_path, part)
        assert rows.time_ms.tolist() == list(range(MIDNIGHT[part], MIDNIGHT[part] + len(rows)))
    rows = read(tmp_path, "train")
    assert rows.click.tolist() == [0, 1] * 4 + [0] and rows.purchase.tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert rows.position.tolist() == [1, 2, 3] * 3 and rows.item_id.tolist() == list(range(500, 509))
    assert rows.top_category.tolist()[:2] == [21, 22] and rows.top_category_weight[0] == np.float32(2.30259)
    assert (rows.intention == 82).all(), "the first among equals"
    assert np.isnan(rows.top_brand[0]) and rows.top_brand_weight.tolist()[:2] == [0, 0.25]
    assert np.isnan(rows.seen_category[0]) and rows.seen_category_weight[0] == 0 and rows.seen_category[1] == 61


def test_a_row_without_common_features_keeps_its_own(tmp_path):
    import_ali_ccp(str(write_published(tmp_path / "published")), str(tmp_path))
    rows = read(tmp_path, "train")
    absent = rows[rows.user_id.isna()]
    assert absent.index.tolist() == [2, 5, 8] and absent[list(USER.values())].isna().all(axis=None)
    assert absent.item_id.tolist() == [502, 505, 508] and (absent.top_category_weight == 0).all()


def test_one_group_of_common_features_is_never_in_two_parts(tmp_path):
    indices = [f"{i:016x}" for i in range(400)]
    samples = {"train": [(0, 0, indices[i % 400], impression(i, 1)) for i in range(1200)], "validation": []}
    samples["test"] = SAMPLES["test"]
    known = {index: [("101", i, "1.0")] for i, index in enumerate(indices)}
    counts = import_ali_ccp(str(write_published(tmp_path / "published", samples, known)), str(tmp_path))
    train, validation = set(read(tmp_path, "train").user_id), set(read(tmp_path, "validation").user_id)
    assert not train & validation and len(train | validation) == 400
    assert 60 <= counts["validation"] <= 180


def test_blocks_do_not_show(tmp_path, monkeypatch):
    folder = write_published(tmp_path / "published")
    seen = []
    import_ali_ccp(str(folder), str(tmp_path / "whole"))
    monkeypatch.setattr(ali_ccp_files, "BLOCK", 150)
    monkeypatch.setattr(log_writer, "ROW_GROUP", 2)
    import_ali_ccp(str(folder), str(tmp_path / "pieces"), lambda done, total: seen.append((done, total)))
    import_ali_ccp(str(write_flat(tmp_path / "flat")), str(tmp_path / "flat_pieces"))
    for part in PARTS:
        pd.testing.assert_frame_equal(read(tmp_path / "whole", part), read(tmp_path / "pieces", part))
        pd.testing.assert_frame_equal(read(tmp_path / "whole", part), read(tmp_path / "flat_pieces", part))
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1] == sum(p.stat().st_size for p in folder.iterdir())


feature = st.tuples(st.sampled_from(["205", "301", "508", "9"]), st.integers(1, 9), st.sampled_from(["1.0", "2", "-3"]))


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(st.lists(st.lists(feature, min_size=1, max_size=8), min_size=1, max_size=6), st.integers(40, 400))
def test_skeletons_are_read_as_one_row_at_a_time_would(tmp_path_factory, lists, block):
    folder = tmp_path_factory.mktemp("ali_ccp")
    samples = [(0, 1, TRAINING[n % 3], features) for n, features in enumerate(lists)]
    (folder / "s.csv").write_text(skeleton(samples).rstrip("\n" if len(lists) % 2 else " "))
    (folder / "c.csv").write_text("".join(f"{i},{len(f)},{listed(f)}\n" for i, f in KNOWN.items()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ali_ccp_files, "BLOCK", block)
        pieces = list(ali_ccp_files.read_skeleton(folder / "s.csv", folder / "c.csv"))
    rows = pa.concat_tables([piece.rows for piece in pieces]).to_pandas()
    expected = flat(samples)
    for field, name in {**USER, **OTHER}.items():
        assert rows[name].fillna(0).tolist() == expected[field].tolist()
    for field in WEIGHED:
        weights = rows[f"{({**USER, **OTHER})[field]}_weight"]
        np.testing.assert_array_equal(weights, expected[f"D{field}"].astype(np.float32))


def test_flat_samples_without_weights_in_folders_below(tmp_path):
    for part, name in FLAT.items():
        below = tmp_path / "flat" / part
        below.mkdir(parents=True)
        table = flat(SAMPLES[part]).drop(columns=[f"D{field}" for field in WEIGHED]).assign(other="x")
        table.to_csv(below / name.replace(".csv", "_sample.csv"), index=False)
    assert import_ali_ccp(str(tmp_path / "flat"), str(tmp_path / "w"))["rows"] == 16
    rows = read(tmp_path / "w", "train")
    assert rows.top_shop_weight.isna().all() and rows.top_shop.tolist()[:3] != [0, 0, 0]


def change(name, line, old, new):
    """Damage: in one line of a file (from 1), `old` becomes `new`."""

    def damage(folder):
        lines = (folder / name).read_bytes().split(b"\n")
        assert old in lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old, new, 1)
        (folder / name).write_bytes(b"\n".join(lines))

    return damage


TRAIN, COMMON = "sample_skeleton_train.csv", "common_features_train.csv"


@pytest.mark.parametrize("block", [16 << 20, 300])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / TRAIN).unlink(), "neither sample_skeleton_train.csv nor ali_ccp_train.csv: give"),
        (lambda f: (f / COMMON).unlink(), "0 files common_features_train.csv"),
        (lambda f: (f / "sample_skeleton_test.csv").write_text(""), "skeleton_test.csv has no rows: download"),
        (lambda f: (f / COMMON).write_text(""), "features_train.csv has no rows: download"),
        (
            change(TRAIN, 7, b",", b";"),
            "skeleton_train.csv, line 7, is not a row of 6 columns.*got 5",
        ),
        (change(TRAIN, 3, b"3,0,", b"3,x,"), "skeleton_train.csv, line 3, is not a row.*invalid value 'x'"),
        (change(TRAIN, 5, b"5,", b"\n5,"), "skeleton_train.csv, line 5, is not a row"),
        (change(TRAIN, 6, b"205\x02", b"205"), r"skeleton_train.csv, line 6, has a feature that is not FIELD\\x02ID"),
        (change(TRAIN, 8, b"207\x0271", b"207\x02seven"), "skeleton_train.csv, line 8, has a feature.*'seven'"),
        (change(COMMON, 2, b"\x030.69315", b"\x03much"), "features_train.csv, line 2, has a feature.*'much'"),
        (change(COMMON, 4, b"\x01", b"\x01\x01"), "features_train.csv, line 4, has a feature"),
        (change(COMMON, 1, b"00", b"\xff\xff"), "features_train.csv, line 1, is not a row.*UTF8"),
    ],
)
def test_published_files_are_refused_in_one_sentence(tmp_path, monkeypatch, block, damage, message):
    monkeypatch.setattr(ali_ccp_files, "BLOCK", block)
    folder = write_published(tmp_path / "published")
    damage(folder)
    with pytest.raises(DataError, match=message) as refused:
        import_ali_ccp(str(folder), str(tmp_path / "w"))
    assert "\n" not in str(refused.value) and not list((tmp_path / "w").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / FLAT["test"]).unlink(), r"0 files ali_ccp_test\*.csv"),
        (lambda f: (f / "ali_ccp_val_sample.csv").write_text(""), r"2 files ali_ccp_val\*.csv"),
        (change(FLAT["train"], 1, b",301", b",302"), "train.csv has no column '301'"),
        (change(FLAT["test"], 3, b",", b""), "test.csv, line 3, is not a row of 33 columns"),
        (change(FLAT["test"], 2, b"1,0,", b"1,,"), "test.csv, line 2, is not a row.*''"),
    ],
)
def test_flat_files_are_refused_in_one_sentence(tmp_path, damage, message):
    folder = write_flat(tmp_path / "flat")
    damage(folder)
    with pytest.raises(DataError, match=message) as refused:
        import_ali_ccp(str(folder), str(tmp_path / "w"))
    assert "\n" not in str(refused.value)


def test_the_command(tmp_path):
    source = write_published(tmp_path / "published")
    result = CliRunner().invoke(main, ["import", "ali-ccp", "-w", str(tmp_path / "w"), "--source", str(source)])
    assert result.exit_code == 0 and "validation: 4" in result.output
    result = CliRunner().invoke(main, ["import", "ali-ccp", "-w", str(tmp_path / "w"), "--source", str(tmp_path)])
    assert result.exit_code == 0, "files one folder below"
    result = CliRunner().invoke(main, ["import", "ali-ccp", "-w", str(tmp_path / "w"), "--source", str(tmp_path / "w")])
    assert result.exit_code == ExitCode.REFUSED and "neither sample_skeleton_train.csv" in result.output


@pytest.mark.slow
def test_ingestion_takes_every_row(tmp_path):
    from tests.components import ingestion

    import_ali_ccp(str(write_published(tmp_path / "published")), str(tmp_path))
    declaration = load_declaration("ali_ccp")
    result = ingestion.run(tmp_path, declaration, PARTS["train"])
    assert len(result.examples) == 9 and result.quarantine == []
    assert sorted(example["item_id"] for example in result.examples) == list(range(500, 509))
    assert "purchase" not in result.examples[0]

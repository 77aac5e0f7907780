import os
import pathlib

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from scenerank.components.workspace import Workspace
from scenerank.errors import DataError
from scenerank.pipeline.sources import kuairand, log_writer, movielens
from scenerank.pipeline.sources.kuairand import import_kuairand
from scenerank.pipeline.sources.log_writer import LogWriter
from scenerank.pipeline.sources.movielens import fetch_movielens, import_movielens, split_rows
from scenerank.schemas import load_declaration

KUAIRAND = pathlib.Path(
    os.environ.get("SCENERANK_KUAIRAND")
    or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "kuairand_pure"
)
LOG = (
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,"
    "play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab\n"
)
USERS = (
    "user_id,user_active_degree,is_lowactive_period,is_live_streamer,is_video_author,follow_user_num,"
    "follow_user_num_range,fans_user_num,fans_user_num_range,friend_user_num,friend_user_num_range,register_days,"
    "register_days_range," + ",".join(f"onehot_feat{i}" for i in range(18)) + "\n"
)
VIDEOS = (
    "video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,server_width,server_height,"
    "music_id,music_type,tag\n"
)
ONEHOT = "1,1,29,949,,0,0,14,135,6,3,0,0.0,1.0,0.0,0.0,0.0,\n"
BEFORE_MIDNIGHT = 1650815940000  # 2022-04-24 23:59 in China


def log_row(user=7, video=5, date=20220425, time_ms=BEFORE_MIDNIGHT + 120_000, click=1, tab=1, hourmin=0) -> str:
    return f"{user},{video},{date},{hourmin},{time_ms},{click},0,0,0,0,0,{click},61802,49866,0,0,0,0,{tab}\n"


@pytest.fixture
def download(tmp_path):
    """A folder as the publisher packs it: two logs, two users, two videos."""
    folder = tmp_path / "kuairand"
    folder.mkdir()
    rows = [log_row(), log_row(), log_row(user=8, video=6, click=0, tab=6), log_row(time_ms=BEFORE_MIDNIGHT)]
    (folder / "log_standard_4_22_to_5_08_pure.csv").write_text(LOG + "".join(rows))
    late = log_row(user=99, video=99, date=20220426, time_ms=BEFORE_MIDNIGHT + 86_460_000 + 3_600_000)
    (folder / "log_random_4_22_to_5_08_pure.csv").write_text(LOG + late)
    (folder / "user_features_pure.csv").write_text(
        USERS
        + '8,full_active,0,-124,1,457,"(250,500]",20,"[10,100)",3,"[1,5)",1474,730+,' + ONEHOT
        + "7,UNKNOWN,0,1,0,514,500+,150,\"[100,1k)\",34,\"[30,60)\",799,730+," + ONEHOT
    )  # fmt: skip
    (folder / "video_features_basic_pure.csv").write_text(
        VIDEOS
        + '5,7349781,NORMAL,2022-04-10,LongImport,0.0,49866.0,720.0,1280.0,9155697141,9.0,"39,68"\n'
        + "6,2103883,NORMAL,2022-04-11,,0.0,,720.0,1280.0,6355810746,,\n"
    )
    return folder


def read(workspace, day) -> pd.DataFrame:
    return pq.ParquetFile(f"{workspace}/logs/day={day}/part-0.parquet").read().to_pandas()


def test_kuairand_writes_the_declared_columns_by_publisher_date(download, tmp_path):
    seen = []
    counts = import_kuairand(str(download), str(tmp_path / "w"), lambda done, total: seen.append((done, total)))
    assert counts == {"rows": 5, "days": 2, "recorded_next_day": 1, "unknown_users": 1, "unknown_videos": 1}
    assert seen[-1][0] == seen[-1][1] > 0
    assert Workspace(str(tmp_path / "w")).log_days() == ["2022-04-25", "2022-04-26"]
    declared = load_declaration("kuairand").log_schema
    written = pq.read_schema(tmp_path / "w/logs/day=2022-04-25/part-0.parquet")
    assert written.names == declared.names and written.types == declared.types
    assert [p.name for p in (tmp_path / "w/logs").iterdir() if p.name.startswith(".")] == []


def test_kuairand_joins_and_reads_unknowns_as_null(download, tmp_path):
    import_kuairand(str(download), str(tmp_path))
    first = read(tmp_path, "2022-04-25")
    assert len(first) == 4 and first.duplicated().sum() == 1  # ingestion drops and counts it
    assert first.tag.tolist()[:2] == [39, 39] and np.isnan(first.tag[2])
    assert first.hour.tolist() == [0, 0, 0, 23]
    assert first.video_age_days.tolist() == [15, 15, 14, 15]
    assert first.upload_type[2] is None and np.isnan(first.music_type[2])
    assert np.isnan(first.is_live_streamer[2]) and first.is_live_streamer[0] == 1
    assert first.user_active_degree[0] is None and first.user_active_degree[2] == "full_active"
    stranger = read(tmp_path, "2022-04-26").iloc[0]
    assert stranger.user_id == 99 and np.isnan(stranger.follow_user_num) and np.isnan(stranger.author_id)


def test_kuairand_leaves_empty_cells_to_the_checks_of_ingestion(download, tmp_path):
    rows = log_row(user=""), log_row(video=""), log_row(time_ms=""), log_row(click="")
    (download / "log_standard_4_22_to_5_08_pure.csv").write_text(LOG + "".join(rows))
    import_kuairand(str(download), str(tmp_path))
    first = read(tmp_path, "2022-04-25")
    for row, column in enumerate(("user_id", "video_id", "time_ms", "is_click")):
        assert first[column].isna().tolist() == [i == row for i in range(4)]


def test_kuairand_does_not_depend_on_the_block_size(download, tmp_path, monkeypatch):
    log = download / "log_standard_4_22_to_5_08_pure.csv"
    log.write_text(LOG + "".join(log_row(user=i % 9, date=20220425 + i % 3) for i in range(500)))
    import_kuairand(str(download), str(tmp_path / "whole"))
    monkeypatch.setattr(kuairand, "BLOCK", 2000)
    monkeypatch.setattr(log_writer, "ROW_GROUP", 50)
    import_kuairand(str(download), str(tmp_path / "pieces"))
    for day in ("2022-04-25", "2022-04-26", "2022-04-27"):
        pd.testing.assert_frame_equal(read(tmp_path / "whole", day), read(tmp_path / "pieces", day))


def test_kuairand_finds_the_data_folder_of_a_download(download, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    download.rename(outer / "data")
    assert import_kuairand(str(outer), str(tmp_path / "w"))["rows"] == 5


def test_kuairand_knows_nothing_of_the_impressions_outcome():
    declaration = load_declaration("kuairand")
    after = set(LOG.strip().split(",")) - {"user_id", "video_id", "date", "time_ms", "duration_ms", "is_rand", "tab"}
    after.add("is_skip")
    assert not after & {column.name for column in declaration.features}
    assert not (after - {"is_click"}) & set(declaration.example_schema.names)


def drop_column(path, name):
    table = pd.read_csv(path, dtype=str)
    table.drop(columns=name).to_csv(path, index=False)


STANDARD, RANDOM = "log_standard_4_22_to_5_08_pure.csv", "log_random_4_22_to_5_08_pure.csv"
USER_FILE, VIDEO_FILE = "user_features_pure.csv", "video_features_basic_pure.csv"
USER_7 = "7,a,0,1,0,5,a,1,a,3,a,7,a," + ONEHOT


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / USER_FILE).unlink(), r"no file user_features_\*.csv: give"),
        (lambda f: [p.unlink() for p in f.glob("log_*")], r"no file log_\*.csv: give"),
        (lambda f: drop_column(f / RANDOM, "long_view"), "no column 'long_view'"),
        (lambda f: drop_column(f / VIDEO_FILE, "tag"), "basic_pure.csv has no column 'tag'"),
        (lambda f: (f / STANDARD).write_text(LOG + log_row(user="x")), "4_22.*'x'"),
        (lambda f: (f / STANDARD).write_text(LOG + log_row(date=20221399)), "date 20221399 is no day"),
        (lambda f: (f / STANDARD).write_text(LOG + log_row(date="")), "date None is no day"),
        (lambda f: (f / STANDARD).write_text(LOG + log_row() + "7,5,2022"), "4_22.*columns"),
        (lambda f: (f / USER_FILE).write_bytes(USERS.encode() + b"7,\xff\xfe,0" + b",1" * 28), "UTF8"),
        (lambda f: (f / USER_FILE).write_text(USERS + USER_7 + USER_7), "7 stands in more than one row"),
        (lambda f: [p.write_text(LOG) for p in f.glob("log_*")], "have no rows"),
        (lambda f: (f / VIDEO_FILE).write_text(VIDEOS), "has no rows"),
        (lambda f: (f / RANDOM).write_text(""), "has no column"),
    ],
)
def test_kuairand_refuses_in_one_sentence_and_harms_nothing(download, tmp_path, damage, message):
    workspace = tmp_path / "w"
    import_kuairand(str(download), str(workspace))
    before = {p: p.read_bytes() for p in workspace.rglob("*.parquet")}
    damage(download)
    with pytest.raises(DataError, match=message) as refused:
        import_kuairand(str(download), str(workspace))
    assert "\n" not in str(refused.value)
    assert {p: p.read_bytes() for p in workspace.rglob("*") if p.is_file()} == before


def test_an_import_replaces_a_day_as_a_whole_and_repeats_byte_for_byte(download, tmp_path):
    workspace = tmp_path / "w"
    import_kuairand(str(download), str(workspace))
    day = workspace / "logs/day=2022-04-25"
    before = (day / "part-0.parquet").read_bytes()
    (day / "part-1.parquet").write_bytes(before)
    import_kuairand(str(download), str(workspace))
    assert [p.name for p in day.iterdir()] == ["part-0.parquet"]
    assert (day / "part-0.parquet").read_bytes() == before


def test_log_writer_publishes_nothing_when_interrupted(tmp_path):
    declaration = load_declaration("movielens")
    table = declaration.log_schema.empty_table()
    with pytest.raises(KeyboardInterrupt), LogWriter(Workspace(str(tmp_path)), declaration.log_schema) as writer:
        writer.write("2000-01-01", table)
        raise KeyboardInterrupt
    assert not any((tmp_path / "logs").glob("*")) if (tmp_path / "logs").exists() else True


@pytest.mark.skipif(not KUAIRAND.is_dir(), reason=f"no KuaiRand at {KUAIRAND}: set SCENERANK_KUAIRAND")
def test_real_kuairand(tmp_path):
    counts = import_kuairand(str(KUAIRAND), str(tmp_path))
    raw = pd.concat([pd.read_csv(path) for path in sorted(KUAIRAND.glob("log_*.csv"))])
    days = Workspace(str(tmp_path)).log_days()
    ours = pd.concat([read(tmp_path, day) for day in days])
    assert counts["rows"] == len(ours) == len(raw) and counts["unknown_users"] == counts["unknown_videos"] == 0
    assert ours.duplicated().sum() == raw.duplicated().sum()
    assert ours.groupby("tab").is_click.sum().to_dict() == raw.groupby("tab").is_click.sum().to_dict()
    assert [day.replace("-", "") for day in days] == sorted(map(str, raw.date.unique()))
    assert not (ours.select_dtypes("number") == -124).any().any()
    required = [c.name for c in load_declaration("kuairand").columns if c.required]
    assert not ours[required].isna().any().any()


RATINGS = [(1, 1193, 5, 978300760), (1, 661, 3, 978302109), (2, 1193, 4, 978298413), (3, 73, 1, 978300760)]
AGES = {1: 1, 2: 25, 3: 56}
MOVIES = {
    661: ("James and the Giant Peach (1996)", ("Animation", "Children's", "Musical")),
    73: ("Misérables, Les (1995)", ("Drama", "Musical")),
    1193: ("One Flew Over the Cuckoo's Nest (1975)", ("Drama",)),
}


def write_dat(folder, ratings=RATINGS):
    folder.mkdir(exist_ok=True)
    (folder / "ratings.dat").write_text("".join(f"{u}::{m}::{r}::{t}\n" for u, m, r, t in ratings))
    (folder / "users.dat").write_text("".join(f"{u}::F::{age}::10::48067\n" for u, age in AGES.items()))
    movies = "".join(f"{m}::{title}::{'|'.join(genres)}\n" for m, (title, genres) in MOVIES.items())
    (folder / "movies.dat").write_text(movies, encoding="latin-1")
    return folder


def write_atomic(folder, titles_for_ids=False):
    """RecBole's files; with `titles_for_ids` as in its cross-domain package."""
    folder.mkdir(exist_ok=True)
    user = (lambda u: f"1m_{u}") if titles_for_ids else str
    movie = (lambda m: MOVIES[m][0]) if titles_for_ids else str
    inter = "user_id:token\titem_id:token\trating:float\ttimestamp:float\r\n"
    inter += "".join(f"{user(u)}\t{movie(m)}\t{r}.0\t{t}\r\n" for u, m, r, t in RATINGS)
    users = "user_id:token\tage:float\tgender:token\toccupation:float\tzip_code:token\r\n"
    users += "".join(f"{user(u)}\t{age}\tF\t10\t48067\r\n" for u, age in AGES.items())
    movies = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\r\n"
    for m, (title, genres) in MOVIES.items():
        movies += f"{movie(m)}\t{title[:-7]}\t{title[-5:-1]}\t{' '.join(genres)}\r\n"
    for suffix, text in ((".inter", inter), (".user", users), (".item", movies)):
        (folder / f"ml-1m{suffix}").write_bytes(text.encode())
    return folder


def read_all(workspace) -> pd.DataFrame:
    return pd.concat([read(workspace, day) for day in Workspace(str(workspace)).log_days()], ignore_index=True)


def test_movielens_reads_both_formats_alike(tmp_path):
    counts = import_movielens(str(write_dat(tmp_path / "dat")), str(tmp_path / "a"))
    assert counts == {"rows": 4, "users": 3, "movies": 3, "train": 3, "validation": 0, "test": 1}
    import_movielens(str(write_atomic(tmp_path / "atomic")), str(tmp_path / "b"))
    import_movielens(str(write_atomic(tmp_path / "titles", titles_for_ids=True)), str(tmp_path / "c"))
    a, b, c = (read_all(tmp_path / name) for name in "abc")
    pd.testing.assert_frame_equal(a, b)
    assert c.movie_id.map(dict(enumerate(MOVIES, start=1))).tolist() == a.movie_id.tolist()
    pd.testing.assert_frame_equal(a.drop(columns="movie_id"), c.drop(columns="movie_id"))


def test_movielens_columns(tmp_path):
    import_movielens(str(write_dat(tmp_path / "dat")), str(tmp_path), split="time")
    rows = read_all(tmp_path).sort_values(["user_id", "time_ms"], ignore_index=True)
    declared = load_declaration("movielens").log_schema
    assert list(rows.columns) == declared.names
    assert rows.time_ms.tolist() == [978300760000, 978302109000, 978298413000, 978300760000]
    assert rows.liked.tolist() == [1, 0, 1, 0] and rows.age_group.tolist() == [0, 0, 1, 2]
    assert rows.zip_area.tolist() == [480] * 4 and rows.year.tolist() == [1975, 1996, 1975, 1995]
    drama, musical = (1 << movielens.GENRES.index(genre) for genre in ("Drama", "Musical"))
    assert rows.genres.tolist()[::3] == [drama, drama | musical]


@hypothesis.given(
    times=st.lists(st.integers(0, 20), min_size=1, max_size=60),
    split=st.sampled_from(["random", "time"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_split_has_every_row_once(times, split, seed):
    time_ms = np.array(times)
    parts = split_rows(time_ms, split, seed)
    rows = len(times)
    assert [len(part) for part in parts.values()] == [
        rows * 8 // 10,
        rows * 9 // 10 - rows * 8 // 10,
        rows - rows * 9 // 10,
    ]
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(rows))
    for part in parts.values():
        assert (np.diff(time_ms[part]) >= 0).all()
    if split == "time":
        assert (np.diff(time_ms[np.concatenate(list(parts.values()))]) >= 0).all()


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    ratings=st.lists(
        st.tuples(st.sampled_from(list(AGES)), st.sampled_from(list(MOVIES)), st.integers(1, 5), st.integers(0, 9)),
        min_size=1,
        max_size=40,
    ),
    split=st.sampled_from(["random", "time"]),
    seed=st.integers(0, 99),
)
def test_histories_know_no_label_outside_the_training_part(tmp_path_factory, ratings, split, seed):
    folder = tmp_path_factory.mktemp("ml")
    counts = import_movielens(str(write_dat(folder / "dat", ratings)), str(folder), split, seed)
    declaration = load_declaration("movielens")
    sources = list(declaration.history.types.values())
    assert declaration.label.name not in sources
    rows = 0
    for part, day in movielens.PARTS.items():
        if not counts[part]:
            continue
        table = read(folder, day)
        rows += len(table)
        if part == "train":
            assert (table.liked_in_training == table.liked).all()
            assert (table[sources].sum(axis=1) == 1).all()
        else:
            assert not table[sources].to_numpy().any()
    assert rows == len(ratings)


def test_movielens_random_split_follows_the_seed(tmp_path):
    time_ms = np.arange(100)
    first, again, other = (split_rows(time_ms, "random", seed)["test"].tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "users.dat").unlink(), "users.dat is missing: give"),
        (lambda f: [p.unlink() for p in f.iterdir()], r"0 files \*.inter: give"),
        (lambda f: (f / "ratings.dat").write_text("1::1193::5\n"), "ratings.dat: .*columns"),
        (lambda f: (f / "ratings.dat").write_text("1::1193::five::1\n"), "rating: .*'five'"),
        (lambda f: (f / "ratings.dat").write_text("1::9999::5::1\n"), "movie '9999' has ratings but no row"),
        (lambda f: (f / "ratings.dat").write_text("77::1193::5::1\n"), "user '77' has ratings but no row"),
        (lambda f: (f / "users.dat").write_text("1::F::3::10::48067\n" * 2), "more than one row"),
        (lambda f: (f / "ratings.dat").write_text(""), "ratings.dat has no rows"),
    ],
)
def test_movielens_refuses_in_one_sentence(tmp_path, damage, message):
    folder = write_dat(tmp_path / "dat")
    damage(folder)
    with pytest.raises(DataError, match=message) as refused:
        import_movielens(str(folder), str(tmp_path / "w"))
    assert "\n" not in str(refused.value) and not (tmp_path / "w").exists()


def test_movielens_refuses_an_unknown_split(tmp_path):
    with pytest.raises(ValueError, match="'leave-one-out' is unknown: give 'random' or 'time'"):
        import_movielens(str(tmp_path), str(tmp_path), split="leave-one-out")


def test_movielens_is_fetched_once(tmp_path, monkeypatch):
    write_atomic(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert fetch_movielens(str(tmp_path)) == str(tmp_path)


@pytest.mark.slow
def test_real_movielens(tmp_path):
    try:
        source = fetch_movielens(str(tmp_path / "ml-1m"))
    except DataError as error:
        pytest.skip(f"no MovieLens: {error}")
    counts = import_movielens(source, str(tmp_path), split="time")
    assert counts == {
        "rows": 1_000_209, "users": 6_040, "movies": 3_706, "train": 800_167, "validation": 100_021, "test": 100_021,
    }  # fmt: skip
    train, test = (read(tmp_path, movielens.PARTS[part]) for part in ("train", "test"))
    assert train.time_ms.max() <= test.time_ms.min() and not train.isna().any().any()

"""Speed of ingestion, beside TFX's stock Parquet ExampleGen and beside duckdb."""

from __future__ import annotations

import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenerank.components.workspace import shift
from scenerank.pipeline.sources.simulator import simulate
from scenerank.schemas import Declaration, load_declaration

DAYS = 3
START = "2024-03-01"
DAY = shift(START, DAYS - 1)
LENGTH = 50
STOCK_ROWS = 50_000
"""The stock executor is measured on these: on a million it takes minutes. Its speed hardly depends on them."""

JOIN = """
create or replace temp table today as select distinct * from '{workspace}/logs/day={day}/*.parquet';
create or replace temp table past as
    select distinct * from read_parquet('{workspace}/logs/*/*.parquet', hive_partitioning = true)
    where day < date '{day}';
create or replace temp table behavior as
    select *, row_number() over (partition by user_id order by time_ms) as n
    from (select user_id, time_ms, scenario_id, scenario_theme, item_id, category, destination, price,
                 case when is_purchase = 1 then 'purchase' else 'click' end as type
          from (select * exclude (day) from past union all by name select * from today)
          where is_click = 1 or is_purchase = 1);
create or replace temp table life as
    select user_id, {lists}, list(time_ms order by n) as times from behavior group by user_id;
create or replace temp table moment as select user_id, time_ms, max(n) as n from behavior group by user_id, time_ms;
{counts}
create or replace temp table total as select sum(is_click) / count(*) as rate from past;
copy (
    select today.* exclude (is_purchase), {slices}, {rates}
        list_transform(
            list_slice(times, greatest(moment.n - 49, 1), moment.n), x -> ((today.time_ms - x) / 1000)::float
        ) as history_age_s
    from today
    asof left join moment on today.user_id = moment.user_id and today.time_ms > moment.time_ms
    left join life on today.user_id = life.user_id
    {joins}
    cross join total
) to '{out}' (format parquet);
"""
REPEATED = ("scenario_id", "scenario_theme", "item_id", "category", "destination", "price", "type")
WITH_RATES = load_declaration("simulator")
HISTORY_ONLY = WITH_RATES.model_copy(update={"rates": None})


def query(workspace: str, out: str, declaration: Declaration) -> str:
    """Histories and rates of the last day, as the declaration has them; without checks."""
    counts, joins, rates = [], [], []
    for keys in declaration.rates.keys if declaration.rates else ():
        name, columns = "_".join(keys), ", ".join(keys)
        counts.append(
            f"create or replace temp table of_{name} as "
            f"select {columns}, count(*) as shown, sum(is_click) as events from past group by {columns};"
        )
        joins.append(f"left join of_{name} on " + " and ".join(f"today.{k} = of_{name}.{k}" for k in keys))
        shown, events = f"coalesce(of_{name}.shown, 0)", f"coalesce(of_{name}.events, 0)"
        rates.append(f"ln(1 + {shown})::float as count_{name}")
        rates.append(f"ln(({events} + 20 * rate) / ({shown} + 20) / rate)::float as rate_is_click_{name}")
    return JOIN.format(
        workspace=workspace,
        day=DAY,
        out=out,
        lists=", ".join(f"list({c} order by n) as all_{c}" for c in REPEATED),
        slices=", ".join(f"list_slice(all_{c}, greatest(moment.n - 49, 1), moment.n) as history_{c}" for c in REPEATED),
        counts="\n".join(counts),
        joins="\n    ".join(joins),
        rates="".join(f"{rate}, " for rate in rates),
    )


def ingest_speed(rows: int = 1_000_000) -> Iterator[tuple[str, float]]:
    """A day of `rows` impressions by 20,000 users, with the histories of two earlier days of as many.

    Each in this process, files in and files out, duckdb with all its threads; then ingestion once more with all
    the click rates of the simulator's declaration, which neither of the others has.
    """
    # Imported here: they take seconds, which other figures need not wait for, and are no part of the speed.
    import tfx.components.example_gen.custom_executors.parquet_executor  # noqa: F401

    import scenerank.components.log_example_gen.ingest  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        logs = f"{folder}/workspace"
        simulate(logs, days=DAYS, users=20_000, impressions_per_day=rows, start_day=START)
        ours = rows / _seconds(lambda: _ingest(logs, f"{folder}/ours", HISTORY_ONLY))
        theirs = rows / _seconds(lambda: _duckdb(logs, f"{folder}/theirs.parquet", HISTORY_ONLY))
        _compare(f"{folder}/ours", f"{folder}/theirs.parquet", HISTORY_ONLY)
        stock = _stock(logs, folder)
        with_rates = rows / _seconds(lambda: _ingest(logs, f"{folder}/ours_rates", WITH_RATES))
        _duckdb(logs, f"{folder}/rates.parquet", WITH_RATES)
        _compare(f"{folder}/ours_rates", f"{folder}/rates.parquet", WITH_RATES)
    yield "ingest_rows_per_second", round(ours)
    yield "ingest_vs_tfx", round(ours / stock, 2)
    yield "ingest_vs_duckdb", round(ours / theirs, 3)
    yield "ingest_with_rates_rows_per_second", round(with_rates)


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _ingest(workspace: str, out: str, declaration: Declaration) -> None:
    import apache_beam as beam

    from scenerank.components.log_example_gen.ingest import ingest
    from scenerank.components.log_example_gen.job import Job
    from scenerank.components.log_example_gen.settings import IngestSettings

    text = declaration.model_dump_json()
    split = f"{out}/examples/Split-day"
    ingest(
        Job(workspace, DAY, text, IngestSettings(), f"{out}/examples", split, f"{out}/quarantine", f"{out}/profile"),
        beam.Pipeline(),
    )


def _duckdb(workspace: str, out: str, declaration: Declaration) -> None:
    duckdb.connect().execute(query(workspace, out, declaration))


def _stock(workspace: str, folder: str) -> float:
    """Rows a second of TFX's own executor, without history."""
    from tfx.components.example_gen.custom_executors import parquet_executor
    from tfx.proto import example_gen_pb2
    from tfx.types.standard_artifacts import Examples
    from tfx.utils import proto_utils

    rows = pq.read_table(f"{workspace}/logs/day={DAY}", partitioning=None).slice(0, STOCK_ROWS)
    source = pathlib.Path(folder) / "stock"
    source.mkdir()
    pq.write_table(rows, source / "rows.parquet")
    examples = Examples()
    examples.uri = f"{folder}/stock_examples"
    one = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="day", pattern="*.parquet")])
    properties = {
        "input_base": str(source),
        "input_config": proto_utils.proto_to_json(one),
        "output_config": proto_utils.proto_to_json(example_gen_pb2.Output()),
    }
    return rows.num_rows / _seconds(lambda: parquet_executor.Executor().Do({}, {"examples": [examples]}, properties))


def _compare(ours: str, theirs: str, declaration: Declaration) -> None:
    """One of our files against duckdb's rows: same ages, items and rates.

    Behaviors of one moment come in any order, so a full history may end with another of them.
    """
    import tensorflow as tf
    from tensorflow_transform.tf_metadata import schema_utils

    from scenerank.schemas import tfmd

    specs = schema_utils.schema_as_feature_spec(tfmd.schema(declaration)).feature_spec
    path = sorted(pathlib.Path(ours, "examples/Split-day").iterdir())[0]
    records = list(tf.data.TFRecordDataset(str(path), "GZIP").batch(1 << 20))
    parsed = tf.io.parse_example(records[0], specs)
    keys = list(zip(parsed["request_id"].numpy().tolist(), parsed["item_id"].numpy().tolist()))
    connection = duckdb.connect()
    connection.execute("create table asked (request_id varchar, item_id varchar, place integer)")
    asked = {"request": [k[0].decode() for k in keys], "item": [k[1].decode() for k in keys]}
    wanted = pa.table({**asked, "place": list(range(len(keys)))})
    connection.register("wanted", wanted)
    rates = [column.name for column in declaration.rate_columns]
    columns = ", ".join(["history_item_id", "history_age_s", *rates])
    found = connection.execute(
        f"select {columns} from '{theirs}' t "
        "join wanted w on t.request_id = w.request and t.item_id = w.item order by place"
    ).fetchall()
    assert len(found) == len(keys), "duckdb and ingestion keep different rows"
    mine = zip(
        parsed["history_item_id"].to_list(),
        parsed["history_age_s"].to_list(),
        np.stack([parsed[name].numpy() for name in rates], 1) if rates else [()] * len(keys),
    )
    for (items, ages, ours_rates), (their_items, their_ages, *their_rates) in zip(mine, found):
        assert ages == (their_ages or []), "histories differ"
        if len(items) < LENGTH:
            assert sorted(i.decode() for i in items) == sorted(their_items or []), "items of histories differ"
        assert np.allclose(ours_rates, their_rates, atol=1e-4), "rates differ"


FIGURES = dict.fromkeys(
    ("ingest_rows_per_second", "ingest_vs_tfx", "ingest_vs_duckdb", "ingest_with_rates_rows_per_second"), ingest_speed
)

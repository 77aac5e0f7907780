"""`scenerank ask`: scores from a server. Nothing heavy is imported before the command needs it."""

from __future__ import annotations

import json

import click

from pipeline.answers import answers
from pipeline.options import config_option


@click.command()
@config_option
@click.option(
    "--input", "source", required=True, help="JSON Lines (.jsonl, .jsonl.gz) or Parquet file of raw features."
)
@click.option("--rank", is_flag=True, help="Rows are candidates of one request; the first one's user asks.")
@click.option("--host", default="localhost", show_default=True)
@click.option("--port", type=int, help="By default `cluster.serving.grpc_port`, or `rest_port` with --rest.")
@click.option("--rest", is_flag=True, help="JSON over HTTP instead of gRPC.")
@click.option("--label", type=click.Choice(["stable", "canary"]), default="stable", show_default=True)
@click.option("--timeout", type=float, default=5.0, show_default=True, help="Seconds.")
@answers
def ask(
    config: str, source: str, rank: bool, host: str, port: int | None, rest: bool, label: str, timeout: float
) -> None:
    """Ask a running TF Serving for the rows of a file; prints item and probability, ranked with --rank."""
    from components.errors import DataRefused
    from pipeline.client import Client, NoAnswer
    from pipeline.columns import check, columns, read_table
    from pipeline.config import load_config

    found = load_config(config)
    declaration, serving = found.declared, found.cluster.serving
    table = read_table(source)
    check(declaration, table, source)
    if not table.num_rows:
        raise DataRefused(f"{source} has no rows: give some")
    asked = columns(declaration, table)
    usual = serving.rest_port if rest else serving.grpc_port
    client = Client(host, declaration.name, port or usual, label, rest, timeout)
    try:
        if rank:
            candidates = declaration.candidate_columns
            scores = client.rank(
                {name: value[0] for name, value in asked.items() if name not in candidates},
                {name: value for name, value in asked.items() if name in candidates},
            )
        else:
            scores = client.score(asked)
    except NoAnswer as error:
        raise click.ClickException(str(error)) from None
    items = table.column(declaration.item.name).to_pylist()
    found_rows = list(zip(items, scores.probability.tolist()))
    for item, probability in sorted(found_rows, key=lambda row: -row[1]) if rank else found_rows:
        click.echo(json.dumps({declaration.item.name: item, "probability": round(probability, 6)}))

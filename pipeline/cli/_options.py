"""Options that several commands have."""

from __future__ import annotations

import click

config_option = click.option(
    "--config", "-c", required=True, help="Name of a bundled configuration or a path to a .yaml file."
)
overrides_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, as trainer.epochs=2."
)
workspace_option = click.option("--workspace", "-w", required=True, help="Path or URI of the workspace.")
shared_workspace_option = click.option(
    "--workspace", "-w", help="URI that all containers see; by default `cluster.workspace`."
)

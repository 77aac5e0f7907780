"""What a run leaves for whoever is paged: a line on how it ended, metrics, a word to others, one sentence on Ctrl-C."""

from __future__ import annotations

import http.server
import json
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from click.testing import CliRunner
from rich.table import Table

from scenerank.components.records.attempt import KEPT, Attempt, attempts, note, rejections
from scenerank.components.records.evaluation import shown_name
from scenerank.components.records.run import RunRecord
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError, ExitCode
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.config import load_config
from scenerank.pipeline.daily.noted import Noted
from scenerank.pipeline.daily.notify import notify
from scenerank.pipeline.daily.settings import NotifySettings
from scenerank.pipeline.terminal import Progress, quiet

DAY = "2024-03-03"


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(str(tmp_path / "w"))


def attempt(number: int, **fields) -> Attempt:
    return Attempt(day=DAY, started=f"2024-03-04T00:00:00.{number:06d}+00:00", **fields)


def test_a_run_has_one_line_that_is_replaced_as_it_ends(workspace):
    note(workspace, attempt(1))
    note(workspace, attempt(2))
    note(workspace, attempt(1, state="failed", exit_code=1))
    assert [(a.started[-12:-6], a.state) for a in attempts(workspace)] == [("000002", "running"), ("000001", "failed")]


def test_the_last_runs_are_kept(workspace):
    text = "".join(attempt(n).model_dump_json(exclude_unset=True) + "\n" for n in range(KEPT))
    workspace.write_text(workspace.uri("reports", "runs.jsonl"), text)
    note(workspace, attempt(KEPT))
    known = attempts(workspace)
    assert len(known) == KEPT and known[-1] == attempt(KEPT) and known[0] == attempt(1)


def test_rejections_are_counted_up_to_the_last_model_that_was_judged():
    states = ["not blessed", "pushed", "not blessed", "failed", "not blessed", "refused"]
    assert rejections([attempt(n, state=state) for n, state in enumerate(states)]) == 2
    assert rejections([attempt(0, state="refused")]) == 0


def ended(workspace: Workspace, error: BaseException | None, **overrides) -> Attempt:
    config = load_config("simulator").model_copy(update=overrides)
    try:
        with Noted(config, workspace, DAY) as noted:
            assert attempts(workspace)[-1].state == "running"
            noted.component = "Trainer"
            if error is not None:
                raise error
            metrics = {"slices": {"": {"candidate": {"auc": 0.7, "pcoc": 1.1, "examples": 9}}}}
            noted.record = RunRecord.model_validate({"day": DAY, "version": 2024030301, "metrics": metrics})
    except BaseException as raised:
        assert raised is error
    return attempts(workspace)[-1]


@pytest.mark.parametrize("text", ["{", "[]", '{"rows_read": "many"}'])
def test_a_summary_that_cannot_be_read_does_not_hide_how_the_run_ended(tmp_path, text):
    workspace = Workspace(str(tmp_path / "w"))
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "summary.json").write_text(text)
    workspace.publish("quarantine", DAY, str(tmp_path / "q"))
    told = ended(workspace, DataError("the logs hold no row"))
    assert (told.sentence, told.rows) == ("the logs hold no row", None)


@pytest.mark.parametrize(
    ("error", "state", "code", "sentence"),
    [
        (DataError("the logs hold no row"), "refused", ExitCode.REFUSED, "the logs hold no row"),
        (RuntimeError("two\nlines"), "failed", ExitCode.FAILED, "RuntimeError: two lines"),
        (KeyboardInterrupt(), "interrupted", ExitCode.INTERRUPTED, "interrupted"),
    ],
)
def test_a_run_that_did_not_end_well_is_noted_with_its_sentence_and_component(workspace, error, state, code, sentence):
    found = ended(workspace, error)
    assert (found.state, found.exit_code, found.sentence, found.component) == (state, code, sentence, "Trainer")


def test_a_run_that_ended_well_is_noted_with_its_figures(workspace):
    found = ended(workspace, None)
    assert (found.state, found.exit_code, found.component, found.auc) == ("pushed", 0, "", 0.7)
    values = dict(
        line.split(" ")
        for line in workspace.read_text(workspace.uri("metrics.prom")).splitlines()
        if not line.startswith("#")
    )
    assert values['scenerank_auc{name="simulator"}'] == "0.7" and values['scenerank_pcoc{name="simulator"}'] == "1.1"
    assert values['scenerank_rejections{name="simulator"}'] == "0"


def test_metrics_count_failures_in_a_row(workspace):
    for error in (None, RuntimeError("x"), DataError("y")):
        ended(workspace, error)
    text = workspace.read_text(workspace.uri("metrics.prom"))
    assert 'scenerank_runs_failed{name="simulator"} 2\n' in text
    assert 'scenerank_run_exit_code{name="simulator"} 3\n' in text
    assert 'scenerank_auc{name="simulator"} 0.7\n' in text, "of the last that was evaluated"


def test_a_command_is_told_what_it_asks_for(workspace, tmp_path):
    copy = ("cp", "/dev/stdin", str(tmp_path / "told.json"))
    settings = NotifySettings(on=("refused",), command=copy)
    ended(workspace, RuntimeError("not asked for"), notify=settings)
    assert not (tmp_path / "told.json").exists()
    found = ended(workspace, DataError("no row"), notify=settings)
    assert Attempt.model_validate_json((tmp_path / "told.json").read_text()) == found


def test_a_webhook_is_told(workspace):
    heard = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            """Says nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ended(workspace, DataError("no row"), notify=NotifySettings(webhook=f"http://127.0.0.1:{server.server_port}/x"))
        server.shutdown()
    assert [(told["day"], told["sentence"]) for told in heard] == [(DAY, "no row")]


@pytest.mark.parametrize(
    "settings", [{"command": ("false",)}, {"command": ("/nowhere",)}, {"webhook": "http://[::1]:1"}]
)
def test_that_nobody_could_be_told_fails_nothing(settings, caplog):
    notify(NotifySettings(**settings), attempt(1, state="failed"))
    assert "nobody was told" in caplog.text


def test_show_as_json(workspace):
    ended(workspace, DataError("no row"))
    (told,) = CliRunner().invoke(main, ["show", "-w", workspace.root, "--json"]).output.splitlines()
    shown = json.loads(told)
    assert shown["days"] == [] and shown["versions"] == [] and shown["runs"][0]["sentence"] == "no row"


def test_logs_of_the_last_run_and_of_a_day(workspace):
    refused = CliRunner().invoke(main, ["logs", "-w", workspace.root])
    assert refused.exit_code == ExitCode.REFUSED and "no log of a run in" in refused.output
    for name in ("2024-03-02-20240304T100000", "2024-03-02-20240304T110000", "2024-03-01-20240304T103000"):
        workspace.write_text(workspace.uri("tfx", "logs", f"{name}.log"), name)
    assert CliRunner().invoke(main, ["logs", "-w", workspace.root]).output == "2024-03-02-20240304T110000"
    told = CliRunner().invoke(main, ["logs", "-w", workspace.root, "--day", "2024-03-01", "--path"]).output
    assert told.endswith("2024-03-01-20240304T103000.log\n")


def test_the_slice_of_all_has_a_name_that_no_scenario_has():
    names = ["", "all", "all scenarios", "[/app]", "a[b]c"]
    assert len({shown_name(name) for name in names}) == len(names)


STUBBORN = """
import sys, time
import click
from scenerank.pipeline.cli._errors import exits

@click.command()
@click.option("--swallowed", type=int)
@exits
def command(swallowed):
    print("ready", flush=True)
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:  # as a destructor does
            swallowed -= 1
            if swallowed < 0:
                raise

command()
"""


@pytest.mark.parametrize("swallowed", [0, 1, 1000])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_an_interrupt_ends_a_command_though_it_is_swallowed(number, code, swallowed):
    script = [sys.executable, "-c", textwrap.dedent(STUBBORN), "--swallowed", str(swallowed)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(script, **pipes, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert errors == "scenerank: interrupted; what is published and what is in service is whole\n"


def test_texts_of_logs_are_text_on_a_terminal(tmp_path, capfd):
    with quiet(str(tmp_path / "log")) as console:
        table = Table("scenario", box=None)
        table.add_row("a[b]c")
        table.add_row("[/app]")
        console.print(table)
        Progress(console)("2024-03-03", "Trainer [/x]", "finished")
    printed = capfd.readouterr().out
    assert all(text in printed for text in ("a[b]c", "[/app]", "Trainer [/x]", "2024-03-03"))

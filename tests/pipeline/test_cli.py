import subprocess
import sys

import pytest
from click.testing import CliRunner

from scenerank.errors import ExitCode
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.cli.run import _days


def call(*args):
    return CliRunner().invoke(main, list(args))


def test_help_imports_nothing_heavy():
    heavy = "('tensorflow', 'tfx', 'apache_beam', 'pyarrow')"
    code = f"import sys, scenerank.pipeline.cli.main; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_exit_codes_are_documented():
    text = call("--help").output
    for code in (ExitCode.NOT_BLESSED, ExitCode.REFUSED, ExitCode.USAGE):
        assert f"{code} " in text


@pytest.mark.parametrize(
    "args",
    [
        ("--day", "2022-13-01"),
        ("--day", ""),
        ("--from", "2022-01-01", "--to", "20220102"),
        (),
        ("--from", "2022-01-01"),
        ("--day", "2022-01-01", "--from", "2022-01-01", "--to", "2022-01-02"),
        ("--from", "2022-01-02", "--to", "2022-01-01"),
    ],
)
def test_wrong_days(args, tmp_path):
    result = call("run", "-w", str(tmp_path), "-c", "simulator", *args)
    assert result.exit_code == ExitCode.USAGE


def test_days():
    assert _days(None, "2022-02-27", "2022-03-01") == ["2022-02-27", "2022-02-28", "2022-03-01"]


def test_show_of_an_empty_workspace(tmp_path):
    result = call("show", "-w", str(tmp_path))
    assert result.exit_code == 0


def test_predict_without_a_model(tmp_path):
    result = call("predict", "-w", str(tmp_path), "--input", "x.jsonl", "--output", "y.jsonl")
    assert result.exit_code == ExitCode.REFUSED
    assert "run a day first" in result.output


def test_report_without_a_run(tmp_path):
    assert call("report", "-w", str(tmp_path)).exit_code == ExitCode.REFUSED

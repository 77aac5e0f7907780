import pathlib

from pipeline.reference import configuration, renewed

README = pathlib.Path(__file__).parents[2] / "README.md"


def test_readme_is_up_to_date():
    text = README.read_text()
    assert renewed(text) == text, "run: python -m pipeline.reference README.md"


def test_every_setting_has_a_meaning():
    without = [row for row in configuration().splitlines()[2:] if row.endswith("|  |")]
    assert without == []

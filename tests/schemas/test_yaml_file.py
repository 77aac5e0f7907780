"""YAML that others wrote."""

import pathlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scenerank.schemas.yaml_file import LARGEST, MOST, parse_yaml, read_yaml

LEVELS = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
LEVELS += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
EVIL = {
    "names types": "x: !!python/object/apply:os.system ['touch {touched}']",
    "aliases of aliases": "\n".join(LEVELS),
    "itself": "x: &x [*x]",
    "deep": "[" * 20_000 + "]" * 20_000,
    "many values": f"[{'1, ' * (MOST + 1)}]",
}
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.sampled_from("abc"), min_size=1), inner),
    max_leaves=20,
)


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
def test_what_is_no_configuration_is_an_error(text, tmp_path):
    touched = tmp_path / "touched"
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text.replace("{touched}", str(touched)))
    assert not touched.exists()


@given(plain)
def test_plain_values_come_back(value):
    assert parse_yaml(yaml.safe_dump(value)) == value


def test_aliases_are_read():
    assert parse_yaml("a: &a {b: 1}\nc: *a\nd: {<<: *a, e: 2}") == {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}
    assert parse_yaml("") is None


def test_large_files_and_other_files_are_no_configuration(tmp_path):
    large, binary = tmp_path / "large.yaml", tmp_path / "binary.yaml"
    large.write_text("# " + "x" * LARGEST)
    binary.write_bytes(b"\x89HDF\r\n\x1a\n\xff\xfe")
    for path in (large, binary):
        with pytest.raises(yaml.YAMLError):
            read_yaml(path)
    with pytest.raises(OSError):
        read_yaml(pathlib.Path(tmp_path))

"""The encoder against Protocol Buffers' own."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.example.example_pb2 import Example

from scenerank.components.log_example_gen.writing.tf_example import encode, varint

INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=32, allow_nan=False)
ROW = st.fixed_dictionaries(
    {
        "i": INTEGERS, "f": FLOATS, "s": st.text(max_size=300),
        "is": st.lists(INTEGERS, max_size=5), "fs": st.lists(FLOATS, max_size=5), "ss": st.lists(st.text(), max_size=5),
    }
)  # fmt: skip
SCHEMA = pa.schema(
    {
        "i": pa.int64(), "f": pa.float32(), "s": pa.string(),
        "is": pa.list_(pa.int64()), "fs": pa.list_(pa.float32()), "ss": pa.list_(pa.string()),
    }
)  # fmt: skip
KINDS = {"i": "int64_list", "f": "float_list", "s": "bytes_list"}


def read(record: bytes) -> dict:
    example = Example.FromString(record)
    out = {}
    for name, feature in example.features.feature.items():
        assert feature.WhichOneof("kind") == KINDS[name[0]]
        values = list(getattr(feature, KINDS[name[0]]).value)
        values = [v.decode() for v in values] if name[0] == "s" else values
        out[name] = values if len(name) == 2 else values[0]
    return out


@settings(deadline=None)
@given(st.lists(ROW, max_size=6), st.integers(0, 3))
def test_what_is_encoded_is_read_again(rows, skipped):
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)[skipped:]
    assert [read(record) for record in encode(batch)] == rows[skipped:]


def test_bytes_are_those_of_protocol_buffers():
    batch = pa.RecordBatch.from_pylist([{"a": [], "b": [1, -1], "c": [0.0], "d": [""]}], schema=pa.schema(
        {"a": pa.list_(pa.int64()), "b": pa.list_(pa.int64()), "c": pa.list_(pa.float32()), "d": pa.list_(pa.string())}
    ))  # fmt: skip
    example = Example()
    example.features.feature["a"].int64_list.SetInParent()
    example.features.feature["b"].int64_list.value.extend([1, -1])
    example.features.feature["c"].float_list.value.append(0.0)
    example.features.feature["d"].bytes_list.value.append(b"")
    assert encode(batch) == [example.SerializeToString(deterministic=True)]


@pytest.mark.parametrize("value", [0, 1, 127, 128, 16_383, 16_384, 2**63])
def test_varint_ends_where_it_should(value):
    encoded = varint(value)
    assert all(byte & 0x80 for byte in encoded[:-1]) and encoded[-1] < 0x80
    assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(encoded)) == value


def test_refuses_nulls_and_other_types():
    with pytest.raises(ValueError, match="'x' holds nulls"):
        encode(pa.RecordBatch.from_pydict({"x": pa.array([1, None])}))
    with pytest.raises(ValueError, match="'x' is of type double"):
        encode(pa.RecordBatch.from_pydict({"x": pa.array(np.zeros(2))}))

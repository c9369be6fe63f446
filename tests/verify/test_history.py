"""Histories survive a file, and a broken one is a clear error."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinning.verify.history import HistoryError, Kind, Operation, read_history, write_history

READ = Operation(
    kind=Kind.READ,
    session="browser 1",
    client="browser 1",
    sent=1.5,
    answered=2.25,
    value=7,
    alias="replica1",
    reason="caught_up",
)
RAW = json.loads(READ.to_line())

operations = st.builds(
    lambda at, seconds, **rest: Operation(sent=at, answered=at + seconds, **rest),
    st.floats(0, 1e6),
    st.floats(0, 60),
    kind=st.sampled_from(Kind),
    session=st.text(),
    client=st.text(),
    status=st.integers(0, 599),
    value=st.integers(0, 2**63),
    least=st.integers(0, 2**63),
    way=st.text(),
    alias=st.text(),
    reason=st.text(),
)


@given(operations)
def test_a_line_carries_an_operation(operation):
    assert Operation.from_line(operation.to_line()) == operation
    assert "\n" not in operation.to_line()


@pytest.mark.parametrize("name", ["history.jsonl", "history.jsonl.gz"])
def test_a_file_carries_a_history(tmp_path, name):
    path = tmp_path / name
    write_history(path, [READ, READ])
    assert list(read_history(path)) == [READ, READ]


def test_a_name_that_ends_with_gz_is_of_a_compressed_file(tmp_path):
    write_history(tmp_path / "history.gz", [READ] * 100)
    assert gzip.decompress((tmp_path / "history.gz").read_bytes()).count(b"\n") == 100


@pytest.mark.parametrize("end", [b"", b"not compressed"])
def test_a_compressed_file_that_is_broken_off_is_named(tmp_path, end):
    path = tmp_path / "history.gz"
    write_history(path, [READ] * 1000)
    path.write_bytes(path.read_bytes()[:50] + end)
    with pytest.raises(HistoryError, match=r"history.gz, line 1: "):
        list(read_history(path))


def test_what_has_a_default_may_be_left_out():
    line = json.dumps({name: RAW[name] for name in RAW if name not in {"alias", "reason"}})
    assert Operation.from_line(line).alias == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "no JSON"),
        ('{"kind": "read', "no JSON"),
        ("[]", "no JSON object"),
        ("7", "no JSON object"),
        (json.dumps({**RAW, "more": 1}), "'more' is no field"),
        (json.dumps({name: RAW[name] for name in RAW if name != "sent"}), "'sent' is missing"),
        (json.dumps({**RAW, "kind": "dance"}), "'kind' is 'dance', none of write, read"),
        (json.dumps({**RAW, "kind": []}), "'kind' is"),
        (json.dumps({**RAW, "value": "7"}), "'value' is '7'"),
        (json.dumps({**RAW, "value": True}), "'value' is True"),
        (json.dumps({**RAW, "value": None}), "a read without a 'value'"),
        (json.dumps({**RAW, "status": None}), "'status' is None"),
        (json.dumps({**RAW, "sent": 3.0}), "answered before it was sent"),
        (json.dumps({**RAW, "sent": float("nan")}), "answered before it was sent"),
    ],
)
def test_a_line_that_is_no_operation_is_named(tmp_path, line, words):
    path = tmp_path / "history.jsonl"
    path.write_text(f"{READ.to_line()}\n{line}\n")
    with pytest.raises(HistoryError, match=r"history.jsonl, line 2: ") as caught:
        list(read_history(path))
    assert words in str(caught.value)

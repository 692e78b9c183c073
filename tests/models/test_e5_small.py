"""The package's file of weights is read as it is laid out: sizes, pieces of text, weights of four bits and of 32."""

import struct
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from refinery.cli import app
from refinery.errors import ModelError
from refinery.models import e5_small

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁订", "单"]
WIDTH = 32


def packed(rows: np.ndarray) -> bytes:
    """Rows of 32 in blocks of four bits under a scale each."""
    found = b""
    for row in rows:
        halves = (row[:16].astype(np.uint8) + 8) | ((row[16:].astype(np.uint8) + 8) << 4)
        found += np.float16(0.5).tobytes() + halves.astype(np.uint8).tobytes()
    return found


def file(magic: bytes = b"E5S1") -> bytes:
    """Of a network without layers: the words' rows and a bias."""
    head = struct.pack("<4sI7ifi", magic, 1, WIDTH, 0, 1, 64, len(PIECES), 16, 2, 1e-12, 32)
    text = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, text)]).astype("<u4")
    scores = -np.arange(len(PIECES), dtype="<f4")
    pieces = struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(ends[-1])) + ends.tobytes() + scores.tobytes()
    pieces += b"".join(text) + struct.pack("<iI", 1, 5) + b"fold."
    tensors = [("emb.word", 1, packed(words())), ("l0.q.b", 0, np.arange(WIDTH, dtype="<f4").tobytes())]
    start = len(head) + len(pieces) + 4 + sum(23 + len(name) for name, *_ in tensors)
    listed, body = struct.pack("<i", len(tensors)), b""
    for name, kind, raw in tensors:
        listed += struct.pack("<H", len(name)) + name.encode()
        listed += struct.pack("<BIQQ", kind, 0, start + len(body), len(raw))
        body += raw
    return head + pieces + listed + body


def words() -> np.ndarray:
    return (np.arange(len(PIECES) * WIDTH).reshape(-1, WIDTH) % 16 - 8).astype(np.int8)


def test_sizes_pieces_and_weights_come_out_as_they_went_in():
    found = e5_small.read(file())
    assert found.sizes["hidden_size"] == WIDTH
    assert found.sizes["vocab_size"] == len(PIECES)
    assert found.pieces == [(piece, -float(i)) for i, piece in enumerate(PIECES)]
    assert np.array_equal(found.weights["embeddings.word_embeddings.weight"], words() * np.float32(0.5))
    assert np.array_equal(found.weights["encoder.layer.0.attention.self.query.bias"], np.arange(WIDTH))


def test_a_file_of_another_form_is_refused():
    with pytest.raises(ModelError, match="not of the form that is read here"):
        e5_small.read(file(b"E5S2"))


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path):
    (tmp_path / "x").write_text("mine")
    done = CliRunner().invoke(app, ["models", "get", "e5-small", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "is there already and not empty" in done.output
    assert (tmp_path / "x").read_text() == "mine"

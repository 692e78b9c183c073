"""Embedders give one vector of length one a text, and load nothing heavy until asked."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from refinery.errors import ModelError
from refinery.models.embedding import HashEmbedder, SentenceTransformer

TEXTS = ["我的订单到哪里了？", "我的订单到哪儿了？", "Your refund was paid yesterday.", ""]


def test_like_wording_lies_near_and_other_wording_does_not():
    found = HashEmbedder().embed(TEXTS)
    near = found @ found.T
    assert near[0, 1] > 0.6
    assert abs(near[0, 2]) < 0.2


def test_vectors_have_length_one_and_a_text_of_nothing_is_zeros():
    lengths = np.linalg.norm(HashEmbedder().embed(TEXTS), axis=1)
    assert np.allclose(lengths, [1, 1, 1, 0])
    assert HashEmbedder(64).embed([]).shape == (0, 64)


def test_a_vector_does_not_depend_on_its_neighbours():
    embedder = HashEmbedder()
    assert np.array_equal(embedder.embed(TEXTS)[1], embedder.embed([TEXTS[1]])[0])


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelError, match=r"install refinery\[embed\]"):
        SentenceTransformer(Path("nowhere")).embed(["x"])


def test_no_module_of_the_plane_loads_anything_heavy():
    heavy = "('ray', 'torch', 'transformers', 'vllm', 'sentence_transformers')"
    modules = "chat, spec, script, http, vllm, responses, embedding, prompt, smollm2"
    code = f"import sys; from refinery.models import {modules}; print([m for m in {heavy} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert loaded.stdout.strip() == "[]"

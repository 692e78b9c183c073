"""Embedding and neighbours on a GPU beside the CPU of the same machine: how fast each is, and whether they agree.

    python -m benchmarks.semantic_gpu --embedder DIR --windows windows.json.gz --out figures.json

`windows.json.gz` holds {"texts", "owner", "sizes"}: what `semantic_texts.windows` makes of conversations.
Needs torch and sentence-transformers, and faiss if there is one. It imports nothing of refinery, so that it runs on a
machine that has only these.
"""

import argparse
import gzip
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[Any]
NEAREST = 32
"""Neighbours that are looked for, as the stage does first."""
LINKED = (0.9, 0.93, 0.95)
"""Cosines from which two conversations count as linked."""


def timed(work: Callable[[], Any], repeats: int = 3) -> tuple[Any, float]:
    """The result, and the median of the seconds it took; of several, after one try that is not counted."""
    if repeats > 1:
        work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - start)
    return found, float(np.median(seconds))


def means(vectors: Array, owner: Array, sizes: Array) -> Array:
    """The mean of each conversation's windows by size, in 16 bits, of length one."""
    _, starts = np.unique(owner, return_index=True)
    found = np.add.reduceat(vectors * sizes[:, None], starts)
    found = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def flat(points: Array, device: str, size: int = NEAREST) -> tuple[Array, Array]:
    """All against all by matrix products in 32 bits, as a flat index does."""
    held = torch.from_numpy(points).to(device)
    near, places = [], []
    for start in range(0, len(held), 8192):
        found = torch.topk(held[start : start + 8192] @ held.T, min(size, len(held)), dim=1)
        near.append(found.values.cpu())
        places.append(found.indices.cpu())
    return torch.cat(near).numpy(), torch.cat(places).numpy()


def pairs(near: Array, places: Array, points: Array, least: float) -> set[tuple[int, int]]:
    """Nominated pairs whose cosine in 64 bits is at least that, as the stage verifies them."""
    left, at = np.nonzero(near >= least - 0.001)
    both = np.unique(np.sort(np.stack([left, places[left, at]], axis=1), axis=1), axis=0)
    both = both[both[:, 0] != both[:, 1]]
    one, two = points[both[:, 0]].astype(np.float64), points[both[:, 1]].astype(np.float64)
    cosine = (one * two).sum(1) / np.sqrt((one * one).sum(1) * (two * two).sum(1))
    return set(map(tuple, both[cosine >= least].tolist()))


def same(one: set[tuple[int, int]], two: set[tuple[int, int]]) -> dict[str, int]:
    """How many pairs each has, and how many both."""
    return {"gpu": len(one), "cpu": len(two), "both": len(one & two)}


def embeddings(folder: str, texts: list[str], on_cpu: int) -> tuple[Array, dict[str, Any]]:
    """All texts on the GPU, some on the CPU, the same code on both."""
    import sentence_transformers

    few = [texts[i] for i in np.random.default_rng(7).choice(len(texts), on_cpu, replace=False)]
    models = {
        device: sentence_transformers.SentenceTransformer(folder, device=device, local_files_only=True)
        for device in ("cuda", "cpu")
    }

    def encode(device: str, some: list[str]) -> Array:
        return models[device].encode(some, batch_size=64, normalize_embeddings=True, show_progress_bar=False)

    every, seconds = timed(lambda: encode("cuda", texts))
    one = encode("cuda", few)
    encode("cpu", few[:32])
    start = time.perf_counter()
    two = encode("cpu", few)
    slow = time.perf_counter() - start
    cosine = (one.astype(np.float64) * two).sum(1)
    places = [np.argsort(-(x @ x.T), axis=1, kind="stable")[:, 1:11] for x in (one, two)]
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*places, strict=True)])
    return every, {
        "gpu_windows_a_second": len(texts) / seconds,
        "cpu_windows_a_second": on_cpu / slow,
        "n_gpu": len(texts),
        "n_cpu": on_cpu,
        "lowest_cosine": float(cosine.min()),
        "nearest_10_shared": float(shared),
        "linked": {str(least): same(*(_linked(x, least) for x in (one, two))) for least in LINKED},
    }


def _linked(vectors: Array, least: float) -> set[tuple[int, int]]:
    vectors = vectors.astype(np.float16).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return set(map(tuple, np.argwhere(np.triu(vectors @ vectors.T >= least, 1)).tolist()))


def neighbours(points: Array) -> dict[str, Any]:
    """All-against-all neighbours: faiss on the CPU, and on the GPU faiss where it runs, and torch."""
    ways = _ways()
    found: dict[str, Any] = {"n": len(points), "nearest": NEAREST}
    results = {}
    for name, way in ways.items():
        results[name], seconds = timed(lambda way=way: way(points), 1 if name.startswith("cpu") else 3)
        found[f"{name}_a_second"] = len(points) / seconds
    base = next(name for name in results if name.startswith("cpu"))
    for name, (near, places) in results.items():
        if name == base:
            continue
        shared = [len(set(a) & set(b)) for a, b in zip(places.tolist(), results[base][1].tolist(), strict=True)]
        found[f"{name}_shared_with_{base}"] = float(np.sum(shared) / places.size)
        found[f"{name}_largest_difference"] = float(np.abs(near - results[base][0]).max())
        found[f"{name}_linked"] = {
            str(least): same(pairs(near, places, points, least), pairs(*results[base], points, least))
            for least in LINKED
        }
    return found


def _ways() -> dict[str, Callable[[Any], tuple[Array, Array]]]:
    ways: dict[str, Callable[[Any], tuple[Array, Array]]] = {}
    try:
        import faiss

        product = faiss.METRIC_INNER_PRODUCT
        ways["cpu_faiss"] = lambda x: faiss.knn(x, x, NEAREST, metric=product)
        if faiss.get_num_gpus():
            room = faiss.StandardGpuResources()
            ways["gpu_faiss"] = lambda x: faiss.knn_gpu(room, x, x, NEAREST, metric=product)
    except (ImportError, OSError) as error:
        print(f"no faiss: {error}")
        ways["cpu_torch"] = lambda x: flat(x, "cpu")
    ways["gpu_torch"] = lambda x: flat(x, "cuda")
    return ways


def larger(points: Array, num: int) -> Array:
    """Points around the real ones, as many as asked for."""
    rng = np.random.default_rng(3)
    found = points[rng.integers(0, len(points), num)]
    found += rng.standard_normal(found.shape, np.float32) * np.float32(0.25 / np.sqrt(points.shape[1]))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def main() -> None:
    """Runs all parts and writes the figures; each part as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedder", required=True)
    parser.add_argument("--windows", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--vectors", help="where to keep the windows' vectors, in 16 bits")
    parser.add_argument("--on-cpu", type=int, default=1000)
    parser.add_argument("--sizes", default="100000")
    given = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    held = json.loads(gzip.decompress(Path(given.windows).read_bytes()))
    figures: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(),
        "cpu": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }

    def keep(name: str, value: object) -> None:
        figures[name] = value
        print(name, json.dumps(value), flush=True)
        Path(given.out).write_text(json.dumps(figures, indent=1))

    vectors, found = embeddings(given.embedder, held["texts"], given.on_cpu)
    keep("embed", found)
    if given.vectors:
        np.save(given.vectors, vectors.astype(np.float16))
    points = means(vectors, np.array(held["owner"]), np.array(held["sizes"], np.float32))
    keep("neighbours", neighbours(points))
    for size in map(int, given.sizes.split(",")):
        keep(f"neighbours_{size}", neighbours(larger(points, size)))


if __name__ == "__main__":
    main()

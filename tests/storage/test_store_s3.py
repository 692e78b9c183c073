"""The store on a real S3 server: put-if-absent that holds, files in parts and ranges, errors that say what to do."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from refinery.errors import StorageError
from refinery.storage import streams
from refinery.storage.shards import ShardWriter, WideFile, parquet
from refinery.storage.store import Store
from tests.storage import s3

pytestmark = pytest.mark.slow
RACES, RACERS = 60, 4


def test_of_many_writers_at_once_exactly_one_puts_a_file(prefix):
    stores = [Store(prefix) for _ in range(RACERS)]
    with ThreadPoolExecutor(8 * RACERS) as pool:  # a race's writers start together; races run side by side
        jobs = [
            [pool.submit(store.put_new, f"{race}.json", b"%d" % i) for i, store in enumerate(stores)]
            for race in range(RACES)
        ]
    for race, tries in enumerate(jobs):
        won = [job.result() for job in tries]
        assert won.count(True) == 1
        assert stores[0].read(f"{race}.json") == b"%d" % won.index(True)


def test_a_file_is_put_listed_sized_read_and_removed(prefix):
    store = Store(prefix)
    assert store.put_new("a/1.json", b"one")
    assert not store.put_new("a/1.json", b"two")
    assert store.put_new("b.json", b"three")
    assert store.read("a/1.json") == b"one"
    assert (store.size("a/1.json"), store.size("a/2.json")) == (3, None)
    assert store.list("a") == ["a/1.json"]
    store.remove_folder("a")
    store.remove_folder("nothing")
    assert store.list("") == ["b.json"]
    store.delete("b.json")
    assert store.list("") == []


def test_a_file_larger_than_a_part_goes_up_in_parts_and_is_not_sent_twice(prefix, tmp_path):
    store, data = Store(prefix), os.urandom(2**20) * 20
    for expected in (True, False):
        (tmp_path / "big").write_bytes(data)
        assert store.put_file_new("data/big", tmp_path / "big") is expected
        assert not (tmp_path / "big").exists()
    assert store.read("data/big") == data


def test_a_file_cut_short_is_written_again(prefix, tmp_path):
    store = Store(prefix)
    store.put_new("data/x", b"cut")
    (tmp_path / "x").write_bytes(b"cut short no more")
    assert store.put_file_new("data/x", tmp_path / "x")
    assert store.read("data/x") == b"cut short no more"


def _table(rows: int) -> pa.Table:
    return pa.table({"n": pa.array(range(rows)), "text": pa.array([os.urandom(300).hex() for _ in range(rows)])})


@pytest.mark.parametrize("rows", [5, 30_000])
@pytest.mark.parametrize("kind", ["table", "narrow", "wide"])
def test_files_of_rows_come_back_as_they_went(prefix, rows, kind):
    store, table = Store(prefix), _table(rows)
    with ShardWriter(store, table.schema, "scratch", kind) as out:
        out.write(table)
        file = out.finish("data", "x")
    assert store.size(file.path) == file.bytes
    assert (file.bytes > streams._WHOLE_BYTES) is (rows > 5)
    if kind == "wide":
        assert pa.concat_tables(WideFile(store, file.path).groups()).combine_chunks() == table.combine_chunks()
        assert pa.concat_tables(WideFile(store, file.path, ["n"]).groups())["n"].to_pylist() == list(range(rows))
    else:
        assert parquet(store, file.path).read().combine_chunks() == table.combine_chunks()
    assert list(store.temporary("scratch").parent.iterdir()) == []


def test_of_a_large_file_only_what_is_asked_for_is_fetched(prefix, monkeypatch):
    store, table = Store(prefix), _table(60_000)
    with ShardWriter(store, table.schema, "scratch", "wide") as out:
        out.write(table)
        file = out.finish("data", "x")
    fetched = []
    real = streams.obstore.get_range
    monkeypatch.setattr(
        streams.obstore,
        "get_range",
        lambda *a, start, length: fetched.append(length) or real(*a, start=start, length=length),
    )
    assert sum(part.num_rows for part in WideFile(store, file.path, ["n"]).groups()) == 60_000
    assert 0 < sum(fetched) < file.bytes / 10


def test_a_parquet_file_has_the_same_bytes_wherever_it_lies(prefix, tmp_path):
    def put(store: Store) -> bytes:
        table = pa.table({"n": pa.array(range(1000))})
        with ShardWriter(store, table.schema, "scratch") as out:
            out.write(table)
            return store.read(out.finish("data", "x").path)

    assert put(Store(prefix)) == put(Store(tmp_path))


FAULTS = {
    "secret": ({"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, "access refused (SignatureDoesNotMatch)", "AWS_SECRET"),
    "key": ({"AWS_ACCESS_KEY_ID": "not-the-key"}, "access refused (InvalidAccessKeyId)", "AWS_ACCESS_KEY_ID"),
    "endpoint": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "no answer from http://127.0.0.1:1", "AWS_ENDPOINT_URL"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_cannot_be_reached_says_so_at_once_and_without_a_secret(prefix, monkeypatch, fault):
    changed, what, do = FAULTS[fault]
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageError) as caught:
        Store(prefix).reach()
    said = str(caught.value)
    assert prefix in said and what in said and do in said
    assert not any(secret in said for secret in (s3.SECRET, "not-the"))


def test_a_bucket_that_is_not_there_is_named(prefix):
    with pytest.raises(StorageError, match=r"cannot open s3://nobody-made-it/lake: there is no such bucket"):
        Store("s3://nobody-made-it/lake").reach()
    with pytest.raises(StorageError, match=r"cannot write s3://nobody-made-it/lake/x: there is no such bucket"):
        Store("s3://nobody-made-it/lake").put_new("x", b"")
    with pytest.raises(StorageError, match=r"cannot open s3://nobody-made-it/lake/x: there is no such bucket"):
        Store("s3://nobody-made-it/lake").open("x")


def test_who_may_only_read_is_told_so_when_writing(prefix, monkeypatch, tmp_path):
    Store(prefix).put_new("x", b"1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.READER)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.READER_SECRET)
    store = Store(prefix)
    store.reach()
    assert store.read("x") == b"1"
    (tmp_path / "y").write_bytes(b"2")
    for refused in (lambda: store.put_new("z", b"2"), lambda: store.put_file_new("y", tmp_path / "y")):
        with pytest.raises(
            StorageError, match=r"cannot write s3://.*: access refused \(AccessDenied\); check"
        ) as caught:
            refused()
        assert s3.READER_SECRET not in str(caught.value)


def test_a_table_written_here_is_read_there(prefix, tmp_path):
    """What other tools read: the file is plain Parquet under its address."""
    store = Store(prefix)
    with ShardWriter(store, pa.schema([("n", pa.int64())]), "scratch") as out:
        out.write(pa.table({"n": [1, 2]}))
        file = out.finish("data", "x")
    (tmp_path / "x.parquet").write_bytes(store.read(file.path))
    assert pq.read_table(tmp_path / "x.parquet")["n"].to_pylist() == [1, 2]
    assert store.address(file.path) == f"{prefix}/{file.path}"
    assert Path(file.path).suffix == ".parquet"

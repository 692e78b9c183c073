"""Archives and packed files built byte by byte, so that they can be broken where it hurts."""
# ruff: noqa: E501 (formats read best a line each)

import gzip
import io
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterable

import pyarrow as pa

Members = Iterable[tuple[str, bytes]]


def gz(data: bytes) -> bytes:
    """One member, without a clock."""
    return gzip.compress(data, mtime=0)


def zst(data: bytes) -> bytes:
    """One frame."""
    return bytes(pa.compress(data, "zstd", asbytes=True))


def tar(*members: tuple[str, bytes], end: bool = True, kind: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of files; without its end mark if asked for."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        at = out.tell()
    return out.getvalue() if end else out.getvalue()[:at]


def odd_tar(*members: tuple[str, bytes]) -> bytes:
    """A file between members that are none: links, a device, a pipe, a folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (("loop.jsonl", tarfile.SYMTYPE), ("hard.jsonl", tarfile.LNKTYPE), ("dev.jsonl", tarfile.CHRTYPE),
                           ("pipe.jsonl", tarfile.FIFOTYPE), ("folder.jsonl", tarfile.DIRTYPE)):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "loop.jsonl"
            archive.addfile(info)
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def header(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    """A tar header with a right sum, whatever its size says."""
    head = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size.ljust(12, b"\0") + b"00000000000\0"
    rest = kind + bytes(100) + b"ustar\x0000" + bytes(64 + 16)
    sum_ = sum(head) + 8 * 32 + sum(rest)
    return (head + b"%06o\0 " % sum_ + rest).ljust(512, b"\0")


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # of two members of one name
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return out.getvalue()


def encrypted(data: bytes) -> bytes:
    """The zip with its first member marked as encrypted, in its header and in the directory."""
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.index(mark) + at
        data = data[:place] + bytes([data[place] | 1]) + data[place + 1 :]
    return data


def overlapping(name: str, data: bytes, times: int) -> bytes:
    """A zip whose directory names one file many times: it unpacks to far more than it holds."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packed.compress(data) + packed.flush()
    raw, check = name.encode(), zlib.crc32(data)
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, check, len(body), len(data), len(raw), 0) + raw + body
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 33, check, len(body), len(data), len(raw), 0, 0, 0, 0, 0, 0
    ) + raw  # fmt: skip
    directory = entry * times
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, times, times, len(directory), len(local), 0)
    return local + directory + end


def zeros_gz(mebibytes: int) -> bytes:
    """Zeros, a thousand of them a byte: one member a mebibyte, so that gigabytes are made at once."""
    return gz(bytes(2**20)) * mebibytes


def zeros_zst(mebibytes: int) -> bytes:
    """Zeros, thirty thousand of them a byte."""
    return zst(bytes(2**20)) * mebibytes


def flipped(data: bytes, at: float, bits: int = 0xFF) -> bytes:
    """One byte changed, at a share of the length."""
    place = int(len(data) * at)
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]

"""What is packed, unpacked as a stream: gz, zst, tar and zip, in bounded memory, with nothing laid on the disk.

All of it is hostile until read: what it unpacks to is counted, headers are read in small pieces, names are data. A
fault costs a member, or, where the file's own packing is at fault, what stands behind it (`WholeFile`).
"""

import gzip
import io
import re
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, BinaryIO, Final, NamedTuple, cast

from refinery.errors import ParseError

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError, ZstdFile
else:
    from backports.zstd import ZstdError, ZstdFile

_BROKEN: Final = (
    EOFError, OSError, zlib.error, ZstdError, struct.error, tarfile.TarError, zipfile.BadZipFile, ValueError,
    OverflowError, NotImplementedError, RuntimeError, IndexError, KeyError,
)  # fmt: skip
"""What decoders raise on bytes that are not theirs; an OSError that has a number is the machine's, not the file's."""
_PIECE: Final = 2**14
"""Bytes decoded at a time: of what stood before a fault, at most a piece is lost with it."""
_BUFFER: Final = 2**17
_MAX_HEADER: Final = 2**16
"""Bytes of tar headers that one member may have: names, extended attributes."""
_MAX_DIRECTORY: Final = 2**25
"""Bytes of a zip's directory, 46 and a name a member, so 700,000 members at most: as objects they take ten times it."""
_DIGITS: Final = re.compile(rb"[0-9]{40}")


class WholeFile(ParseError):
    """The fault is the file's: nothing behind this point of it is read."""


class Member(NamedTuple):
    """One member of an archive: its name, and its bytes, or what it is where it holds none (`link`)."""

    name: str
    open: Callable[[], BinaryIO]
    other: str | None = None


class Allowance:
    """Bytes that one file may yet unpack to, at one level of packing."""

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit

    def take(self, num: int) -> int:
        """How many of the bytes may be had; raises WholeFile when none are left."""
        if num > 0 and not self._left:
            raise WholeFile(
                "expands_too_much", f"over {self._limit} bytes unpacked (max_expansion); the rest was not read"
            )
        taken = min(num, self._left)
        self._left -= taken
        return taken

    def spend(self, num: int) -> None:
        """Counts bytes that are had all or not at all; raises WholeFile when fewer are left."""
        if num > self._left:
            self._left = 0
        self.take(num)


def unpacked(name: str, handle: BinaryIO, allowance: Allowance, fault: type[ParseError]) -> tuple[str, BinaryIO]:
    """The name without the ending of its packing, and the bytes within, all members of a gz and frames of a zst."""
    name = re.sub(r"\.tgz$", ".tar.gz", name.lower())
    if name.endswith(".gz"):
        inner: Any = gzip.GzipFile(fileobj=handle)
    elif name.endswith(".zst"):
        # Not Arrow's: at a fault it gives nothing of the piece before it. Windows over 128 MiB are refused.
        inner = ZstdFile(handle)
    else:
        return name, handle
    return name.rpartition(".")[0], _buffered(inner, allowance, fault)


def tar_members(handle: BinaryIO, allowance: Allowance) -> Iterator[Member]:
    """The members in order, each to be read before the next is asked for; raises WholeFile at a fault of the tar."""
    stream = _Forward(handle)
    with _faults(WholeFile):
        archive = tarfile.TarFile(fileobj=cast(IO[bytes], stream), encoding="utf-8")
    while True:
        with _faults(WholeFile):
            stream.begin_header()
            info = archive.next()
        archive.members.clear()  # type: ignore[attr-defined]  # else it keeps all that it has seen
        if info is None:
            break
        if not info.isdir():
            other = None if info.isfile() else "link" if info.issym() or info.islnk() else "no regular file"
            yield Member(_name(info.name), partial(_tar_bytes, archive, stream, info, allowance), other)
    stream.check_end()


def zip_members(handle: BinaryIO, allowance: Allowance) -> Iterator[Member]:
    """The members as the directory lists them; raises WholeFile where there is no directory."""
    stream = _ShortReads(handle)
    try:
        with _faults(WholeFile):
            archive = zipfile.ZipFile(cast(IO[bytes], stream))
    except WholeFile:
        if stream.failed:
            raise stream.failed from None
        raise
    for info in archive.infolist():
        if not info.filename.endswith("/"):
            yield Member(_name(info.filename), partial(_zip_bytes, archive, info, allowance))


def _tar_bytes(archive: tarfile.TarFile, stream: "_Forward", info: tarfile.TarInfo, allowance: Allowance) -> BinaryIO:
    stream.begin_content()
    with _faults(ParseError):
        return _buffered(archive.extractfile(info), allowance, ParseError)


def _zip_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> BinaryIO:
    if info.flag_bits & 0x2041:  # encrypted, strongly encrypted, directory masked
        raise ParseError("encrypted_member", "a password is not asked for; write archives without")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ParseError("unknown_packing", f"zip method {info.compress_type}; known: 0 (stored), 8 (deflate)")
    with _faults(ParseError):
        return _buffered(archive.open(info), allowance, ParseError)


def _buffered(inner: Any, allowance: Allowance, fault: type[ParseError]) -> BinaryIO:  # noqa: ANN401 (decoders differ)
    return cast(BinaryIO, io.BufferedReader(_Decoded(inner, allowance, fault), _BUFFER))


@contextmanager
def _faults(fault: type[ParseError]) -> Iterator[None]:
    """Errors of decoders as a ParseError, in our words: theirs may quote names."""
    try:
        yield
    except ParseError:
        raise
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        cut = isinstance(error, EOFError) or any(words in str(error) for words in ("runcated", "unexpected end"))
        reason = "truncated_file" if cut else "corrupt_file"
        raise fault(reason, f"{type(error).__name__}: what stood before this point was read") from None


class _Decoded(io.RawIOBase):
    """What a decoder gives, counted; once it has failed it fails again, so that nothing behind a fault is read."""

    def __init__(self, inner: Any, allowance: Allowance, fault: type[ParseError]) -> None:  # noqa: ANN401
        self._read = getattr(inner, "read1", inner.read)
        self._allowance, self._fault = allowance, fault
        self._failed: ParseError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (a writable buffer)
        if self._failed:
            raise self._failed
        try:
            with _faults(self._fault):
                data: bytes = self._read(min(len(buffer), _PIECE))
            num = self._allowance.take(len(data))
        except ParseError as error:
            self._failed = error
            raise
        buffer[:num] = data[:num]
        return num


class _Forward:
    """What tarfile reads from: it goes forward only, and gives few bytes to headers.

    tarfile trusts sizes: a header may claim a gigabyte of name, or a size below zero that leads back to itself.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle, self._at, self._header_left = handle, 0, _MAX_HEADER
        self._in_header, self._last = True, b""

    def begin_header(self) -> None:
        self._header_left, self._in_header = _MAX_HEADER, True

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        return self._at

    def seek(self, position: int, whence: int = 0) -> int:
        if whence or position < self._at:
            raise WholeFile("corrupt_file", "a size that leads back into the archive")
        while self._at < position and (data := self._handle.read(min(position - self._at, _BUFFER))):
            self._at += len(data)
        return self._at

    def read(self, size: int = -1) -> bytes:
        if self._in_header:
            self._header_left -= size
            if size < 0 or self._header_left < 0:
                raise WholeFile("corrupt_file", f"over {_MAX_HEADER} bytes of headers of one member")
        data = self._handle.read(size)
        self._at += len(data)
        if not self._in_header and len(data) < size:
            raise WholeFile("truncated_file", "the archive ends within a member; what stood before was read")
        if self._in_header:
            self._last = data
            # Python before 3.11.10 takes time in the square of a run of digits in a header (CVE-2024-6232).
            if size > tarfile.BLOCKSIZE and _DIGITS.search(data):
                raise WholeFile("corrupt_file", "a header with a number of over 40 digits")
        return data

    def begin_content(self) -> None:
        self._in_header = False

    def check_end(self) -> None:
        """Raises WholeFile unless the archive has its end mark and nothing but padding behind it.

        tarfile takes a broken header in the middle for the end, without a word. Reading on lets gz check its sum.
        """
        if len(self._last) < tarfile.BLOCKSIZE:
            raise WholeFile("truncated_file", "no end mark: what stood before this point was read")
        if any(self._last):
            raise WholeFile("corrupt_file", "a header is broken: what stood before this point was read")
        while rest := self._handle.read(_BUFFER):
            if any(rest):
                raise WholeFile("corrupt_file", "more than padding stands behind the end mark; it was not read")


class _ShortReads:
    """What zipfile reads from: no read is longer than the largest directory that is taken.

    `failed` is an error of the machine: zipfile takes each for one of the file.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self.failed: OSError | None = None
        self.seek, self.tell, self.seekable = handle.seek, handle.tell, handle.seekable

    def read(self, size: int = -1) -> bytes:
        if size > _MAX_DIRECTORY:
            raise WholeFile("too_many_members", f"a directory of over {_MAX_DIRECTORY} bytes; write several archives")
        try:
            return self._handle.read(size)
        except OSError as error:
            self.failed = error
            raise


def _name(name: str) -> str:
    """A member's name as text: bytes of other encodings are shown, not kept."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")

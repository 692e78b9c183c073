"""Tables sealed under the deployment's key: what a run must keep between two passes before it is masked.

AES-GCM-SIV (RFC 8452) under a key derived from the deployment's: equal tables give equal bytes, as the names of files
by content ask for, and whoever has the files and not the key learns at most that two pieces are equal.
"""

from typing import Final

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from refinery.errors import StorageError

_NONCE: Final = bytes(12)  # fixed: this mode stays safe under one nonce, but for showing that two texts are equal
_PACKED: Final = pa.ipc.IpcWriteOptions(compression="lz4")


class Seal:
    """Seals and opens tables under one key; tables of at most 2 GiB packed."""

    def __init__(self, key: bytes) -> None:
        derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"refinery sealed tables").derive(key)
        self._cipher = AESGCMSIV(derived)

    def close(self, table: pa.Table) -> bytes:
        """The table as bytes that nobody reads without the key."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=_PACKED) as writer:
            writer.write_table(table.combine_chunks())
        return self._cipher.encrypt(_NONCE, sink.getvalue().to_pybytes(), None)

    def open(self, sealed: bytes) -> pa.Table:
        """The table again; raises StorageError where the bytes were changed or sealed under another key."""
        try:
            return pa.ipc.open_stream(self._cipher.decrypt(_NONCE, sealed, None)).read_all()
        except InvalidTag:
            raise StorageError(
                "a sealed work file was changed, or written under another key; remove the run's folder (runs/<run id>) "
                "in the lake and run again"
            ) from None

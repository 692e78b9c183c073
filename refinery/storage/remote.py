"""Remote places: how they are reached, one client a process and place, and what to say when one refuses.

Writing and the lake go through obstore, listing and reading of sources and DuckDB's own reads through fsspec (of S3:
s3fs). Both take credentials, region and endpoint from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_SESSION_TOKEN`, `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL`), and from nowhere else in Refinery.
"""

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import obstore
import obstore.store
from obstore.exceptions import BaseError

from refinery.errors import StorageError

SCHEMES: Final = ("s3", "gs", "az")
"""Of stores that lakes may lie in; sources may lie wherever fsspec reads."""
_VARIABLES: Final = ("AWS_", "GOOGLE_", "AZURE_")
_KEYS: Final = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})
_PASSWORD: Final = re.compile(r"://[^/@\[]*:(?!\d+(?:/|$))")
"""A colon before the path that no port follows (secrets of S3 may hold slashes)."""
_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3} [A-Za-z ]{1,40})")
_NAMES: Final = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
_SET: Final = f"set {_NAMES} (or what the store uses)"
_IDENTITY: Final = ("/latest/api/token", "/latest/meta-data", "/computeMetadata", "/metadata/identity")
"""Where a machine of a cloud would get its keys: asked when there are none in the environment."""
_REFUSED: Final = {"PermissionError", "PermissionDeniedError", "UnauthenticatedError"}
_SILENT: Final = {
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionError",
    "TimeoutError",
}


def settings() -> dict[str, str]:
    """The variables that say how to reach object stores; they hold secrets and are never shown."""
    return {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)}


def adopt(variables: Mapping[str, str]) -> None:
    """Takes over a driver's settings on a worker, where its machine says nothing else.

    A machine that has keys of its own keeps all of them: parts of two sets of keys are none.
    """
    keys = set() if _KEYS & os.environ.keys() else _KEYS
    for name, value in variables.items():
        if name not in os.environ and (name in keys or name not in _KEYS):
            os.environ[name] = value


def checked(url: str) -> str:
    """The URL; raises StorageError, without repeating it, where it holds a password."""
    if _PASSWORD.search(url):
        raise StorageError(
            f"a {url.partition('://')[0]}:// address holds a password, and addresses are written down in lakes and "
            "logs; take it out and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or what the store uses)"
        )
    return url


def client(url: str) -> Any:  # noqa: ANN401 (obstore's union of store classes)
    """The obstore client of a bucket and prefix: one a process, made anew where the environment changed."""
    return _client(url, tuple(sorted(settings().items())), None)


def reach(url: str) -> None:
    """Raises StorageError, within seconds and not after a run's patient retries, where nobody answers or lets us in."""
    found = _client(url, tuple(sorted(settings().items())), timedelta(seconds=10))
    try:
        next(iter(obstore.list(found)), None)
    except (BaseError, OSError) as error:
        raise StorageError(f"cannot open {url}: {why(error)}") from error


@lru_cache(maxsize=8)
def _client(url: str, _: tuple[tuple[str, str], ...], patience: timedelta | None) -> Any:  # noqa: ANN401
    options = {"timeout": "10m", "read_timeout": "30s", "allow_http": endpoint().startswith("http://")}
    retries = None if patience is None else {"max_retries": 2, "retry_timeout": patience}
    from_url: Any = obstore.store.from_url  # its overloads know no kind of store before it is made
    if url.partition("://")[0] not in SCHEMES:
        raise StorageError(f"{url}: no lake can lie there; known: a folder, {', '.join(f'{s}://' for s in SCHEMES)}")
    try:
        return from_url(url, client_options=options, retry_config=retries)
    except (BaseError, ValueError) as error:
        raise StorageError(f"cannot open {url}: {why(error)}") from error


def endpoint() -> str:
    """The address of the S3 service that the environment names; empty for Amazon's own."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def why(error: BaseException) -> str:
    """What went wrong and what to do, without a secret in it: of a server's answer only its code is repeated."""
    names, text = {kind.__name__ for kind in type(error).__mro__}, str(error)
    code, status = _code(error, text), (_STATUS.search(text) or [""] * 2)[1].strip()
    said = f" ({code or status})" if code or status else ""
    for holds, words in (
        (
            "NoCredentialsError" in names or any(path in text for path in _IDENTITY),
            "no credentials were found; " + _SET,
        ),
        (
            names & _REFUSED or status[:3] in ("401", "403"),
            f"access refused{said}; check {_NAMES} and what they may do",
        ),
        ("FileExpired" in names, "it changed while it was read; run again when nobody writes there"),
        (code == "NoSuchBucket", "there is no such bucket (NoSuchBucket); make it, or check the address and endpoint"),
        ("FileNotFoundError" in names, f"nothing is there{said}"),
        (names & _SILENT or "error sending request" in text, f"no answer from {_shown()}; check AWS_ENDPOINT_URL"),
    ):
        if holds:
            return words
    first = text.strip().partition("\n")[0].partition("<")[0].partition(" - Server returned")[0]
    return f"{type(error).__name__}{said}: {first[:300]}"


def _shown() -> str:
    return re.sub(r"//[^/@]*@", "//", endpoint()) or "the store"


def _code(error: BaseException, text: str) -> str:
    """The code in a server's answer, such as `NoSuchBucket`; empty where there is none."""
    answer = getattr(error.__cause__ or error, "response", None)
    if isinstance(answer, dict):
        return str(answer.get("Error", {}).get("Code", ""))
    found = _CODE.search(text)
    return found[1] if found else ""


@cache
def scratch() -> Path:
    """A folder of this process alone for files on their way to a store; under TMPDIR, gone when the process ends."""
    home = Path(tempfile.mkdtemp(prefix="refinery-scratch-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home

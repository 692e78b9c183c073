"""Takes the outputs of today as the golden ones and prints what that changes: `python -m tests.properties.accept`."""

import sys

import orjson

from tests.properties.golden import PATH, changes, found, kept


def main() -> None:
    """Writes golden_hashes.json."""
    old, new = kept(), found()
    PATH.write_bytes(orjson.dumps(new, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.write("".join(f"{line}\n" for line in changes(old, new)) or "nothing changed\n")


if __name__ == "__main__":
    main()

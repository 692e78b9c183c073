"""The service's one settings file: where it listens, where rules and state lie, and the breaker's policy."""

from pathlib import Path

from pydantic import Field

from refinery.errors import RuleError
from refinery.inspection.breaker_policy import Policy, check_items
from refinery.inspection.reading import Strict, read
from refinery.inspection.rulebook import TAXONOMY
from refinery.inspection.taxonomy import Taxonomy


class Settings(Strict):
    """What `pipelines/guard.yaml` holds."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    replicas: int = Field(default=1, ge=1)
    """One replica holds the breaker itself; of more, all ask one actor that holds it."""
    max_body_bytes: int = Field(default=2 * 2**20, ge=1)
    read_seconds: float = Field(default=10.0, gt=0)
    """The longest that a client may take to send its body."""
    reload_seconds: float = Field(default=2.0, gt=0)
    """How often the rules folder is looked at; it is read when it stayed as it is between two looks."""
    rules: str = "rules"
    state: str
    """Folder of the journal and of the last good rules; it must outlive the process."""
    breaker: Policy


def load_settings(path: Path) -> Settings:
    """The file, checked against the taxonomy of the rules that it names; RuleError says what is wrong."""
    settings = read(path, path.name, Settings)
    taxonomy = Path(settings.rules) / TAXONOMY
    if not taxonomy.is_file():
        raise RuleError(f"{path.name}: key `rules`: {settings.rules} holds no {TAXONOMY}; give the folder of the rules")
    check_items(settings.breaker, read(taxonomy, TAXONOMY, Taxonomy).items, f"{path.name}: key `breaker")
    return settings

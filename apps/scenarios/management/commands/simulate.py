"""`manage.py simulate`: the model without the site, as fast as it can."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import override

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Snapshot
from apps.scenarios import collecting, files, limits, making, manifests, presets, service, steps, tables, yamlwrite
from apps.scenarios.replay import Run
from apps.scenarios.story import Entry, Story

OUTPUTS = ("table", "yaml", "json", "steps", "svg", "dot")
SUFFIXES = {".yaml", ".yml", ".json"}


def read_files(names: list[str], allowed: limits.Limits) -> list[manifests.Document]:
    """Every object of the files, in order; a directory stands for the manifests in it, `-` for the standard input.

    Raises:
        CommandError: a file that is not there, or no text.
        ManifestError, LimitExceeded
    """
    documents: list[manifests.Document] = []
    for name in names:
        for source, text in _texts(name):
            documents += manifests.read(text, source=source, most=allowed.manifest_bytes)
    return documents


def _texts(name: str) -> list[tuple[str, str]]:
    try:
        if name == "-":
            return [("STDIN", sys.stdin.read())]
        path = Path(name)
        if path.is_dir():
            found = sorted(inner for inner in path.iterdir() if inner.is_file() and inner.suffix in SUFFIXES)
            if not found:
                raise CommandError(f"error reading [{name}]: recognized file extensions are [.json .yaml .yml]")
            return [(str(inner), inner.read_text(encoding="utf-8")) for inner in found]
        return [(name, path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        raise CommandError(f'error: the path "{name}" does not exist') from None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f'error: the path "{name}" cannot be read: {error}') from None


def refusal_line(error: StatusError, source: str) -> str:
    """A refusal as kubectl prints it, with the API server's own message."""
    where = f'error when creating "{source}": ' if source else ""
    if error.message.startswith(("error converting YAML", "invalid Yaml", "Object '", "couldn't get")):
        return f"error: error parsing {source or 'STDIN'}: {error.message}"
    return f"Error from server ({error.reason}): {where}{error.message}"


class Command(BaseCommand):
    help = "Run manifests on a simulated cluster and print what becomes of them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "-f",
            "--filename",
            action="append",
            default=[],
            metavar="FILE|DIR|-",
            help="a manifest, a directory of them, or - (repeatable)",
        )
        parser.add_argument("--preset", default="empty", help="begin with a preset instead of an empty cluster")
        parser.add_argument("--nodes", type=int, help="worker nodes (default 3)")
        parser.add_argument("--seed", type=int, help="the same seed tells the same story (default 1)")
        parser.add_argument(
            "--until", metavar="5m", help="simulated time after the start (default: until nothing happens any more)"
        )
        parser.add_argument("-o", "--output", choices=OUTPUTS, default="table")
        parser.add_argument("--view", choices=sorted(service.VIEWS), default="cluster", help="for svg and dot")
        parser.add_argument("--lang", choices=("ko", "en"), default="en")

    def handle(self, *args: Any, **options: Any) -> None:
        collecting.settle_in()
        with collecting.paused(), override(options["lang"]):
            self._handle(options)

    def _handle(self, options: dict[str, Any]) -> None:
        allowed = limits.COMMAND_LINE
        until = None
        if options["until"] is not None:
            try:
                until = presets.milliseconds(options["until"])
            except ValueError as error:
                raise CommandError(str(error)) from None
        try:
            documents = read_files(options["filename"], allowed)
            run = self._run(options, documents, until, allowed)
        except manifests.ManifestError as error:
            for problem in error.problems:
                self.stderr.write(refusal_line(problem.error, problem.source))
            raise SystemExit(1) from None
        except limits.LimitExceeded as error:
            self.stderr.write(f"error: {error.message}")
            raise SystemExit(1) from None
        except StatusError as error:
            self.stderr.write(refusal_line(error, ""))
            raise SystemExit(1) from None
        self.stdout.write(self._output(run, options), ending="")

    def _run(
        self, options: dict[str, Any], documents: list[manifests.Document], until: int | None, allowed: limits.Limits
    ) -> Run:
        preset = presets.get(options["preset"])
        cluster = {**preset.story.cluster}
        for option, name in (("nodes", "workers"), ("seed", "seed")):
            if options[option] is not None:
                cluster[name] = options[option]
        story = Story(cluster, preset.story.entries)
        if documents:
            trial = Run(story, allowed=allowed)
            trial.advance(story.end_ms)
            told = making.accepted(trial, documents, allowed)
            story = story.then(*(Entry(story.end_ms + entry.time_ms, entry.body) for entry in told))
        run = Run(story, allowed=allowed)
        if until is None:
            run.settle()
        else:
            run.advance(until)
            run.cluster.run_until(run.base_ms + until)
        return run

    def _output(self, run: Run, options: dict[str, Any]) -> str:
        lang, output = options["lang"], options["output"]
        snapshot = run.view()
        if output == "json":
            found = run.cluster.trace.between(run.before, run.head)
            return files.dump_json(files.history(snapshot, found, lang, run.base_ms))
        if output == "steps":
            found = run.cluster.trace.between(run.before, run.head)
            return "".join(_step_line(steps.step_json(step, lang, run.base_ms)) for step in found)
        if output in {"svg", "dot"}:
            from apps.diagrams import export

            figure = service.figure_of(run, snapshot, options["view"], lang)
            return (export.svg(figure) if output == "svg" else export.dot(figure)).rstrip("\n") + "\n"
        shown = shown_objects(snapshot, run.view(run.base))
        if output == "yaml":
            return yamlwrite.dump_all(obj for table in shown.values() for obj in table)
        return tables.tables(shown, run.cluster.now_ms)


def shown_objects(snapshot: Snapshot, base: Snapshot) -> dict[str, list[dict[str, Any]]]:
    """The nodes, and everything that was not there at the beginning, but for Events and leases."""
    shown: dict[str, list[dict[str, Any]]] = {}
    for resource, table in snapshot.objects.items():
        if resource in {"events", "leases"}:
            continue
        known = base.objects.get(resource, {})
        kept = [
            obj
            for key, obj in table.items()
            if resource == "nodes"
            or (
                key not in known
                and obj["metadata"].get("namespace") not in files.SYSTEM_NAMESPACES
                and not _given(resource, obj)
            )
        ]
        if kept:
            shown[resource] = kept
    return shown


def _given(resource: str, obj: dict[str, Any]) -> bool:
    """Comes with every namespace."""
    name = obj["metadata"]["name"]
    return (resource, name) in {("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt")}


def _step_line(step: dict[str, Any]) -> str:
    return f"{step['time']:>12}  {step['revision']:>6}  {step['who']:<28}  {step['text']}\n"

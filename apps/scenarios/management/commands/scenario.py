"""`manage.py scenario new`: a stored scenario from the command line."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import override

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import limits, making, manifests, presets
from apps.scenarios.management.commands.simulate import read_files, refusal_line


class Command(BaseCommand):
    help = "Make a scenario that the site serves, and print where it is and the key that lets its holder edit it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="action", required=True)
        new = subparsers.add_parser("new", help="make a scenario")
        new.add_argument("--preset", default="empty", help=f"one of {', '.join(presets.library())}")
        new.add_argument(
            "-f", "--filename", action="append", default=[], metavar="FILE|DIR|-", help="a manifest on top (repeatable)"
        )
        new.add_argument("--nodes", type=int, help="worker nodes, when not the preset's")
        new.add_argument("--seed", type=int, help="when not the preset's")
        new.add_argument("--title", default="")
        new.add_argument("--lang", choices=("ko", "en"), default="ko", help="of the addresses")
        new.add_argument(
            "--site", default=getattr(settings, "SITE_URL", "") or "http://127.0.0.1:8000", help="where the site is"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        cluster = {
            name: options[option]
            for option, name in (("nodes", "workers"), ("seed", "seed"))
            if options[option] is not None
        }
        with override("en"):
            try:
                documents = read_files(options["filename"], limits.SITE)
                made = making.from_preset(
                    options["preset"], cluster=cluster, documents=documents, title=options["title"]
                )
            except manifests.ManifestError as error:
                for problem in error.problems:
                    self.stderr.write(refusal_line(problem.error, problem.source))
                raise SystemExit(1) from None
            except StatusError as error:
                self.stderr.write(f"error: {error.message}")
                raise SystemExit(1) from None
        site = options["site"].rstrip("/")
        url = f"{site}/{options['lang']}/s/{made.scenario.id}/"
        out = {
            "id": made.scenario.id,
            "key": made.key,
            "view_token": made.view_token,
            "url": url,
            "edit_url": f"{url}?key={made.key}",
            "kube_url": f"{site}/k8s/{made.scenario.id}",
            "kubeconfig_url": f"{site}/k8s/{made.scenario.id}:{made.key}/kubeconfig",
        }
        self.stdout.write(json.dumps(out, indent=1))

"""How a reader's own kubectl reaches a scenario: addresses, and the lines to paste. `apps/kubeapi` answers there."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.http import HttpRequest

from apps.scenarios import access
from apps.scenarios.source import Source

MASK = "•" * 8


def connect(request: HttpRequest, source: Source, *, can_edit: bool) -> dict[str, Any]:
    """What `scenarios/terminal.html` and `scenarios/connect.html` get; no addresses where nothing is stored."""
    served = apps.is_installed("apps.kubeapi")
    if not source.stored or not served:
        return {"served": served, "path": ""}
    ref = source.ref
    path = f"/k8s/{ref}"
    key = request.COOKIES.get(access.cookie_name(ref), "") if can_edit else ""
    looks = access.view_token(ref)
    server = request.build_absolute_uri(path)

    def lines(token: str, file: str) -> str:
        return lines_of(server, token, file, secure=request.is_secure())

    return {
        "served": served,
        "path": path,
        "server": server,
        "plain": not request.is_secure(),
        "kubeconfig": f"{path}/kubeconfig",
        "view_kubeconfig": f"{path}:{looks}/kubeconfig",
        "lines": lines(key, f"k8sdocs-{ref}.yaml") if key else "",
        "masked": lines(MASK, f"k8sdocs-{ref}.yaml"),
        "view_lines": lines(looks, f"k8sdocs-{ref}-view.yaml"),
    }


def lines_of(server: str, token: str, file: str, *, secure: bool) -> str:
    """Three lines for a shell. Where there is TLS the token goes in a header, which nobody on the way writes down.

    >>> print(lines_of("https://k8sdocs.example/k8s/abc", "t", "a.yaml", secure=True))
    curl -fsSo a.yaml -H 'Authorization: Bearer t' https://k8sdocs.example/k8s/abc/kubeconfig
    export KUBECONFIG=$PWD/a.yaml
    kubectl get pods
    """
    bearer = f"-H 'Authorization: Bearer {token}' {server}" if secure else f"{server}:{token}"
    return f"curl -fsSo {file} {bearer}/kubeconfig\nexport KUBECONFIG=$PWD/{file}\nkubectl get pods"

"""The kubeconfig of a scenario, to download: where its API server is, and the token that whoever asked came with.

kubectl sends no token of a kubeconfig to a server without TLS. Where the site has none, on a reader's own machine, the
token stands in the server's address instead.
"""

from __future__ import annotations

from apps.scenarios import yamlwrite


def kubeconfig(scenario_id: str, origin: str, token: str) -> str:
    """The file. `origin`: as the reader reached the site, "https://k8sdocs.example"."""
    scheme, _, host = origin.partition("://")
    secure = scheme == "https"
    key = "" if secure else f":{token}"
    name = f"k8sdocs-{scenario_id}"
    user = {"token": token} if secure else {}
    return yamlwrite.dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": f"{scheme}://{host}/k8s/{scenario_id}{key}"}}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )

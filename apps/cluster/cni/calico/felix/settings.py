"""What Felix reads off its configuration: the provider that the cluster's type names.

Models      felix/config/config_params.go (KubernetesProvider)
Leaves out  its other parameters
"""

from __future__ import annotations

PROVIDERS = {
    "": "",
    "eks": "EKS",
    "ecs": "EKS",
    "gke": "GKE",
    "aks": "AKS",
    "openshift": "OpenShift",
    "dockerenterprise": "DockerEnterprise",
}


def provider(cluster_type: str) -> str:
    """The first provider that a list names, "" for none.

    >>> provider("k8s,aks"), provider("k8s,something")
    ('AKS', '')
    """
    return next((PROVIDERS[word.lower()] for word in cluster_type.split(",") if word.lower() in PROVIDERS), "")

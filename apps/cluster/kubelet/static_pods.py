"""Static Pods: files in the kubelet's manifest directory, and the mirror Pods that show them to the API server.

Models      pkg/kubelet/config/file.go, common.go (applyDefaults), pkg/kubelet/pod/mirror_client.go
Leaves out  the files themselves. A changed manifest is another Pod, which waits until the one before it has ended
"""

from __future__ import annotations

import json
from hashlib import md5
from typing import Any

from apps.cluster.apimachinery.timestamps import format_micro
from apps.cluster.kubelet.phase import CONFIG_MIRROR, CONFIG_SOURCE

Obj = dict[str, Any]

CONFIG_HASH = "kubernetes.io/config.hash"
CONFIG_SEEN = "kubernetes.io/config.seen"
_TOLERATES_EVERYTHING = [{"effect": "NoExecute", "operator": "Exists"}]


def from_manifest(manifest: Obj, node: str, now_ms: int) -> Obj:
    """The static Pod of a manifest: named after its node, its uid made from what the file says."""
    text = json.dumps([manifest, node], sort_keys=True)
    uid = md5(text.encode(), usedforsecurity=False).hexdigest()
    metadata = manifest["metadata"]
    annotations = {
        **(metadata.get("annotations") or {}),
        CONFIG_HASH: uid,
        CONFIG_SEEN: format_micro(now_ms),
        CONFIG_SOURCE: "file",
    }
    spec = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        **manifest["spec"],
        "nodeName": node,
        "tolerations": _TOLERATES_EVERYTHING,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{metadata['name']}-{node}",
            "namespace": metadata.get("namespace", "default"),
            "uid": uid,
            "labels": metadata.get("labels") or {},
            "annotations": annotations,
        },
        "spec": spec,
        "status": {"phase": "Pending"},
    }


def mirror(pod: Obj, node: Obj) -> Obj:
    """What the API server is shown of a static Pod. It belongs to its Node and is deleted with it."""
    metadata = pod["metadata"]
    annotations = metadata["annotations"]
    return {
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": metadata["labels"],
            "annotations": {**annotations, CONFIG_MIRROR: annotations[CONFIG_HASH]},
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "name": node["metadata"]["name"],
                    "uid": node["metadata"]["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": pod["spec"],
    }

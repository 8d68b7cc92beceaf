"""What a cluster of this model is made of: versions and images."""

KUBERNETES = "v1.36.2"
KNOWN = ("v1.36.0", "v1.36.1", KUBERNETES)  # what a cluster may be set up with; they differ in nothing that shows
ETCD = "3.6.8-0"
COREDNS = "v1.14.1"
PAUSE = "3.10.2"
CALICO = "v3.31.3"

REGISTRY = "registry.k8s.io"
OTHER_IMAGES = (
    f"{REGISTRY}/coredns/coredns:{COREDNS}",
    f"{REGISTRY}/pause:{PAUSE}",
    f"quay.io/calico/node:{CALICO}",
    f"quay.io/calico/cni:{CALICO}",
    f"quay.io/calico/kube-controllers:{CALICO}",
)


def image(component: str, version: str = KUBERNETES) -> str:
    """A component's image.

    >>> image("kube-proxy", "v1.36.1"), image("etcd", "v1.36.1")
    ('registry.k8s.io/kube-proxy:v1.36.1', 'registry.k8s.io/etcd:3.6.8-0')
    """
    return f"{REGISTRY}/{component}:{ETCD if component == 'etcd' else version}"


def control_plane_images(version: str = KUBERNETES) -> tuple[str, ...]:
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
    return tuple(image(name, version) for name in names)


def node_images(version: str = KUBERNETES) -> tuple[str, ...]:
    return (image("kube-proxy", version), *OTHER_IMAGES)


POD_SUBNET = "192.168.0.0/16"
SERVICE_SUBNET = "10.96.0.0/12"
API_SERVICE_IP = "10.96.0.1"
DNS_IP = "10.96.0.10"
DNS_DOMAIN = "cluster.local"
API_PORT = 6443
BALANCER = "10.0.0.9"  # where several API servers stand behind a load balancer
CLUSTER_NAME = "kubernetes"
TOKEN_ID = "abcdef"  # noqa: S105  the documentation's own example of a bootstrap token
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"

"""What programs say when they start, by image: a few lines each, as they would stand in a container's log.

Models      the first lines of the official images of some well-known programs
Leaves out  all that programs say later, but for what probes ask of them

A line is (milliseconds since the start, text). In a text, {date} and the like are the time of the line in the forms
that programs use, {pod} the Pod's name, {ip} its address, {image} its image's tag.
"""

from __future__ import annotations

Sayings = tuple[tuple[int, str], ...]

_NGINX: Sayings = (
    (0, "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration"),
    (4, "/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh"),
    (30, "/docker-entrypoint.sh: Launching /docker-entrypoint.d/30-tune-worker-processes.sh"),
    (35, "/docker-entrypoint.sh: Configuration complete; ready for start up"),
    (42, '{slashed} [notice] 1#1: using the "epoll" event method'),
    (42, "{slashed} [notice] 1#1: nginx/{image}"),
    (43, "{slashed} [notice] 1#1: start worker processes"),
    (43, "{slashed} [notice] 1#1: start worker process 29"),
    (44, "{slashed} [notice] 1#1: start worker process 30"),
)
_POSTGRES: Sayings = (
    (10, "PostgreSQL Database directory appears to contain a database; Skipping initialization"),
    (60, "{dashed} UTC [1] LOG:  starting PostgreSQL {image}"),
    (61, '{dashed} UTC [1] LOG:  listening on IPv4 address "0.0.0.0", port 5432'),
    (90, "{dashed} UTC [1] LOG:  database system is ready to accept connections"),
)
_MYSQL: Sayings = (
    (10, "{iso} [Note] [Entrypoint]: Entrypoint script for MySQL Server {image} started."),
    (900, "{iso} 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld {image}) starting as process 1"),
    (
        1900,
        "{iso} 0 [System] [MY-010931] [Server] /usr/sbin/mysqld: ready for connections. Version: '{image}'  port: 3306",
    ),
)
_KLOG = "I{klog}       1 "

BY_IMAGE: dict[str, Sayings] = {
    "nginx": _NGINX,
    "nginx-slim": _NGINX,
    "httpd": (
        (20, "AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using {ip}."),
        (60, "[{apache}] [mpm_event:notice] [pid 1:tid 1] AH00489: Apache/{image} (Unix) configured"),
        (60, "[{apache}] [core:notice] [pid 1:tid 1] AH00094: Command line: 'httpd -D FOREGROUND'"),
    ),
    "redis": (
        (5, "1:C {redis} * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"),
        (5, "1:C {redis} * Redis version={image}, bits=64, just started"),
        (12, "1:M {redis} * Running mode=standalone, port=6379."),
        (14, "1:M {redis} * Ready to accept connections tcp"),
    ),
    "memcached": (),
    "mysql": _MYSQL,
    "mariadb": (
        (10, "{dashed} [Note] [Entrypoint]: Entrypoint script for MariaDB Server {image} started."),
        (900, "{dashed} 0 [Note] mariadbd: ready for connections."),
    ),
    "postgres": _POSTGRES,
    "mongo": (
        (
            30,
            '{{"t":{{"$date":"{iso}"}},"s":"I","c":"CONTROL","id":4615611,"msg":"MongoDB starting"}}',
        ),
        (
            400,
            '{{"t":{{"$date":"{iso}"}},"s":"I","c":"NETWORK","id":23016,"msg":"Waiting for connections"}}',
        ),
    ),
    "rabbitmq": ((2000, "{dashed} [info] <0.9.0> Server startup complete; 4 plugins started."),),
    "hello-app": ((5, "{slashed} Server listening on port 8080"),),
    "agnhost": ((5, "Serving hostname: {pod}"),),
    "coredns": (
        (20, ".:53"),
        (21, "[INFO] plugin/reload: Running configuration SHA512 = 591cf328cccc12bc490481273e738df5"),
        (22, "CoreDNS-{image}"),
    ),
    "etcd": (
        (10, '{{"level":"info","ts":"{iso}","caller":"etcdmain/etcd.go:64","msg":"Running: ","args":["etcd"]}}'),
        (300, '{{"level":"info","ts":"{iso}","caller":"embed/serve.go:187","msg":"serving client traffic securely"}}'),
    ),
    "kube-apiserver": (
        (50, _KLOG + "options.go:263] external host was not specified, using {ip}"),
        (900, _KLOG + "secure_serving.go:211] Serving securely on [::]:6443"),
        (1400, _KLOG + "cache.go:39] Caches are synced for APIServiceRegistrationController controller"),
    ),
    "kube-controller-manager": (
        (60, _KLOG + 'controllermanager.go:185] "Starting" version="{image}"'),
        (
            80,
            _KLOG + "leaderelection.go:257] attempting to acquire leader lease kube-system/kube-controller-manager...",
        ),
    ),
    "kube-scheduler": (
        (60, _KLOG + 'server.go:172] "Starting Kubernetes Scheduler" version="{image}"'),
        (80, _KLOG + "leaderelection.go:257] attempting to acquire leader lease kube-system/kube-scheduler..."),
    ),
    "kube-proxy": (
        (30, _KLOG + 'server_linux.go:53] "Using iptables proxy"'),
        (90, _KLOG + 'config.go:200] "Starting service config controller"'),
        (90, _KLOG + 'config.go:105] "Starting endpoint slice config controller"'),
    ),
    "metrics-server": ((300, _KLOG + "secure_serving.go:213] Serving securely on [::]:10250"),),
    "node": ((40, "{iso} listening on port 8080"),),
    "python": (),
    "pause": (),
}


def of(name: str, *, tool: bool) -> Sayings:
    """What a program says first. `tool`: it is a shell, which says what it is told to."""
    if name in BY_IMAGE:
        return BY_IMAGE[name]
    return () if tool else ((10, f"{{iso}} {name} {{image}} starting"), (60, f"{{iso}} {name} ready"))

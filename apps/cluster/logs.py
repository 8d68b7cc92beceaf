"""pods/log: the API server finds the container and its kubelet, and the kubelet tells what was said.

Models      pkg/registry/core/pod/rest/log.go, pkg/registry/core/pod/strategy.go (LogLocation, validateContainer),
            pkg/kubelet/server (getContainerLogs), pkg/kubelet/kuberuntime/logs (ReadLogs)
Leaves out  the streams apart: all is said on stdout
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from apps.cluster.api.validation.logs import pod_log_options
from apps.cluster.apimachinery.status import StatusError, bad_request, invalid, not_found
from apps.cluster.apimachinery.timestamps import format_ms, parse
from apps.cluster.apiserver import APIServer
from apps.cluster.apiserver.requests import Response
from apps.cluster.apiserver.requests.call import Call
from apps.cluster.kubelet import logs
from apps.cluster.kubelet.logs import Line, Unavailable

Obj = dict[str, Any]
Reached = Callable[[str], tuple[str, str]]  # a node's address, and why its kubelet cannot be reached ("" when it can)
PORT = 10250
TRUE = ("1", "true", "True", "TRUE", "t", "T")
NUMBERS = ("sinceSeconds", "tailLines", "limitBytes")


def options_of(params: dict[str, list[str]]) -> Obj:
    """The PodLogOptions in a query. Raises: StatusError 400, a value that is none."""
    found: Obj = {"container": "", "follow": False, "previous": False, "timestamps": False}
    for name, values in params.items():
        text = values[0]
        if name in ("follow", "previous", "timestamps"):
            found[name] = text in TRUE
        elif name in NUMBERS:
            try:
                found[name] = int(text)
            except ValueError:
                raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
        elif name == "sinceTime":
            try:
                found[name] = parse(text)
            except ValueError:
                raise bad_request(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00"') from None
        elif name in ("container", "stream"):
            found[name] = text
    return found


def container_of(pod: Obj, name: str) -> Obj:
    """The container asked for; the only one, when none is named. Raises: StatusError 400."""
    spec, pod_name = pod["spec"], pod["metadata"]["name"]
    everything = [
        one for field in ("initContainers", "containers", "ephemeralContainers") for one in spec.get(field) or ()
    ]
    if name:
        for one in everything:
            if one["name"] == name:
                return dict(one)
        raise bad_request(f"container {name} is not valid for pod {pod_name}")
    containers: Sequence[Obj] = spec["containers"]
    if len(containers) == 1:
        return containers[0]
    names = " ".join(one["name"] for one in everything)
    raise bad_request(f"a container name must be specified for pod {pod_name}, choose one of: [{names}]")


class Tail:
    """A log that is followed: what has been sent of it, as plain data."""

    def __init__(self, pod: Obj, container: str, options: Obj, sent_ms: int) -> None:
        self.key = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self.uid, self.container, self.options = pod["metadata"]["uid"], container, options
        self.sent_ms = sent_ms
        self.done = False

    def poll(self, server: APIServer) -> str:
        """What was said since."""
        record = server.record(server.info("pods"), self.key)
        if record is None or record.value["metadata"]["uid"] != self.uid:
            self.done = True
            return ""
        pod = record.value
        container = container_of(pod, self.container)
        try:
            run = logs.life(pod, self.container, previous=self.options["previous"])
        except Unavailable:
            return ""
        now = server.now_ms
        told = [line for line in logs.lines(pod, container, run, now) if line[0] > self.sent_ms]
        self.sent_ms = max(self.sent_ms, now, *(line[0] for line in told))
        self.done = run.end_ms is not None
        return text_of(told, {**self.options, "tailLines": None, "limitBytes": None}, now)


class Reader:
    """Answers requests for logs."""

    def __init__(self, reach: Reached) -> None:
        self._reach = reach

    def __call__(self, call: Call) -> Response:
        """Raises: StatusError 400, 404, 422, 500."""
        options = options_of(call.params)
        wrong = pod_log_options(options)
        if wrong:
            raise invalid("PodLogOptions", "", call.name, wrong)
        record = call.server.record(call.info, call.key)
        if record is None:
            raise not_found("pods", call.name)
        pod = record.value
        container = container_of(pod, options["container"])
        node = pod["spec"].get("nodeName")
        headers = {"Cache-Control": "no-cache, private", "Content-Type": "text/plain"}
        if not node:
            return Response(204, None, headers)
        address, problem = self._reach(node)
        if problem:
            path = f"/containerLogs/{pod['metadata']['namespace']}/{call.name}/{container['name']}"
            raise StatusError(500, "", f'Get "https://{address}:{PORT}{path}": dial tcp {address}:{PORT}: {problem}')
        try:
            run = logs.life(pod, container["name"], previous=options["previous"])
        except Unavailable as error:
            raise bad_request(str(error)) from None
        now = call.server.now_ms
        told = logs.lines(pod, container, run, now)
        text = text_of(told, options, now)
        response = Response(200, text, headers)
        if options["follow"] and run.end_ms is None:
            response.tail = Tail(pod, container["name"], options, max(now, *(line[0] for line in told[-1:])))
        return response


def text_of(lines: Sequence[Line], options: Obj, now_ms: int) -> str:
    """The lines that are asked for, as they are sent."""
    since = options.get("sinceTime")
    if options.get("sinceSeconds") is not None:
        since = now_ms - options["sinceSeconds"] * 1000
    chosen = [line for line in lines if since is None or line[0] >= since]
    tail = options.get("tailLines")
    if tail is not None:
        chosen = chosen[len(chosen) - min(tail, len(chosen)) :]
    stamped = options.get("timestamps")
    text = "".join(f"{_stamp(at)} {said}\n" if stamped else f"{said}\n" for at, said in chosen)
    limit = options.get("limitBytes")
    return text if limit is None else text.encode()[:limit].decode("utf-8", "ignore")


def _stamp(ms: int) -> str:
    return f"{format_ms(ms)[:-1]}.{ms % 1000:03d}000000Z"

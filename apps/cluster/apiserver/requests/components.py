"""componentstatuses: what the API server hears when it asks the programs beside it whether they are well.

Models      pkg/registry/core/componentstatus (rest.go, validator.go), serversToValidate of pkg/registry/core/rest
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import name_of
from apps.cluster.apimachinery.selectors import field_selector, parse
from apps.cluster.apimachinery.status import not_found
from apps.cluster.apiserver.requests import presenting
from apps.cluster.apiserver.requests.call import Call
from apps.cluster.apiserver.requests.messages import Response

Obj = dict[str, Any]
PORTS = {"controller-manager": 10257, "scheduler": 10259}
READER = "componentstatuses"  # of `apiserver.readers`: the names of programs that do not answer


def answer(call: Call) -> Response:
    """Raises: StatusError 404."""
    silent = call.server.readers[READER]() if READER in call.server.readers else ()
    found = [_status(name, name not in silent) for name in (*PORTS, "etcd-0")]
    if not call.name:
        labels = parse((call.params.get("labelSelector") or [""])[0])
        fields = field_selector((call.params.get("fieldSelector") or [""])[0])
        found = [one for one in found if labels.matches({}) and fields(one)]
        listed = [{key: value for key, value in one.items() if key not in ("kind", "apiVersion")} for one in found]
        shown = found if call.form.as_ else listed
        return Response(200, presenting.many(call.server, call.info, shown, {}, call.form))
    one = next((one for one in found if name_of(one) == call.name), None)
    if one is None:
        raise not_found("componentstatus", call.name)
    return Response(200, presenting.one(call.server, call.info, one, call.form))


def _status(name: str, well: bool) -> Obj:
    message = "ok"
    if not well:
        port = PORTS.get(name)
        where = f"127.0.0.1:{port}"
        message = (
            f'Get "https://{where}/healthz": dial tcp {where}: connect: connection refused'
            if port
            else "context deadline exceeded"
        )
    condition = {"type": "Healthy", "status": "True" if well else "False", "message": message}
    metadata = {"name": name, "creationTimestamp": None}
    return {"kind": "ComponentStatus", "apiVersion": "v1", "metadata": metadata, "conditions": [condition]}

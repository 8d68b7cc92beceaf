"""Tables: what the API server makes of objects for who asks for `as=Table`, and kubectl prints.

`table(info, objects, now_ms)` is a meta.k8s.io/v1 Table, a pure function of what it is given.

Models      pkg/printers/internalversion/printers.go (AddHandlers), pkg/printers/tablegenerator.go,
            k8s.io/apiserver/pkg/registry/rest/table.go, pkg/endpoints/handlers/response.go
Leaves out  the descriptions of columns, which no client shows
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from apps.cluster.api.printers import control, core, custom, devices, network, pods, storage, workloads
from apps.cluster.api.printers.words import Cells, Look, name_of
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.meta import Obj

Print = Callable[[Obj, Look], Cells]
HERE = Path(__file__).parent

# Kind and group, as columns.json names them -> what makes the cells of a row.
PRINTERS: dict[str, Print] = {
    "Pod": pods.pod,
    "PodTemplate": core.pod_template,
    "ReplicationController": core.replication_controller,
    "Service": network.service,
    "Endpoints": network.endpoints,
    "Node": core.node,
    "Event": core.event,
    "Namespace": core.namespace,
    "Secret": core.secret,
    "ServiceAccount": core.named,
    "PersistentVolume": core.persistent_volume,
    "PersistentVolumeClaim": core.persistent_volume_claim,
    "ComponentStatus": core.component_status,
    "ConfigMap": core.config_map,
    "ResourceQuota": core.resource_quota,
    "Deployment.apps": workloads.deployment,
    "ReplicaSet.apps": workloads.replica_set,
    "DaemonSet.apps": workloads.daemon_set,
    "StatefulSet.apps": workloads.stateful_set,
    "ControllerRevision.apps": workloads.controller_revision,
    "Job.batch": workloads.job,
    "CronJob.batch": workloads.cron_job,
    "HorizontalPodAutoscaler.autoscaling": workloads.autoscaler,
    "Scale.autoscaling": core.scale,
    "PodDisruptionBudget.policy": workloads.disruption_budget,
    "Ingress.networking.k8s.io": network.ingress,
    "IngressClass.networking.k8s.io": network.ingress_class,
    "NetworkPolicy.networking.k8s.io": network.network_policy,
    "ServiceCIDR.networking.k8s.io": network.service_cidr,
    "IPAddress.networking.k8s.io": network.ip_address,
    "EndpointSlice.discovery.k8s.io": network.endpoint_slice,
    "RoleBinding.rbac.authorization.k8s.io": control.binding,
    "ClusterRoleBinding.rbac.authorization.k8s.io": control.binding,
    "CertificateSigningRequest.certificates.k8s.io": control.signing_request,
    "ClusterTrustBundle.certificates.k8s.io": control.trust_bundle,
    "PodCertificateRequest.certificates.k8s.io": control.pod_certificate_request,
    "Lease.coordination.k8s.io": core.lease,
    "LeaseCandidate.coordination.k8s.io": core.lease_candidate,
    "StorageClass.storage.k8s.io": storage.storage_class,
    "VolumeAttributesClass.storage.k8s.io": storage.volume_attributes_class,
    "VolumeAttachment.storage.k8s.io": storage.volume_attachment,
    "CSINode.storage.k8s.io": storage.csi_node,
    "CSIDriver.storage.k8s.io": storage.csi_driver,
    "CSIStorageCapacity.storage.k8s.io": storage.csi_storage_capacity,
    "Status.meta.k8s.io": core.status,
    "PriorityClass.scheduling.k8s.io": core.priority_class,
    "Workload.scheduling.k8s.io": core.named,
    "PodGroup.scheduling.k8s.io": devices.pod_group,
    "RuntimeClass.node.k8s.io": core.runtime_class,
    "MutatingWebhookConfiguration.admissionregistration.k8s.io": control.webhooks,
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io": control.webhooks,
    "ValidatingAdmissionPolicy.admissionregistration.k8s.io": control.admission_policy,
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": control.admission_policy_binding,
    "MutatingAdmissionPolicy.admissionregistration.k8s.io": control.admission_policy,
    "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io": control.admission_policy_binding,
    "APIService.apiregistration.k8s.io": control.api_service,
    "FlowSchema.flowcontrol.apiserver.k8s.io": control.flow_schema,
    "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io": control.priority_level,
    "StorageVersion.internal.apiserver.k8s.io": control.storage_version,
    "DeviceClass.resource.k8s.io": core.named,
    "ResourceClaim.resource.k8s.io": devices.resource_claim,
    "ResourceClaimTemplate.resource.k8s.io": core.named,
    "ResourceSlice.resource.k8s.io": devices.resource_slice,
    "ResourcePoolStatusRequest.resource.k8s.io": devices.pool_status_request,
    "DeviceTaintRule.resource.k8s.io": devices.device_taint_rule,
    "StorageVersionMigration.storagemigration.k8s.io": control.storage_version_migration,
}
PLAIN = ["Name:string:name", "Created At:date"]  # of kinds without a printer of their own


def _plain(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), obj["metadata"].get("creationTimestamp", "0001-01-01T00:00:00Z")]


@cache
def _columns() -> dict[str, list[str]]:
    loaded: dict[str, list[str]] = json.loads((HERE / "columns.json").read_text())
    return loaded


def _definition(text: str) -> Obj:
    name, kind, form = (*text.removesuffix("+").split(":"), "")[:3]
    return {"name": name, "type": kind, "format": form, "description": "", "priority": int(text.endswith("+"))}


def handler(group: str, kind: str) -> str:
    """What columns.json calls a kind: `Pod`, `Deployment.apps`."""
    return f"{kind}.{group}" if group else kind


@cache
def columns(group: str, kind: str, wide: bool = True) -> tuple[Obj, ...]:
    """The column definitions of a built-in kind."""
    found = map(_definition, _columns().get(handler(group, kind), PLAIN))
    return tuple(one for one in found if wide or not one["priority"])


def cells(group: str, kind: str, obj: Obj, look: Look) -> Cells:
    """The cells of a built-in kind's row."""
    return PRINTERS.get(handler(group, kind), _plain)(obj, look)


def row_object(obj: Obj, include: str) -> Obj | None:
    if include == "None":
        return None
    if include == "Object":
        return obj
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def table(
    info: ResourceInfo,
    objects: Iterable[Obj],
    now_ms: int,
    *,
    wide: bool = True,
    include: str = "Metadata",
    headers: bool = True,
    metadata: Obj | None = None,
    printer_columns: list[Obj] | None = None,
) -> Obj:
    """A Table of objects of one resource.

    `include` is the request's includeObject: None, Metadata or Object. `metadata` is the list's (resourceVersion,
    continue, remainingItemCount). `printer_columns` are a custom kind's additionalPrinterColumns.
    """
    look, found = Look(now_ms, wide), list(objects)
    if info.kind == "FlowSchema" and info.builtin:
        found.sort(key=control.flow_order)
    definitions = list(columns(info.group, info.kind, wide)) if info.builtin else custom.columns(printer_columns or [])
    printed = not info.builtin or handler(info.group, info.kind) in PRINTERS
    rows = []
    for obj in found:
        row: dict[str, Any] = {
            "cells": cells(info.group, info.kind, obj, look)
            if info.builtin
            else custom.cells(printer_columns or [], obj, look)
        }
        if info.kind == "Pod" and info.builtin and pods.row_conditions(obj):
            row["conditions"] = pods.row_conditions(obj)
        row["object"] = row_object(obj, include)
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata or {},
        "columnDefinitions": definitions if headers else [],
        "rows": rows if rows or printed else None,
    }

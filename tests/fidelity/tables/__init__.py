"""Adaptors, a module a topic: each row of a table of Kubernetes' own unit tests, run on our model."""

from tests.fidelity.tables import (  # noqa: F401  (each registers its adaptors)
    addresses,
    admission,
    api,
    autoscaling,
    calico,
    calico_bird,
    calico_validator,
    controllers,
    cronjob,
    daemonset,
    deployment,
    endpointslice,
    facts,
    hashes,
    job,
    kubelet,
    kubeproxy,
    machinery,
    persistentvolume,
    printers,
    replicaset,
    rollouts,
    scheduler,
    scheduling,
    statefulset,
    statefulset_control,
    validation,
    validation_more,
    values,
)
from tests.fidelity.tables.registry import Row, adaptor, adaptor_of, adaptors, rows, run, same, tables, topics

__all__ = ["Row", "adaptor", "adaptor_of", "adaptors", "rows", "run", "same", "tables", "topics"]

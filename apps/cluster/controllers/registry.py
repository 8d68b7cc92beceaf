"""The controllers that kube-controller-manager runs, in the order in which it starts them.

Models      cmd/kube-controller-manager/app/controllermanager.go (NewControllerDescriptors)
Leaves out  disruption budgets, quotas, certificates, tokens, cloud routes; the provisioner is no
            controller of Kubernetes and runs here for want of a Pod of its own
"""

from __future__ import annotations

from apps.cluster.client import Controller
from apps.cluster.controllers.cronjob.cronjob_controller import CronJobController
from apps.cluster.controllers.daemonset.daemon_controller import DaemonSetController
from apps.cluster.controllers.deployment.deployment_controller import DeploymentController
from apps.cluster.controllers.endpointslice.endpoints_controller import EndpointsController
from apps.cluster.controllers.endpointslice.endpointslice_controller import EndpointSliceController
from apps.cluster.controllers.garbagecollector.garbagecollector import GarbageCollector
from apps.cluster.controllers.job.job_controller import JobController
from apps.cluster.controllers.namespace.namespace_controller import NamespaceController
from apps.cluster.controllers.nodelifecycle.node_lifecycle_controller import NodeLifecycleController
from apps.cluster.controllers.nodelifecycle.taint_eviction import TaintEvictionController
from apps.cluster.controllers.persistentvolume.protection import PVCProtectionController, PVProtectionController
from apps.cluster.controllers.persistentvolume.provisioner import StorageProvisioner
from apps.cluster.controllers.persistentvolume.pv_controller import PersistentVolumeController
from apps.cluster.controllers.podautoscaler.horizontal import HorizontalController
from apps.cluster.controllers.podgc.gc_controller import PodGCController
from apps.cluster.controllers.replicaset.replica_set import ReplicaSetController
from apps.cluster.controllers.replicaset.replication_controller import ReplicationManager
from apps.cluster.controllers.rootca.publisher import RootCACertPublisher
from apps.cluster.controllers.serviceaccount.serviceaccounts_controller import ServiceAccountsController
from apps.cluster.controllers.statefulset.stateful_set import StatefulSetController
from apps.cluster.controllers.ttlafterfinished.ttl_controller import TTLAfterFinishedController

CONTROLLERS: tuple[type[Controller], ...] = (
    ServiceAccountsController,
    EndpointsController,
    EndpointSliceController,
    ReplicationManager,
    PodGCController,
    NamespaceController,
    GarbageCollector,
    DaemonSetController,
    JobController,
    DeploymentController,
    ReplicaSetController,
    HorizontalController,
    StatefulSetController,
    CronJobController,
    NodeLifecycleController,
    TaintEvictionController,
    PersistentVolumeController,
    PVCProtectionController,
    PVProtectionController,
    TTLAfterFinishedController,
    RootCACertPublisher,
    StorageProvisioner,
)

"""The controllers that kube-controller-manager runs, in the order in which it starts them.

Models      cmd/kube-controller-manager/app/controllermanager.go (NewControllerDescriptors)
Leaves out  dynamic resources (resourceclaim-controller, device-taint-eviction-controller)

The provisioner and the attacher of storage are no controllers of Kubernetes: they run here for want of Pods of their
own. Absent because a kubeadm cluster of 1.36 runs none of them: service-lb, node-route and cloud-node-lifecycle, which
need a cloud provider; and, behind gates that are off, podcertificaterequest-cleaner, podgroup-protection,
service-ca-certificate-publisher, storageversion-garbage-collector, storageversion-migrator, resourcepoolstatusrequest,
kube-apiserver-serving-clustertrustbundle-publisher, selinux-warning.
"""

from __future__ import annotations

from apps.cluster.client import Controller
from apps.cluster.controllers.admissionpolicystatus.status_controller import ValidatingAdmissionPolicyStatusController
from apps.cluster.controllers.attachdetach.attach_detach_controller import AttachDetachController
from apps.cluster.controllers.bootstrap.bootstrap_signer import BootstrapSigner
from apps.cluster.controllers.bootstrap.token_cleaner import TokenCleaner
from apps.cluster.controllers.certificates.approver import CSRApprovingController
from apps.cluster.controllers.certificates.cleaner import CSRCleanerController
from apps.cluster.controllers.certificates.signer import CSRSigningController
from apps.cluster.controllers.clusterroleaggregation.clusterroleaggregation_controller import (
    ClusterRoleAggregationController,
)
from apps.cluster.controllers.cronjob.cronjob_controller import CronJobController
from apps.cluster.controllers.daemonset.daemon_controller import DaemonSetController
from apps.cluster.controllers.deployment.deployment_controller import DeploymentController
from apps.cluster.controllers.disruption.disruption_controller import DisruptionController
from apps.cluster.controllers.endpointslice.endpoints_controller import EndpointsController
from apps.cluster.controllers.endpointslice.endpointslice_controller import EndpointSliceController
from apps.cluster.controllers.endpointslicemirroring.mirroring_controller import EndpointSliceMirroringController
from apps.cluster.controllers.ephemeral.ephemeral_controller import EphemeralVolumeController
from apps.cluster.controllers.garbagecollector.garbagecollector import GarbageCollector
from apps.cluster.controllers.job.job_controller import JobController
from apps.cluster.controllers.namespace.namespace_controller import NamespaceController
from apps.cluster.controllers.nodeipam.range_allocator import NodeIPAMController
from apps.cluster.controllers.nodelifecycle.node_lifecycle_controller import NodeLifecycleController
from apps.cluster.controllers.nodelifecycle.taint_eviction import TaintEvictionController
from apps.cluster.controllers.persistentvolume.attacher import StorageAttacher
from apps.cluster.controllers.persistentvolume.protection import (
    PVCProtectionController,
    PVProtectionController,
    VACProtectionController,
)
from apps.cluster.controllers.persistentvolume.provisioner import StorageProvisioner
from apps.cluster.controllers.persistentvolume.pv_controller import PersistentVolumeController
from apps.cluster.controllers.podautoscaler.horizontal import HorizontalController
from apps.cluster.controllers.podgc.gc_controller import PodGCController
from apps.cluster.controllers.replicaset.replica_set import ReplicaSetController
from apps.cluster.controllers.replicaset.replication_controller import ReplicationManager
from apps.cluster.controllers.resourcequota.resource_quota_controller import ResourceQuotaController
from apps.cluster.controllers.rootca.publisher import RootCACertPublisher
from apps.cluster.controllers.serviceaccount.legacy_serviceaccount_token_cleaner import LegacySATokenCleaner
from apps.cluster.controllers.serviceaccount.serviceaccounts_controller import ServiceAccountsController
from apps.cluster.controllers.serviceaccount.tokens_controller import TokensController
from apps.cluster.controllers.servicecidrs.servicecidrs_controller import ServiceCIDRController
from apps.cluster.controllers.statefulset.stateful_set import StatefulSetController
from apps.cluster.controllers.ttl.ttl_controller import TTLController
from apps.cluster.controllers.ttlafterfinished.ttl_controller import TTLAfterFinishedController
from apps.cluster.controllers.volumeexpand.expand_controller import ExpandController

CONTROLLERS: tuple[type[Controller], ...] = (
    TokensController,
    EndpointsController,
    EndpointSliceController,
    EndpointSliceMirroringController,
    ReplicationManager,
    PodGCController,
    ResourceQuotaController,
    NamespaceController,
    ServiceAccountsController,
    GarbageCollector,
    DaemonSetController,
    JobController,
    DeploymentController,
    ReplicaSetController,
    HorizontalController,
    DisruptionController,
    StatefulSetController,
    CronJobController,
    CSRSigningController,
    CSRApprovingController,
    CSRCleanerController,
    TTLController,
    BootstrapSigner,
    TokenCleaner,
    NodeIPAMController,
    NodeLifecycleController,
    PersistentVolumeController,
    AttachDetachController,
    ExpandController,
    ClusterRoleAggregationController,
    PVCProtectionController,
    PVProtectionController,
    VACProtectionController,
    TTLAfterFinishedController,
    RootCACertPublisher,
    EphemeralVolumeController,
    LegacySATokenCleaner,
    ValidatingAdmissionPolicyStatusController,
    TaintEvictionController,
    ServiceCIDRController,
    StorageProvisioner,
    StorageAttacher,
)

"""What confd writes for the BIRD of one node: `configuration(store, node, family)`, three files a family.

Models      confd (pkg/backends/calico, pkg/resource/template), the templates bird*.cfg of calico/node
Leaves out  the watches that make it anew: it is worked out from all resources each time
"""

from apps.cluster.cni.calico.bird.configuration import configuration
from apps.cluster.cni.calico.bird.datastore import Datastore, LocalPeer, datastore

__all__ = ["Datastore", "LocalPeer", "configuration", "datastore"]

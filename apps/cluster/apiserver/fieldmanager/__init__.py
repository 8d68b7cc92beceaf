"""Who owns which field: managedFields, and server-side apply."""

from apps.cluster.apiserver.fieldmanager.ledger import Ledger
from apps.cluster.apiserver.fieldmanager.managed import Conflicts, Managed, applied, updated

__all__ = ["Conflicts", "Ledger", "Managed", "applied", "updated"]

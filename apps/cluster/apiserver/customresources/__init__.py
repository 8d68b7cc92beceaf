"""Custom kinds: what a CustomResourceDefinition makes of objects, and what becomes of the definition itself."""

from apps.cluster.apiserver.customresources.definitions import CustomKinds

__all__ = ["CustomKinds"]

"""Object metadata, read without fuss. Objects are JSON-shaped dicts and are never changed in place."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

EMPTY: dict[str, Any] = {}


def name_of(obj: Obj) -> str:
    return obj["metadata"].get("name", "")  # type: ignore[no-any-return]


def namespace_of(obj: Obj) -> str:
    return obj["metadata"].get("namespace", "")  # type: ignore[no-any-return]


def uid_of(obj: Obj) -> str:
    return obj["metadata"].get("uid", "")  # type: ignore[no-any-return]


def labels_of(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("labels") or EMPTY


def annotations_of(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("annotations") or EMPTY


def key_of(obj: Obj) -> str:
    """`"default/web-0"`, or `"worker-1"` for what has no namespace."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else metadata["name"]


def split_key(key: str) -> tuple[str, str]:
    """A key's namespace and name.

    >>> split_key("default/web-0"), split_key("worker-1")
    (('default', 'web-0'), ('', 'worker-1'))
    """
    namespace, slash, name = key.partition("/")
    return (namespace, name) if slash else ("", namespace)


def controller_of(obj: Obj) -> dict[str, Any] | None:
    """The owner reference with `controller: true`, if there is one."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return reference  # type: ignore[no-any-return]
    return None


def controller_ref(owner: Obj) -> dict[str, Any]:
    """An owner reference that makes `owner` the controller, as metav1.NewControllerRef writes it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_terminating(obj: Obj) -> bool:
    """Deletion was asked for and has not finished."""
    return "deletionTimestamp" in obj["metadata"]


def with_metadata(obj: Obj, **fields: Any) -> Obj:
    """A new object whose metadata has these fields; None removes one."""
    metadata = {**obj["metadata"], **fields}
    for name, value in fields.items():
        if value is None:
            del metadata[name]
    return {**obj, "metadata": metadata}


def with_status(obj: Obj, status: dict[str, Any]) -> Obj:
    """A new object with another status."""
    return {**obj, "status": status}

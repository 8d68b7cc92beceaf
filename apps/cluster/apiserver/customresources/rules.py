"""What a CustomResourceDefinition must be, and what is filled in.

Models      apiextensions-apiserver pkg/apis/apiextensions/v1/defaults.go, validation/validation.go (the rules of names,
            versions, subresources and of structural schemas)
Leaves out  conversion by webhook; rules in CEL and their cost
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import names as forms
from apps.cluster.apimachinery.status import FieldError

Obj = dict[str, Any]
Errors = list[FieldError]
TYPES = ("array", "boolean", "integer", "number", "object", "string")


def defaulted(crd: Obj) -> Obj:
    """With the names that follow from the kind."""
    spec = crd.get("spec")
    if not isinstance(spec, dict):
        return crd
    names = dict(spec.get("names") or {})
    kind = names.get("kind", "")
    if not names.get("singular"):
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = f"{kind}List"
    return {**crd, "spec": {**spec, "names": names, "conversion": spec.get("conversion") or {"strategy": "None"}}}


def storage_version(crd: Obj) -> Obj | None:
    return next((version for version in crd["spec"].get("versions") or () if version.get("storage")), None)


def validate(crd: Obj) -> Errors:
    """A new definition."""
    errors: Errors = []
    spec = crd.get("spec") or {}
    names = spec.get("names") or {}
    group, plural = spec.get("group", ""), names.get("plural", "")
    wanted = f"{plural}.{group}"
    name = crd["metadata"]["name"]
    if name != wanted:
        errors.append(FieldError("Invalid value", "metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    if not group:
        errors.append(FieldError("Required value", "spec.group"))
    elif "." not in group:
        errors.append(FieldError("Invalid value", "spec.group", group, "should be a domain with at least one dot"))
    else:
        errors += [FieldError("Invalid value", "spec.group", group, text) for text in forms.dns1123_subdomain(group)]
    scope = spec.get("scope", "")
    if not scope:
        errors.append(FieldError("Required value", "spec.scope"))
    elif scope not in ("Cluster", "Namespaced"):
        errors.append(FieldError("Unsupported value", "spec.scope", scope, 'supported values: "Cluster", "Namespaced"'))
    _versions(errors, spec)
    _names(errors, names)
    return errors


def _versions(errors: Errors, spec: Obj) -> None:
    versions = spec.get("versions") or []
    seen: set[str] = set()
    unique = True
    for at, version in enumerate(versions):
        path = f"spec.versions[{at}]"
        name = version.get("name", "")
        unique = unique and name not in seen
        seen.add(name)
        errors += [FieldError("Invalid value", f"{path}.name", name, text) for text in forms.dns1035_label(name)]
        _schema_of(errors, f"{path}.schema", version)
        _subresources(errors, f"{path}.subresources", version.get("subresources") or {})
    if not unique:
        errors.append(FieldError("Invalid value", "spec.versions", versions, "must contain unique version names"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        text = "must have exactly one version marked as storage version"
        errors.append(FieldError("Invalid value", "spec.versions", versions, text))


def _names(errors: Errors, names: Obj) -> None:
    for field in ("plural", "singular", "kind", "listKind"):
        value = names.get(field, "")
        path = f"spec.names.{field}"
        if not value:
            errors.append(FieldError("Required value", path))
            continue
        checked = value if field in ("plural", "singular") else value.lower()
        errors += [FieldError("Invalid value", path, value, text) for text in forms.dns1035_label(checked)]
    for at, value in enumerate(names.get("shortNames") or ()):
        path = f"spec.names.shortNames[{at}]"
        errors += [FieldError("Invalid value", path, value, text) for text in forms.dns1035_label(value)]
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        text = "kind and listKind may not be the same"
        errors.append(FieldError("Invalid value", "spec.names.listKind", names["listKind"], text))


def _schema_of(errors: Errors, path: str, version: Obj) -> None:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        errors.append(FieldError("Required value", f"{path}.openAPIV3Schema", None, "schemas are required"))
        return
    at = f"{path}.openAPIV3Schema"
    if schema.get("type") != "object":
        if schema.get("type"):
            text = 'must be "object" at the root'
            errors.append(FieldError("Invalid value", f"{at}.type", schema["type"], text))
        else:
            errors.append(FieldError("Required value", f"{at}.type", None, "must not be empty at the root"))
    _structural(errors, at, schema, top=True)


def _structural(errors: Errors, path: str, schema: Any, *, top: bool = False) -> None:
    if not isinstance(schema, dict):
        return
    type_ = schema.get("type", "")
    open_ = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string")
    if not type_ and not open_ and not top:
        errors.append(
            FieldError("Required value", f"{path}.type", None, "must not be empty for specified object fields")
        )
    elif type_ and type_ not in TYPES:
        listed = ", ".join(f'"{name}"' for name in TYPES)
        errors.append(FieldError("Unsupported value", f"{path}.type", type_, f"supported values: {listed}"))
    if schema.get("properties") and isinstance(schema.get("additionalProperties"), dict):
        text = "additionalProperties and properties are mutual exclusive"
        errors.append(FieldError("Forbidden", f"{path}.additionalProperties", None, text))
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(FieldError("Forbidden", f"{path}.uniqueItems", None, text))
    if type_ == "array" and schema.get("items") is None:
        errors.append(FieldError("Required value", f"{path}.items", None, "must be specified"))
    for name, below in sorted((schema.get("properties") or {}).items()):
        if top and name == "metadata":
            continue
        _structural(errors, f"{path}.properties[{name}]", below)
    if isinstance(schema.get("additionalProperties"), dict):
        _structural(errors, f"{path}.additionalProperties", schema["additionalProperties"])
    if isinstance(schema.get("items"), dict):
        _structural(errors, f"{path}.items", schema["items"])


def _subresources(errors: Errors, path: str, subresources: Obj) -> None:
    scale = subresources.get("scale")
    if scale is None:
        return
    for field, root in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        value = scale.get(field, "")
        if not value:
            errors.append(FieldError("Required value", f"{path}.scale.{field}"))
        elif not value.startswith(f"{root}."):
            text = f"should be a json path under {root}"
            errors.append(FieldError("Invalid value", f"{path}.scale.{field}", value, text))
    selector = scale.get("labelSelectorPath", "")
    if selector and not selector.startswith((".spec.", ".status.")):
        text = "should be a json path under either .spec or .status"
        errors.append(FieldError("Invalid value", f"{path}.scale.labelSelectorPath", selector, text))


def validate_update(new: Obj, old: Obj) -> Errors:
    """A change of one: what its objects rely on stays."""
    errors = validate(new)
    spec, before = new["spec"], old["spec"]
    for field in ("group", "scope"):
        if spec.get(field) != before.get(field):
            errors.append(FieldError("Invalid value", f"spec.{field}", spec.get(field), "field is immutable"))
    for field in ("plural", "kind"):
        if spec["names"].get(field) != before["names"].get(field) and field == "plural":
            value = spec["names"].get(field)
            errors.append(FieldError("Invalid value", f"spec.names.{field}", value, "field is immutable"))
    return errors

"""env and envFrom.

Models      pkg/apis/core/validation/validation.go (ValidateEnv, ValidateEnvFrom, validateEnvVarValueFrom)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.validation import projected
from apps.cluster.api.validation.fields import Errors, all_invalid, invalid, required
from apps.cluster.api.validation.paths import dns_label, no_backsteps
from apps.cluster.apimachinery import features, names
from apps.cluster.apimachinery.meta import Obj

WITHOUT_FILES = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
ONE_OF = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
ONLY_ONE = "may not have more than one field specified at a time"


def _key_ref(errors: Errors, at: str, reference: Obj) -> None:
    name, key = reference.get("name", ""), reference.get("key", "")
    all_invalid(errors, f"{at}.name", name, names.dns1123_subdomain(name))
    if not key:
        required(errors, f"{at}.key")
    else:
        all_invalid(errors, f"{at}.key", key, names.config_map_key(key))


def _file_ref(errors: Errors, at: str, reference: Obj) -> None:
    key, volume, path = reference.get("key", ""), reference.get("volumeName", ""), reference.get("path", "")
    if not key:
        required(errors, f"{at}.key")
    else:
        all_invalid(errors, f"{at}.key", key, names.relaxed_env_var_name(key))
    if not volume:
        required(errors, f"{at}.volumeName")
    else:
        dns_label(errors, f"{at}.volumeName", volume)
    if not path:
        required(errors, f"{at}.path")
    else:
        no_backsteps(errors, f"{at}.path", path)


def _source(errors: Errors, at: str, source: Obj, value: str) -> None:
    count = 0
    for name in ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"):
        reference = source.get(name)
        if reference is None:
            continue
        count += 1
        here = f"{at}.{name}"
        if name == "fieldRef":
            projected.field_ref(errors, here, reference, projected.ENV_FIELDS)
        elif name == "resourceFieldRef":
            projected.resource_ref(errors, here, reference, False)
        elif name == "fileKeyRef":
            _file_ref(errors, here, reference)
        else:
            _key_ref(errors, here, reference)
    if not count:
        invalid(errors, at, "", ONE_OF if features.enabled("EnvFiles") else WITHOUT_FILES)
    elif value:
        invalid(errors, at, "", "may not be specified when `value` is not empty")
    elif count > 1:
        invalid(errors, at, "", ONLY_ONE)


def env(errors: Errors, at: str, variables: list[Obj]) -> None:
    for index, variable in enumerate(variables):
        name = variable.get("name", "")
        if not name:
            required(errors, f"{at}[{index}].name")
        else:
            problems = names.relaxed_env_var_name(name)
            if problems:
                all_invalid(errors, f"{at}[{index}].name", name, problems)
        source = variable.get("valueFrom")
        if source is not None:
            _source(errors, f"{at}[{index}].valueFrom", source, variable.get("value", ""))


def env_from(errors: Errors, at: str, sources: list[Obj]) -> None:
    for index, source in enumerate(sources):
        here = f"{at}[{index}]"
        prefix = source.get("prefix", "")
        if prefix:
            all_invalid(errors, f"{here}.prefix", prefix, names.relaxed_env_var_name(prefix))
        count = 0
        for kind in ("configMapRef", "secretRef"):
            reference = source.get(kind)
            if reference is None:
                continue
            count += 1
            name = reference.get("name", "")
            if not name:
                required(errors, f"{here}.{kind}.name")
            else:
                masked = name[:-2] + "a" if len(name) > 1 and name.endswith("-") else name
                all_invalid(errors, f"{here}.{kind}.name", name, names.dns1123_subdomain(masked))
        if not count:
            invalid(errors, at, "", "must specify one of: `configMapRef` or `secretRef`")
        elif count > 1:
            invalid(errors, at, "", ONLY_ONE)

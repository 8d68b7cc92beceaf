"""What `kubectl explain` says: sentences for types and fields that there are."""

import re
from pathlib import Path

import pytest

from apps.cluster.api.openapi import definitions, words
from apps.cluster.api.openapi.definitions import META, PLAIN, ROOT

FILES = sorted(path.stem for path in words.HERE.glob("*.toml"))
SHARED = {"any", "condition", "list"}
PACKAGES = {
    **{package.split(".")[1]: package for package in definitions.PACKAGES.values() if package.startswith("api.")},
    "meta": META.removeprefix(ROOT).rstrip("."),
    "apiextensions": definitions.PACKAGES["apiextensions.k8s.io/v1"],
    "apiregistration": definitions.PACKAGES["apiregistration.k8s.io/v1"],
    "metrics": definitions.PACKAGES["metrics.k8s.io/v1beta1"],
    "autoscalingv1": "api.autoscaling.v1",
    "autoscalingv2": "api.autoscaling.v2",
}
# Types whose every field has a sentence of its own: what readers ask about most.
WHOLE = [
    "Pod",
    "PodSpec",
    "Container",
    "Probe",
    "ResourceRequirements",
    "EnvVar",
    "VolumeMount",
    "SecurityContext",
    "PodSecurityContext",
    "Service",
    "ServiceSpec",
    "ServicePort",
    "ConfigMap",
    "Secret",
    "Toleration",
    "Taint",
    "TopologySpreadConstraint",
    "PersistentVolumeClaimSpec",
    "Deployment",
    "DeploymentSpec",
    "DeploymentStrategy",
    "DeploymentStatus",
    "StatefulSetSpec",
    "DaemonSetSpec",
    "ReplicaSetSpec",
    "JobSpec",
    "CronJobSpec",
    "IngressSpec",
    "NetworkPolicySpec",
    "PodDisruptionBudgetSpec",
    "PolicyRule",
    "RoleBinding",
    "StorageClass",
    "PriorityClass",
    "LeaseSpec",
    "Endpoint",
    "ObjectMeta",
    "LabelSelector",
    "OwnerReference",
]


def tables():
    for stem in FILES:
        for name, table in words.types(stem).items():
            if not (stem == "meta" and name in SHARED):
                yield stem, name, table


@pytest.mark.parametrize("stem", FILES)
def test_every_sentence_is_about_something_that_there_is(stem):
    for there, name, table in tables():
        if there != stem:
            continue
        whole = f"{ROOT}{PACKAGES[stem]}.{name}"
        if whole in PLAIN or name == "Quantity":
            continue
        fields = {field.name for field in definitions.definition(whole).fields}
        assert set(table) - {"_"} <= fields, name


def test_sentences_are_short_and_end():
    for _, name, table in tables():
        for field, told in table.items():
            assert re.fullmatch(r"[A-Z0-9].*[.…?]", told, re.S), (name, field)
            assert len(told) <= 200, (name, field)


@pytest.mark.parametrize("kind", WHOLE)
def test_what_is_asked_about_most_says_something_everywhere(kind):
    found = [(stem, name) for stem, name, _ in tables() if name == kind]
    assert found
    for stem, name in found:
        whole = f"{ROOT}{PACKAGES[stem]}.{name}"
        assert words.about(whole)
        silent = [field.name for field in definitions.definition(whole).fields]
        assert [name for name in silent if words.about_field(whole, name) == words.NONE] == []


def test_every_kind_says_what_it_is():
    silent = []
    for api_version, package in definitions.PACKAGES.items():
        for name in definitions._file(package):
            if definitions.definition(f"{ROOT}{package}.{name}").kind and not words.about(f"{ROOT}{package}.{name}"):
                silent.append((api_version, name))
    assert silent == []


def test_how_much_is_said_is_known():
    """What has no sentence of its own, old volume types above all, points at the reference."""
    said = every = 0
    for package in definitions.PACKAGES.values():
        for name in definitions._file(package):
            whole = f"{ROOT}{package}.{name}"
            for field in definitions.definition(whole).fields:
                every += 1
                said += words.about_field(whole, field.name) != words.NONE
    assert said / every > 0.92, said / every


def test_pages_and_words_lie_together():
    assert Path(words.__file__).with_suffix("") == words.HERE

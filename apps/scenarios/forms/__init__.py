"""The scenario's forms. They check what is theirs to check; the API server says the rest, beside the same fields."""

from apps.scenarios.forms.breaking import BreakForm, machines_of
from apps.scenarios.forms.image import ImageForm
from apps.scenarios.forms.kubeadm import KubeadmForm, kubeadm_rows
from apps.scenarios.forms.load import LoadForm, load_row
from apps.scenarios.forms.manifest import ManifestForm, NewScenarioForm
from apps.scenarios.forms.node import NodeForm
from apps.scenarios.forms.refusal import add_refusal
from apps.scenarios.forms.workload import WorkloadForm, form_for, workload_class

__all__ = [
    "BreakForm",
    "ImageForm",
    "KubeadmForm",
    "LoadForm",
    "ManifestForm",
    "NewScenarioForm",
    "NodeForm",
    "WorkloadForm",
    "add_refusal",
    "form_for",
    "kubeadm_rows",
    "load_row",
    "machines_of",
    "workload_class",
]

"""What a real 1.36 API server made of real manifests: accepted or not, the object after defaulting, the template's
hash.

The manifests are other people's and not part of this project; set K8SDOCS_REFERENCE to the folder that holds
`verdicts/`
(and has `manifests/` in it or beside it) to run these tests elsewhere.
"""

import json
import os
from pathlib import Path

import pytest
import yaml

from apps.cluster.api.decode import decode
from apps.cluster.api.podtemplate_hash import pod_template_hash

GIVEN = Path(os.environ.get("K8SDOCS_REFERENCE", Path(__file__).parents[4] / "shared"))
VERDICTS = next((path for path in (GIVEN / "verdicts", GIVEN / "reference" / "verdicts") if path.is_dir()), None)
MANIFESTS = next((path for path in (GIVEN / "manifests", GIVEN.parent / "manifests") if path.is_dir()), None)
NAMES = sorted(path.stem for path in VERDICTS.glob("*.json")) if VERDICTS and MANIFESTS else []
# A CPU quantity that is not in canonical form: a controller, who reads it back from the server, hashes another text.
HASHED_BEFORE_STORING = {"zk"}


def without_claim_types(obj):
    """Claim templates come back from a server with kind and apiVersion, which defaulting alone does not add."""
    claims = (obj.get("spec") or {}).get("volumeClaimTemplates")
    if not claims:
        return obj
    bare = [{name: value for name, value in claim.items() if name not in ("kind", "apiVersion")} for claim in claims]
    return {**obj, "spec": {**obj["spec"], "volumeClaimTemplates": bare}}


def objects(text):
    for document in yaml.load_all(text, yaml.CSafeLoader):
        if document is None:
            continue
        items = document.get("items") if document["kind"].endswith("List") else None
        for one in items or [document]:
            yield (one["kind"], one["metadata"].get("name", ""), one["metadata"].get("namespace", "")), one


@pytest.mark.skipif(not NAMES, reason=f"no verdicts and manifests under {GIVEN} (set K8SDOCS_REFERENCE)")
@pytest.mark.parametrize("name", NAMES)
def test_a_manifest(name):
    verdict = json.loads((VERDICTS / f"{name}.json").read_text())
    given = dict(objects((MANIFESTS / verdict["manifest"]).read_text()))
    judged = 0
    for expected in verdict["docs"]:
        if expected.get("empty"):
            continue
        found = decode(given[expected["kind"], expected["name"], expected["namespace"]])
        obj = found.info.default(found.obj)
        judged += 1
        if "defaulted" in expected:
            assert without_claim_types(obj) == without_claim_types(expected["defaulted"])
        if expected.get("accepted"):
            metadata = obj["metadata"]
            if found.info.namespaced:
                metadata = {"namespace": "default", **metadata}
            assert [str(error) for error in found.info.validate({**obj, "metadata": metadata})] == []
        if expected.get("pod_template_hash") and expected["name"] not in HASHED_BEFORE_STORING:
            template = obj["spec"]["template"]
            hashes = [pod_template_hash(template, count) for count in (None, 0, 1)]
            keys = ("pod_template_hash", "pod_template_hash_collision0", "pod_template_hash_collision1")
            assert hashes == [expected[key] for key in keys]
    assert judged

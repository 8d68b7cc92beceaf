"""Claims and volumes: which volume a claim gets."""

from __future__ import annotations

import json
from pathlib import Path

from apps.cluster.controllers.persistentvolume.matching import best_match
from tests.fidelity.tables.registry import Row, adaptor, same

# The volumes of that test are made in its body.
VOLUMES = json.loads((Path(__file__).parents[2] / "testdata" / "fixtures" / "volumes.json").read_text())


@adaptor("pv-binding__persistentvolume__TestMatchVolume")
def match_volume(row: Row) -> None:
    found = best_match(row["claim"], VOLUMES, delay_binding=False)
    same(found["metadata"]["uid"] if found is not None else "", row["expectedMatch"])


@adaptor("pv-binding__persistentvolume__TestFilteringVolumeModes")
def volume_modes(row: Row) -> None:
    same(best_match(row["pvc"], row["vol"]["store"], delay_binding=False) is not None, row["isExpectedMatch"])

"""What all controllers share: which Pods are available when, and which go first."""

from __future__ import annotations

from apps.cluster.controllers.pod_helpers import (
    find_min_next_pod_availability_check,
    next_pod_availability_check,
    sort_by_deletion,
)
from apps.cluster.kubelet.backoff import Backoff
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import NOW_MS, milliseconds, whole


@adaptor("controller-utils__controller__TestSortingActivePodsWithRanks")
def which_pods_are_deleted_first(row: Row) -> None:
    if row.part == "equalityTests":
        one = whole(row["p1"])
        other = {**whole(row["p2"] or row["p1"]), "marker": True}
        for pods in ([one, other], [other, one]):
            same(sort_by_deletion(pods, [1, 1], NOW_MS), pods, "equal Pods keep their order")
        return
    pairs = [(whole(row[which]["pod"]), row[which]["rank"]) for which in ("greater", "lesser")]
    now = None if row["disableLogarithmicScaleDown"] else NOW_MS
    for given in (pairs, pairs[::-1]):
        found = sort_by_deletion(
            [pod for pod, _ in given],
            [rank for _, rank in given],
            now,
            use_deletion_cost=not row["disablePodDeletioncost"],
        )
        same(found, [pairs[1][0], pairs[0][0]], "the lesser goes before the greater")


@adaptor("controller-utils__controller__TestNextPodAvailabilityCheck")
def when_a_pod_is_looked_at_again(row: Row) -> None:
    expected = milliseconds(row["expected"]) if row["expected"] else None
    same(next_pod_availability_check(whole(row["pod"]), row["minReadySeconds"], NOW_MS), expected)


@adaptor("controller-utils__controller__TestFindMinNextPodAvailabilitySimpleCheck")
def the_first_pod_to_become_available(row: Row) -> None:
    pods = [whole(one) for one in row["pods"] or ()]
    expected = milliseconds(row["expected"]) if row["expected"] else None
    same(find_min_next_pod_availability_check(pods, row["minReadySeconds"], NOW_MS, NOW_MS), expected)


@adaptor("controller-utils__controller__TestFindMinNextPodAvailability")
def a_pod_that_became_available_meanwhile(row: Row) -> None:
    pods = [whole(one) for one in row["pods"]]
    later = NOW_MS + row["statusEvaluationDelaySeconds"] * 1000
    found = find_min_next_pod_availability_check(pods, row["minReadySeconds"], NOW_MS, later)
    same(found, milliseconds(row["expected"]))


@adaptor("backoff__flowcontrol__TestAlternateHasExpiredFunc")
def when_a_back_off_is_forgotten(row: Row) -> None:
    longest = milliseconds(row["maxDuration"])
    soon, late = milliseconds(row["nonExpiredTime"]), milliseconds(row["expiredTime"])
    for wait, expected in ((soon, 2_000), (late, 1_000)):
        backoff = Backoff(1_000, longest)
        backoff.next("id", 0)
        same(backoff.next("id", wait), expected, f"after {wait} ms")

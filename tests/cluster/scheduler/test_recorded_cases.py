"""How a bound Pod is told of, word for word. (The recorded cases themselves: tests/fidelity/scheduling.py.)"""

from tests.fidelity.scheduling import play, recorded


def test_a_bound_pod_is_told_of_as_recorded():
    small = play(recorded()["cases"][0])
    (event,) = small.events("p")
    assert event["reason"] == "Scheduled"
    assert event["message"] == "Successfully assigned default/p to big"
    assert (event["type"], event["action"], event["reportingComponent"]) == ("Normal", "Binding", "default-scheduler")
    assert event["eventTime"] is not None
    assert "count" not in event
    assert small.condition("p")["status"] == "True"

"""CronJobs: when to look again, and which finished Jobs go."""

from __future__ import annotations

from apps.cluster.apimachinery import timestamps
from apps.cluster.controllers.cronjob import due, schedule
from apps.cluster.controllers.cronjob.cronjob_controller import CronJobController, oldest_first
from tests.cluster.controllers.recording import bench, put
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import milliseconds


@adaptor("cronjob__cronjob__TestNextScheduleTimeDuration")
def how_long_to_sleep(row: Row) -> None:
    given = {"status": {}, **row["cj"]}
    found = due.wait_ms(given, timestamps.parse(row["now"]), schedule.parse(given["spec"]["schedule"]))
    same(found, milliseconds(row["expectedDuration"]))


@adaptor("cronjob__cronjob__TestByJobStartTime")
def jobs_by_age(row: Row) -> None:
    same(oldest_first(row["input"]), row["expected"])


@adaptor("cronjob__cronjob__TestControllerV2CleanupFinishedJobs")
def old_jobs_are_deleted_whatever_becomes_of_new_ones(row: Row) -> None:
    refuse = ("create jobs",) if row["jobCreateError"] else ()
    controller, client = bench(CronJobController, timestamps.parse(row["now"]), refuse)
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", **row["cronJob"]}
    metadata = {**owner["metadata"], "uid": "cj", "creationTimestamp": "2016-05-19T08:00:00Z"}
    put(controller, "cronjobs", {**owner, "metadata": metadata})
    complete = {"type": "Complete", "status": "True"}
    for number, job in enumerate(row["finishedJobs"]):
        own = {**job["metadata"], "uid": f"job-{number}"}
        put(controller, "jobs", {**job, "metadata": own, "status": {**job["status"], "conditions": [complete]}})
    controller.engine.now_ms += 10
    controller.enqueue("foo-ns/fooer", 0)
    controller.run("foo-ns/fooer")
    same(client.of("delete", "jobs"), row["expectedDeletedJobs"])
    same(controller.errors, len(refuse), "errors")

/** describe deployment, replicaset, daemonset, statefulset, job, cronjob, replicationcontroller. */

import { span, stamp } from "../times.js";
import { template } from "./containers.js";
import { annotations, conditions, controller, events, labels, mapText, selectorText } from "./page.js";

/** @typedef {Page} Page */
/** @typedef {{running: number, waiting: number, succeeded: number, failed: number}} Phases */

/** @param {Phases} phases */
const phaseText = ({ running, waiting, succeeded, failed }) => `${running} Running / ${waiting} Waiting / ${succeeded} Succeeded / ${failed} Failed`;

/** @param {object[]} sets */
const setsText = (sets) => sets.map(({ metadata, spec, status }) => `${metadata.name} (${status.replicas ?? 0}/${spec.replicas ?? 0} replicas created)`).join(", ") || "<none>";

/** @param {Page} page @param {object} object @param {object[]|undefined} found @param {{old: object[], fresh: object[]}} sets */
export function deployment(page, { metadata, spec, status = {} }, found, { old, fresh }) {
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  page.field("CreationTimestamp", stamp(metadata.creationTimestamp));
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.field("Selector", selectorText(spec.selector));
  page.field("Replicas", `${spec.replicas} desired | ${status.updatedReplicas ?? 0} updated | ${status.replicas ?? 0} total | ${status.availableReplicas ?? 0} available | ${status.unavailableReplicas ?? 0} unavailable`);
  page.field("StrategyType", spec.strategy?.type);
  page.field("MinReadySeconds", spec.minReadySeconds ?? 0);
  const rolling = spec.strategy?.rollingUpdate;
  if (rolling) page.field("RollingUpdateStrategy", `${rolling.maxUnavailable} max unavailable, ${rolling.maxSurge} max surge`);
  template(page, spec.template);
  conditions(page, status.conditions);
  if (old.length || fresh.length) {
    page.field("OldReplicaSets", setsText(old));
    page.field("NewReplicaSet", setsText(fresh));
  }
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found @param {Phases} phases */
export function replicaSet(page, object, found, phases) {
  const { metadata, spec, status = {} } = object;
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  page.field("Selector", object.kind === "ReplicationController" ? mapText(spec.selector) : selectorText(spec.selector));
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  if (controller(object) && object.kind === "ReplicaSet") page.field("Controlled By", controller(object));
  page.field("Replicas", `${status.replicas ?? 0} current / ${spec.replicas} desired`);
  page.field("Pods Status", phaseText(phases));
  template(page, spec.template);
  conditions(page, status.conditions);
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found @param {Phases} phases */
export function daemonSet(page, { metadata, spec, status = {} }, found, phases) {
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  page.field("Selector", selectorText(spec.selector));
  page.field("Node-Selector", mapText(spec.template.spec.nodeSelector));
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.write(0, `Desired Number of Nodes Scheduled: ${status.desiredNumberScheduled ?? 0}\n`);
  page.write(0, `Current Number of Nodes Scheduled: ${status.currentNumberScheduled ?? 0}\n`);
  page.write(0, `Number of Nodes Scheduled with Up-to-date Pods: ${status.updatedNumberScheduled ?? 0}\n`);
  page.write(0, `Number of Nodes Scheduled with Available Pods: ${status.numberAvailable ?? 0}\n`);
  page.write(0, `Number of Nodes Misscheduled: ${status.numberMisscheduled ?? 0}\n`);
  page.field("Pods Status", phaseText(phases));
  template(page, spec.template);
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found @param {Phases} phases */
export function statefulSet(page, { metadata, spec, status = {} }, found, phases) {
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  page.field("CreationTimestamp", stamp(metadata.creationTimestamp));
  page.field("Selector", selectorText(spec.selector));
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.field("Replicas", `${spec.replicas} desired | ${status.replicas ?? 0} total`);
  page.field("Update Strategy", spec.updateStrategy?.type);
  const rolling = spec.updateStrategy?.rollingUpdate;
  if (rolling?.partition !== undefined) {
    page.field("Partition", rolling.partition, 1);
    if (rolling.maxUnavailable !== undefined) page.field("MaxUnavailable", rolling.maxUnavailable, 1);
  }
  page.field("Pods Status", phaseText(phases));
  template(page, spec.template);
  page.write(0, `Volume Claims:${spec.volumeClaimTemplates?.length ? "" : "\t<none>"}\n`);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    page.field("Name", claim.metadata.name, 1);
    page.field("StorageClass", claim.spec.storageClassName ?? "", 1);
    labels(page, "Labels", claim.metadata.labels, "  ");
    labels(page, "Annotations", claim.metadata.annotations, "  ");
    page.field("Capacity", claim.spec.resources?.requests?.storage ?? "<default>", 1);
    page.field("Access Modes", `[${(claim.spec.accessModes ?? []).join(" ")}]`, 1);
  }
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function job(page, object, found) {
  const { metadata, spec, status = {} } = object;
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  page.field("Selector", selectorText(spec.selector));
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  if (controller(object)) page.field("Controlled By", controller(object));
  if (spec.parallelism !== undefined) page.field("Parallelism", spec.parallelism);
  page.field("Completions", spec.completions ?? "<unset>");
  if (spec.completionMode) page.field("Completion Mode", spec.completionMode);
  if (spec.suspend !== undefined) page.field("Suspend", spec.suspend);
  if (spec.backoffLimit !== undefined) page.field("Backoff Limit", spec.backoffLimit);
  if (spec.ttlSecondsAfterFinished !== undefined) page.field("TTL Seconds After Finished", spec.ttlSecondsAfterFinished);
  if (status.startTime) page.field("Start Time", stamp(status.startTime));
  if (status.completionTime) page.field("Completed At", stamp(status.completionTime));
  if (status.startTime && status.completionTime) page.field("Duration", span(Date.parse(status.completionTime) - Date.parse(status.startTime)));
  if (spec.activeDeadlineSeconds !== undefined) page.field("Active Deadline Seconds", `${spec.activeDeadlineSeconds}s`);
  const ready = status.ready === undefined ? "" : ` (${status.ready} Ready)`;
  page.field("Pods Statuses", `${status.active ?? 0} Active${ready} / ${status.succeeded ?? 0} Succeeded / ${status.failed ?? 0} Failed`);
  if (spec.completionMode === "Indexed") page.field("Completed Indexes", status.completedIndexes || "<none>");
  template(page, spec.template);
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function cronJob(page, { metadata, spec, status = {} }, found) {
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.field("Schedule", spec.schedule);
  page.field("Concurrency Policy", spec.concurrencyPolicy);
  page.field("Suspend", spec.suspend === undefined ? "<unset>" : spec.suspend ? "True" : "False");
  if (spec.timeZone !== undefined) page.field("Time Zone", spec.timeZone);
  else page.field("Time Zone", "<unset>");
  page.field("Successful Job History Limit", spec.successfulJobsHistoryLimit ?? "<unset>");
  page.field("Failed Job History Limit", spec.failedJobsHistoryLimit ?? "<unset>");
  page.field("Starting Deadline Seconds", spec.startingDeadlineSeconds === undefined ? "<unset>" : `${spec.startingDeadlineSeconds}s`);
  const inner = spec.jobTemplate.spec;
  page.field("Selector", inner.selector ? selectorText(inner.selector) : "<unset>");
  page.field("Parallelism", inner.parallelism ?? "<unset>");
  page.field("Completions", inner.completions ?? "<unset>");
  if (inner.activeDeadlineSeconds !== undefined) page.field("Active Deadline Seconds", `${inner.activeDeadlineSeconds}s`);
  template(page, inner.template);
  page.field("Last Schedule Time", status.lastScheduleTime ? stamp(status.lastScheduleTime) : "<unset>");
  page.field("Active Jobs", (status.active ?? []).map(({ name }) => name).join(", ") || "<none>");
  events(page, found);
}

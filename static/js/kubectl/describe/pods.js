/** describe pod, node. */

import { stamp } from "../times.js";
import { amount, total } from "../quantities.js";
import { containers, resourceLines, spread, volumes } from "./containers.js";
import { annotations, conditions, controller, events, labels, tolerations } from "./page.js";

/** @typedef {Page} Page */

/** @param {Page} page @param {object} pod @param {object[]|undefined} found  its Events */
export function pod(page, pod, found) {
  const { metadata, spec, status = {} } = pod;
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  if (spec.priority !== undefined) page.field("Priority", spec.priority);
  if (spec.priorityClassName) page.field("Priority Class Name", spec.priorityClassName);
  if (spec.runtimeClassName) page.field("Runtime Class Name", spec.runtimeClassName);
  if (spec.serviceAccountName) page.field("Service Account", spec.serviceAccountName);
  page.field("Node", spec.nodeName ? `${spec.nodeName}/${status.hostIP ?? ""}` : "<none>");
  if (status.startTime) page.field("Start Time", stamp(status.startTime));
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  if (metadata.deletionTimestamp && !["Failed", "Succeeded"].includes(status.phase)) {
    page.field("Status", `Terminating (lasts ${page.since(metadata.deletionTimestamp)})`);
    page.field("Termination Grace Period", `${metadata.deletionGracePeriodSeconds}s`);
  } else page.field("Status", status.phase);
  if (status.reason) page.field("Reason", status.reason);
  if (status.message) page.field("Message", status.message);
  if (spec.securityContext?.seccompProfile) page.field("SeccompProfile", spec.securityContext.seccompProfile.type);
  page.field("IP", status.podIP);
  page.write(0, `IPs:${status.podIPs?.length ? "" : "\t<none>"}\n`);
  for (const { ip } of status.podIPs ?? []) page.field("IP", ip, 1);
  if (controller(pod)) page.field("Controlled By", controller(pod));
  if (status.nominatedNodeName) page.field("NominatedNodeName", status.nominatedNodeName);
  if (spec.resources) {
    page.write(0, "Resources:\n");
    resourceLines(page, spec.resources, 1);
  }
  if (spec.initContainers?.length) containers(page, "Init Containers", spec.initContainers, status.initContainerStatuses, pod);
  containers(page, "Containers", spec.containers, status.containerStatuses, pod);
  if (spec.ephemeralContainers?.length) containers(page, "Ephemeral Containers", spec.ephemeralContainers, status.ephemeralContainerStatuses, pod);
  if (spec.readinessGates?.length) {
    page.write(0, "Readiness Gates:\n  Type\tStatus\n");
    for (const { conditionType } of spec.readinessGates) {
      const known = (status.conditions ?? []).find(({ type }) => type === conditionType);
      page.write(1, `${conditionType} \t${known?.status ?? "<none>"} \n`);
    }
  }
  conditions(page, status.conditions, false);
  volumes(page, spec.volumes);
  page.field("QoS Class", status.qosClass);
  labels(page, "Node-Selectors", spec.nodeSelector);
  tolerations(page, spec.tolerations);
  spread(page, spec.topologySpreadConstraints);
  events(page, found);
}

const STANDARD = new Set(["cpu", "memory", "ephemeral-storage", "pods"]);

/** What a Pod asks for, or may use: its containers together, or its largest init container. @param {object} pod @param {"requests"|"limits"} list */
function needs(pod, list) {
  const sum = {};
  const names = (all) => new Set(all.flatMap((each) => Object.keys(each.resources?.[list] ?? {})));
  const running = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter((each) => each.restartPolicy === "Always")];
  const before = (pod.spec.initContainers ?? []).filter((each) => each.restartPolicy !== "Always");
  for (const name of names([...running, ...before])) {
    const together = total(running.map((each) => each.resources?.[list]?.[name]));
    sum[name] = before.map((each) => each.resources?.[list]?.[name] ?? "0").reduce((most, each) => (amount(each) > amount(most) ? each : most), together);
  }
  for (const [name, value] of Object.entries(pod.spec.resources?.[list] ?? {})) sum[name] = value;
  if (list === "requests" || Object.keys(sum).length) {
    for (const [name, value] of Object.entries(pod.spec.overhead ?? {})) if (list === "requests" || sum[name]) sum[name] = total([sum[name], value]);
  }
  return sum;
}

/** @param {string|undefined} part @param {string|undefined} whole @returns {string} "250m (6%)" */
function share(part, whole) {
  const of = amount(whole);
  return `${part ?? "0"} (${of ? Math.trunc((amount(part) / of) * 100) : 0}%)`;
}

/** @param {Page} page @param {object} node @param {object[]|undefined} found @param {{lease?: object, pods: object[]}} around */
export function node(page, node, found, { lease, pods }) {
  const { metadata, spec, status } = node;
  const roles = Object.keys(metadata.labels ?? {})
    .filter((key) => key.startsWith("node-role.kubernetes.io/"))
    .map((key) => key.slice("node-role.kubernetes.io/".length))
    .filter(Boolean);
  page.field("Name", metadata.name);
  page.field("Roles", roles.sort().join(",") || "<none>");
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.field("CreationTimestamp", stamp(metadata.creationTimestamp));
  const taints = (spec.taints ?? []).map(({ key, value, effect }) => ({ order: `${effect},${key}`, text: value ? `${key}=${value}:${effect}` : `${key}:${effect}` }));
  page.write(0, "Taints:\t");
  if (taints.length === 0) page.write(0, "<none>\n");
  taints.sort((one, other) => (one.order < other.order ? -1 : 1)).forEach(({ text }, number) => page.write(0, `${number ? "\t" : ""}${text}\n`));
  page.field("Unschedulable", Boolean(spec.unschedulable));
  if (lease instanceof Error) page.field("Lease", `Failed to get lease: ${lease.message}`);
  else {
    page.write(0, "Lease:\n");
    page.field("HolderIdentity", lease?.spec?.holderIdentity ?? "<unset>", 1);
    page.field("AcquireTime", lease?.spec?.acquireTime ? stamp(lease.spec.acquireTime) : "<unset>", 1);
    page.field("RenewTime", lease?.spec?.renewTime ? stamp(lease.spec.renewTime) : "<unset>", 1);
  }
  if (status.conditions?.length) {
    page.write(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n");
    page.write(1, "----\t------\t-----------------\t------------------\t------\t-------\n");
    for (const each of status.conditions) {
      page.write(1, `${each.type} \t${each.status} \t${stamp(each.lastHeartbeatTime)} \t${stamp(each.lastTransitionTime)} \t${each.reason ?? ""} \t${each.message ?? ""}\n`);
    }
  }
  page.write(0, "Addresses:\n");
  for (const { type, address } of status.addresses ?? []) page.field(type, address, 1);
  for (const [title, list] of [["Capacity", status.capacity], ["Allocatable", status.allocatable]]) {
    const names = Object.keys(list ?? {}).sort();
    if (names.length) page.write(0, `${title}:\n`);
    for (const name of names) page.field(name, list[name], 1);
  }
  const info = status.nodeInfo ?? {};
  page.write(0, "System Info:\n");
  const told = [["Machine ID", "machineID"], ["System UUID", "systemUUID"], ["Boot ID", "bootID"], ["Kernel Version", "kernelVersion"], ["OS Image", "osImage"], ["Operating System", "operatingSystem"], ["Architecture", "architecture"], ["Container Runtime Version", "containerRuntimeVersion"], ["Kubelet Version", "kubeletVersion"]];
  for (const [label, field] of told) page.field(label, info[field], 1);
  if (spec.podCIDR) page.field("PodCIDR", spec.podCIDR);
  if (spec.podCIDRs?.length) page.field("PodCIDRs", spec.podCIDRs.join(","));
  if (spec.providerID) page.field("ProviderID", spec.providerID);
  allocated(page, node, pods);
  events(page, found);
}

/** @param {Page} page @param {object} node @param {object[]} pods  that have not ended */
function allocated(page, node, pods) {
  const whole = node.status.allocatable ?? node.status.capacity ?? {};
  page.write(0, `Non-terminated Pods:\t(${pods.length} in total)\n`);
  page.write(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n");
  page.write(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n");
  const requests = [];
  const limits = [];
  for (const pod of pods) {
    const [asked, most] = [needs(pod, "requests"), needs(pod, "limits")];
    requests.push(asked);
    limits.push(most);
    const cells = [share(asked.cpu, whole.cpu), share(most.cpu, whole.cpu), share(asked.memory, whole.memory), share(most.memory, whole.memory)];
    page.write(1, `${pod.metadata.namespace}\t${pod.metadata.name}\t\t${cells.join("\t")}\t${page.since(pod.metadata.creationTimestamp)}\n`);
  }
  page.write(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n");
  page.write(1, "Resource\tRequests\tLimits\n");
  page.write(1, "--------\t--------\t------\n");
  const sum = (list, name) => total(list.map((each) => each[name]));
  const huge = Object.keys(whole).filter((name) => name.startsWith("hugepages-")).sort();
  const extended = Object.keys(whole).filter((name) => !STANDARD.has(name) && !name.startsWith("hugepages-")).sort();
  for (const name of ["cpu", "memory", "ephemeral-storage", ...huge]) page.write(1, `${name}\t${share(sum(requests, name), whole[name])}\t${share(sum(limits, name), whole[name])}\n`);
  for (const name of extended) page.write(1, `${name}\t${sum(requests, name)}\t${sum(limits, name)}\n`);
}

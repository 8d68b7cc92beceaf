/** describe: an object, what belongs to it, and its Events, on one sheet. */

import { anything } from "../describe/anything.js";
import { Page, selectorText } from "../describe/page.js";
import { node, pod } from "../describe/pods.js";
import { endpointSlice, ingress, networkPolicy, service } from "../describe/services.js";
import * as settings from "../describe/settings.js";
import * as workloads from "../describe/workloads.js";
import { Failure } from "../failure.js";
import { SETS } from "../flags.js";
import { find, targets } from "../targets.js";

export const describe = {
  name: "describe",
  usage: "describe TYPE [NAME | -l LABEL]",
  kinds: true,
  flags: { ...SETS.select, ...SETS.files, "show-events": { kind: "bool" }, "chunk-size": { kind: "number" } },
  run,
};

/** @param {Line} line */
async function run(line) {
  if (line.args.length === 0 && !line.flags.filename) throw new Failure("error: You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.");
  const found = await prefixed(line);
  let first = true;
  for (const each of found) {
    if (!first) line.out("\n\n");
    first = false;
    line.out(await sheet(line, each));
  }
  if (first && !line.failed) line.err(line.flags["all-namespaces"] ? "No resources found\n" : `No resources found in ${line.namespace} namespace.\n`);
}

/** A name that nothing has may be the beginning of several names. @param {Line} line */
async function prefixed(line) {
  if (line.flags.filename || line.args.length !== 2 || line.args.some((each) => each.includes("/"))) return find(line, line.args, { all: true });
  const [exact] = [await find(line, line.args, { all: true, missing: true })];
  if (exact.length) return exact;
  const [{ resource }] = await targets(line, [line.args[0]]);
  const all = await find(line, [line.args[0]], { all: true });
  const begun = all.filter(({ name }) => name.startsWith(line.args[1]));
  if (begun.length === 0) return find(line, [resource.plural, line.args[1]]);
  return begun;
}

/** Kinds that have a sheet: how it is written, and what it needs beside the object. */
const SHEETS = {
  Pod: { write: pod },
  Node: { write: node, around: nodeAround },
  Deployment: { write: workloads.deployment, around: replicaSets },
  ReplicaSet: { write: workloads.replicaSet, around: phases },
  ReplicationController: { write: workloads.replicaSet, around: phases },
  DaemonSet: { write: workloads.daemonSet, around: phases },
  StatefulSet: { write: workloads.statefulSet, around: phases },
  Job: { write: workloads.job },
  CronJob: { write: workloads.cronJob },
  Service: { write: service, around: (line, object) => slicesOf(line, object.metadata) },
  Ingress: { write: ingress, around: backends },
  EndpointSlice: { write: endpointSlice },
  NetworkPolicy: { write: networkPolicy, silent: true },
  ConfigMap: { write: settings.configMap },
  Secret: { write: settings.secret, silent: true },
  Namespace: { write: settings.namespace, around: within, silent: true },
  ResourceQuota: { write: settings.resourceQuota, silent: true },
  LimitRange: { write: settings.limitRange, silent: true },
  ServiceAccount: { write: settings.serviceAccount },
  Role: { write: settings.role, silent: true },
  ClusterRole: { write: settings.role, silent: true },
  RoleBinding: { write: settings.binding, silent: true },
  ClusterRoleBinding: { write: settings.binding, silent: true },
  PodDisruptionBudget: { write: settings.budget },
  HorizontalPodAutoscaler: { write: settings.autoscaler },
  PersistentVolumeClaim: { write: settings.claim, around: users },
  PersistentVolume: { write: settings.volume },
  PriorityClass: { write: settings.priorityClass },
  StorageClass: { write: settings.storageClass },
};

/** @param {Line} line @param {Found} found @returns {Promise<string>} */
async function sheet(line, { resource, object }) {
  const known = SHEETS[resource.kind];
  const fits = known && (!resource.group || /(^|\.)k8s\.io$|^(apps|batch|autoscaling|policy)$/.test(resource.group));
  const { write = anything, around, silent } = fits ? known : {};
  const beside = around ? await around(line, object) : undefined;
  const events = silent || line.flags["show-events"] === false ? undefined : await eventsOf(line, object);
  const page = new Page(line.api.now);
  write(page, object, events, beside);
  return String(page);
}

/** @param {Line} line @param {object} object */
async function eventsOf(line, object) {
  const { metadata, kind } = object;
  const mirror = metadata.annotations?.["kubernetes.io/config.mirror"];
  const uid = mirror ?? metadata.uid;
  const parts = [`involvedObject.name=${metadata.name}`, `involvedObject.namespace=${metadata.namespace ?? ""}`];
  if (kind !== "Pod") parts.push(`involvedObject.kind=${kind}`);
  parts.push(`involvedObject.uid=${kind === "Node" ? metadata.name : uid}`);
  const where = metadata.namespace ? `/api/v1/namespaces/${metadata.namespace}/events` : "/api/v1/events";
  const asked = async (fields) => (await line.api.list(where, { fieldSelector: fields.join(",") })).items ?? [];
  const found = await asked(parts);
  if (kind !== "Node") return found;
  return [...found, ...(await asked([...parts.slice(0, -1), `involvedObject.uid=${metadata.uid}`]))];
}

/** @param {Line} line @param {object} object */
async function phases(line, { metadata, spec, kind }) {
  const selector = kind === "ReplicationController" ? { matchLabels: spec.selector } : spec.selector;
  const { items } = await line.api.list(`/api/v1/namespaces/${metadata.namespace}/pods`, { labelSelector: selectorText(selector) });
  const own = items.filter((each) => (each.metadata.ownerReferences ?? []).some((owner) => owner.controller && owner.uid === metadata.uid));
  const count = (phase) => own.filter(({ status }) => status?.phase === phase).length;
  return { running: count("Running"), waiting: count("Pending"), succeeded: count("Succeeded"), failed: count("Failed") };
}

/** @param {*} value @returns {string} one text for one value, whatever the order of its keys */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${key}:${canonical(value[key])}`).join(",")}}`;
}

/** The ReplicaSets of a Deployment: the one of its template, and the others. @param {Line} line @param {object} object */
export async function replicaSets(line, { metadata, spec }) {
  const { items } = await line.api.list(`/apis/apps/v1/namespaces/${metadata.namespace}/replicasets`, { labelSelector: selectorText(spec.selector) });
  const own = items
    .filter((each) => (each.metadata.ownerReferences ?? []).some((owner) => owner.controller && owner.uid === metadata.uid))
    .sort((one, other) => (one.metadata.creationTimestamp < other.metadata.creationTimestamp ? -1 : one.metadata.creationTimestamp > other.metadata.creationTimestamp ? 1 : one.metadata.name < other.metadata.name ? -1 : 1));
  const wanted = canonical(spec.template);
  const bare = (set) => {
    const { "pod-template-hash": _, ...rest } = set.spec.template.metadata.labels ?? {};
    return canonical({ ...set.spec.template, metadata: { ...set.spec.template.metadata, labels: rest } });
  };
  const fresh = own.find((set) => bare(set) === wanted);
  return { old: own.filter((set) => set !== fresh), fresh: fresh ? [fresh] : [] };
}

/** @param {Line} line @param {object} object */
async function nodeAround(line, { metadata }) {
  const lease = await line.api.get(`/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${metadata.name}`).catch((error) => error);
  const { items } = await line.api.list("/api/v1/pods", { fieldSelector: `spec.nodeName=${metadata.name},status.phase!=Succeeded,status.phase!=Failed` });
  return { lease, pods: items };
}

/** @param {Line} line @param {{name: string, namespace: string}} service */
async function slicesOf(line, { name, namespace }) {
  const { items } = await line.api.list(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, { labelSelector: `kubernetes.io/service-name=${name}` });
  return items;
}

/** @param {Line} line @param {object} object */
async function backends(line, { metadata, spec }) {
  const paths = (spec.rules ?? []).flatMap(({ http }) => http?.paths ?? []);
  const names = new Set([spec.defaultBackend, ...paths.map(({ backend }) => backend)].map((each) => each?.service?.name).filter(Boolean));
  const found = new Map();
  for (const name of names) {
    const there = await line.api.get(`/api/v1/namespaces/${metadata.namespace}/services/${name}`).catch(() => undefined);
    if (there) found.set(name, await slicesOf(line, { name, namespace: metadata.namespace }));
  }
  return found;
}

/** @param {Line} line @param {object} object */
async function within(line, { metadata }) {
  const { items: quotas } = await line.api.list(`/api/v1/namespaces/${metadata.name}/resourcequotas`);
  const { items: ranges } = await line.api.list(`/api/v1/namespaces/${metadata.name}/limitranges`);
  return { quotas, ranges };
}

/** @param {Line} line @param {object} object */
async function users(line, { metadata }) {
  const { items } = await line.api.list(`/api/v1/namespaces/${metadata.namespace}/pods`);
  return items.filter(({ spec }) => (spec.volumes ?? []).some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === metadata.name)).map((each) => each.metadata.name).sort();
}

/** describe configmap, secret, namespace, quota, limitrange, serviceaccount, roles and their bindings, budgets, autoscalers, volumes and claims. */

import { stamp } from "../times.js";
import { annotations, events, heading, labels, mapText, selectorText } from "./page.js";
import { volumes } from "./containers.js";

/** @typedef {Page} Page */

/** @param {string} text  base64 @returns {number} bytes */
function bytes(text) {
  return atob(text).length;
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function configMap(page, object, found) {
  heading(page, object);
  page.write(0, "\nData\n====\n");
  for (const key of Object.keys(object.data ?? {}).sort()) page.write(0, `${key}:\n----\n${object.data[key]}\n\n`);
  page.write(0, "\nBinaryData\n====\n");
  for (const key of Object.keys(object.binaryData ?? {}).sort()) page.write(0, `${key}: ${bytes(object.binaryData[key])} bytes\n`);
  page.write(0, "\n");
  events(page, found);
}

/** @param {Page} page @param {object} object */
export function secret(page, object) {
  heading(page, object);
  page.write(0, `\nType:\t${object.type}\n`);
  page.write(0, "\nData\n====\n");
  for (const key of Object.keys(object.data ?? {}).sort()) {
    const token = key === "token" && object.type === "kubernetes.io/service-account-token";
    page.write(0, `${key}:\t${token ? atob(object.data[key]) : `${bytes(object.data[key])} bytes`}\n`);
  }
}

const RANGE = "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n";
const RULE = "----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n";

/** @param {Page} page @param {object} range @param {string} prefix */
function limits(page, range, prefix) {
  for (const each of range.spec.limits ?? []) {
    const lists = [each.min, each.max, each.defaultRequest, each.default, each.maxLimitRequestRatio];
    const names = [...new Set(lists.flatMap((list) => Object.keys(list ?? {})))].sort();
    for (const name of names) page.write(0, `${prefix}${each.type}\t${name}\t${lists.map((list) => list?.[name] ?? "-").join("\t")}\n`);
  }
}

/** @param {Page} page @param {object} quota @param {number} level @param {string} rule */
function hard(page, quota, level, rule) {
  if (quota.spec.scopes?.length) page.field("Scopes", [...quota.spec.scopes].sort().join(", "), level);
  page.write(level, "Resource\tUsed\tHard\n");
  page.write(level, rule);
  for (const name of Object.keys(quota.status?.hard ?? {}).sort()) page.write(level, `${name}\t${quota.status.used?.[name] ?? "0"}\t${quota.status.hard[name]}\n`);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} _events @param {{quotas: object[], ranges: object[]}} within */
export function namespace(page, { metadata, status = {} }, _events, { quotas, ranges }) {
  page.field("Name", metadata.name);
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.field("Status", status.phase);
  if (status.conditions?.length) {
    page.write(0, "Conditions:\n");
    page.write(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage\n");
    page.write(1, "----\t------\t------------------\t------\t-------\n");
    for (const each of status.conditions) page.write(1, `${each.type}\t${each.status}\t${stamp(each.lastTransitionTime)}\t${each.reason}\t${each.message}\n`);
  }
  page.write(0, "\n");
  if (quotas.length === 0) page.write(0, "No resource quota.\n");
  else {
    page.write(0, "Resource Quotas\n");
    for (const quota of quotas) {
      page.field("Name", quota.metadata.name, 1);
      hard(page, quota, 1, "--------\t---\t---\n");
    }
  }
  page.write(0, "\n");
  if (ranges.length === 0) page.write(0, "No LimitRange resource.\n");
  else {
    page.write(0, `Resource Limits\n ${RANGE} ${RULE}`);
    for (const range of ranges) limits(page, range, " ");
  }
}

/** @param {Page} page @param {object} quota */
export function resourceQuota(page, quota) {
  page.field("Name", quota.metadata.name);
  page.field("Namespace", quota.metadata.namespace);
  hard(page, quota, 0, "--------\t----\t----\n");
}

/** @param {Page} page @param {object} range */
export function limitRange(page, range) {
  page.field("Name", range.metadata.name);
  page.field("Namespace", range.metadata.namespace);
  page.write(0, RANGE + RULE);
  limits(page, range, "");
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function serviceAccount(page, object, found) {
  heading(page, object);
  const secrets = (object.imagePullSecrets ?? []).map(({ name }) => name);
  (secrets.length ? secrets : ["<none>"]).forEach((name, number) => page.write(0, `${number ? " ".repeat(19) : "Image pull secrets:"}\t${name}\n`));
  events(page, found);
}

/** @param {Page} page @param {object} object */
export function role(page, { metadata, rules = [] }) {
  page.field("Name", metadata.name);
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.write(0, "PolicyRule:\n");
  page.write(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
  page.write(1, "---------\t-----------------\t--------------\t-----\n");
  for (const line of ruleLines(rules)) page.write(1, `${line.join("\t")}\n`);
}

/** One line a resource, its verbs together; in the order of the verbs, then of group and resource. @param {object[]} rules @returns {string[][]} */
export function ruleLines(rules) {
  const found = new Map();
  const add = (group, raw, whole, url, only, verbs) => {
    const key = raw ? `${group} ${whole} ${only}` : String(found.size); // addresses are not gathered
    const known = found.get(key) ?? { cells: [whole, url, only], verbs: [], order: `${group}],${raw}],${only}${url}]` };
    for (const verb of verbs) if (!known.verbs.includes(verb)) known.verbs.push(verb);
    found.set(key, known);
  };
  for (const { resources = [], apiGroups = [""], verbs = [], resourceNames = [], nonResourceURLs = [] } of rules) {
    for (const url of nonResourceURLs) add("", "", "", `[${url}]`, "[]", verbs);
    for (const resource of resources) {
      const [name, sub] = resource.split("/");
      for (const group of apiGroups) {
        const whole = `${name}${group ? `.${group}` : ""}${sub ? `/${sub}` : ""}`;
        for (const only of resourceNames.length ? resourceNames : [""]) add(group, resource, whole, "[]", `[${only}]`, verbs);
      }
    }
  }
  const text = ({ verbs, order }) => `[${verbs.join(" ")}],APIGroups:[${order}`;
  return [...found.values()].sort((one, other) => (text(one) < text(other) ? -1 : text(one) > text(other) ? 1 : 0)).map(({ cells, verbs }) => [...cells, `[${verbs.join(" ")}]`]);
}

/** @param {Page} page @param {object} object */
export function binding(page, { metadata, roleRef, subjects = [] }) {
  page.field("Name", metadata.name);
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.write(0, "Role:\n");
  page.field("Kind", roleRef.kind, 1);
  page.field("Name", roleRef.name, 1);
  page.write(0, "Subjects:\n");
  page.write(1, "Kind\tName\tNamespace\n");
  page.write(1, "----\t----\t---------\n");
  for (const { kind, name, namespace = "" } of subjects) page.write(1, `${kind}\t${name}\t${namespace}\n`);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function budget(page, { metadata, spec, status = {} }, found) {
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  if (spec.minAvailable !== undefined) page.field("Min available", spec.minAvailable);
  else if (spec.maxUnavailable !== undefined) page.field("Max unavailable", spec.maxUnavailable);
  page.field("Selector", spec.selector ? selectorText(spec.selector) : "<unset>");
  page.write(0, "Status:\n");
  page.field("Allowed disruptions", status.disruptionsAllowed ?? 0, 2);
  page.field("Current", status.currentHealthy ?? 0, 2);
  page.field("Desired", status.desiredHealthy ?? 0, 2);
  page.field("Total", status.expectedPods ?? 0, 2);
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function autoscaler(page, object, found) {
  const { spec, status = {} } = object;
  heading(page, object);
  page.field("CreationTimestamp", stamp(object.metadata.creationTimestamp));
  page.field("Reference", `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`);
  page.write(0, "Metrics:\t( current / target )\n");
  (spec.metrics ?? []).forEach((metric, number) => page.write(1, `${metricText(metric, status.currentMetrics?.[number])}\n`));
  page.field("Min replicas", spec.minReplicas ?? "<unset>");
  page.field("Max replicas", spec.maxReplicas);
  if (spec.behavior) {
    page.write(0, "Behavior:\n");
    for (const [title, rules] of [["Scale Up", spec.behavior.scaleUp], ["Scale Down", spec.behavior.scaleDown]]) {
      if (!rules) continue;
      page.write(1, `${title}:\n`);
      if (rules.stabilizationWindowSeconds !== undefined) page.write(2, `Stabilization Window: ${rules.stabilizationWindowSeconds} seconds\n`);
      if (!rules.policies?.length) continue;
      page.write(2, `Select Policy: ${rules.selectPolicy ?? "Max"}\n`);
      page.write(2, "Policies:\n");
      for (const each of rules.policies) page.write(3, `- Type: ${each.type}\tValue: ${each.value}\tPeriod: ${each.periodSeconds} seconds\n`);
    }
  }
  page.field(`${spec.scaleTargetRef.kind} pods`, `${status.currentReplicas ?? 0} current / ${status.desiredReplicas ?? 0} desired`);
  if (status.conditions?.length) {
    page.write(0, "Conditions:\n");
    page.write(1, "Type\tStatus\tReason\tMessage\n");
    page.write(1, "----\t------\t------\t-------\n");
    for (const each of status.conditions) page.write(1, `${each.type}\t${each.status}\t${each.reason}\t${each.message}\n`);
  }
  events(page, found);
}

/** @param {object} metric @param {object|undefined} current */
function metricText(metric, current) {
  const field = metric.type.charAt(0).toLowerCase() + metric.type.slice(1);
  const { target, name, metric: identity, container } = metric[field];
  const now = current?.[field]?.current;
  const about = container ? `resource ${name} of container "${container}" on pods` : identity ? `"${identity.name}" on pods` : `resource ${name} on pods`;
  if (target.averageValue !== undefined) return `${about}:\t${now?.averageValue ?? "<unknown>"} / ${target.averageValue}`;
  if (target.value !== undefined) return `${about} (target value):\t${now?.value ?? "<unknown>"} / ${target.value}`;
  const known = now?.averageUtilization === undefined ? "<unknown>" : `${now.averageUtilization}% (${now.averageValue})`;
  return `${about}  (as a percentage of request):\t${known} / ${target.averageUtilization === undefined ? "<auto>" : `${target.averageUtilization}%`}`;
}

const MODES = { ReadWriteOnce: "RWO", ReadOnlyMany: "ROX", ReadWriteMany: "RWX", ReadWriteOncePod: "RWOP" };
/** @param {string[]|undefined} modes */
const modesText = (modes) => (modes ?? []).map((each) => MODES[each] ?? each).join(",");

/** @param {Page} page @param {object} object @param {object[]|undefined} found @param {string[]} pods  that use it */
export function claim(page, { metadata, spec, status = {} }, found, pods) {
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  page.field("StorageClass", spec.storageClassName);
  page.field("Status", metadata.deletionTimestamp ? `Terminating (lasts ${page.since(metadata.deletionTimestamp)})` : status.phase);
  page.field("Volume", spec.volumeName);
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.field("Finalizers", `[${(metadata.finalizers ?? []).join(" ")}]`);
  page.field("Capacity", spec.volumeName ? status.capacity?.storage : "");
  page.field("Access Modes", spec.volumeName ? modesText(status.accessModes) : "");
  if (spec.volumeMode) page.field("VolumeMode", spec.volumeMode);
  page.write(0, "Used By:\t");
  page.write(0, pods.length ? pods.map((each, number) => `${number ? "\t" : ""}${each}\n`).join("") : "<none>\n");
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function volume(page, { metadata, spec, status = {} }, found) {
  page.field("Name", metadata.name);
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  page.field("Finalizers", `[${(metadata.finalizers ?? []).join(" ")}]`);
  page.field("StorageClass", spec.storageClassName);
  page.field("Status", metadata.deletionTimestamp ? `Terminating (lasts ${page.since(metadata.deletionTimestamp)})` : status.phase);
  page.field("Claim", spec.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : "");
  page.field("Reclaim Policy", spec.persistentVolumeReclaimPolicy);
  page.field("Access Modes", modesText(spec.accessModes));
  if (spec.volumeMode) page.field("VolumeMode", spec.volumeMode);
  page.field("Capacity", spec.capacity?.storage);
  page.write(0, `Node Affinity:\t${spec.nodeAffinity ? "" : "<none>"}\n`);
  page.field("Message", status.message ?? "");
  volumes(page, [{ name: metadata.name, ...spec }]);
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function storageClass(page, object, found) {
  const { metadata } = object;
  page.field("Name", metadata.name);
  page.field("IsDefaultClass", metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true" ? "Yes" : "No");
  page.field("Annotations", mapText(metadata.annotations));
  page.field("Provisioner", object.provisioner);
  page.field("Parameters", mapText(object.parameters));
  page.field("AllowVolumeExpansion", object.allowVolumeExpansion === undefined ? "<unset>" : object.allowVolumeExpansion ? "True" : "False");
  page.write(0, `MountOptions:${object.mountOptions?.length ? "" : "\t<none>"}\n`);
  for (const option of object.mountOptions ?? []) page.write(1, `${option}\n`);
  if (object.reclaimPolicy) page.field("ReclaimPolicy", object.reclaimPolicy);
  if (object.volumeBindingMode) page.field("VolumeBindingMode", object.volumeBindingMode);
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function priorityClass(page, object, found) {
  page.field("Name", object.metadata.name);
  page.field("Value", object.value);
  page.field("GlobalDefault", Boolean(object.globalDefault));
  page.field("PreemptionPolicy", object.preemptionPolicy);
  page.field("Description", object.description ?? "");
  page.field("Annotations", mapText(object.metadata.annotations));
  events(page, found);
}

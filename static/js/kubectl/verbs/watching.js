/** logs, top, events: what goes on. */

import { selectorText } from "../describe/page.js";
import { path } from "../discovery.js";
import { Failure, Refused } from "../failure.js";
import { lines } from "../api.js";
import { amount } from "../quantities.js";
import { align } from "../tabs.js";
import { targets } from "../targets.js";
import { age, duration } from "../times.js";

const PHASES = ["Running", "Unknown", "Pending"];

const TABLE = { minimum: 6, padding: 3 };

export const logs = {
  name: "logs",
  usage: "logs POD [-c CONTAINER] [-f] [--tail=N] [--previous]",
  kinds: true,
  only: ["pods"],
  bare: true,
  flags: {
    selector: { kind: "text", short: "l" },
    container: { kind: "text", short: "c" },
    follow: { kind: "bool", short: "f" },
    previous: { kind: "bool", short: "p" },
    tail: { kind: "number" },
    since: { kind: "text" },
    "since-time": { kind: "text" },
    timestamps: { kind: "bool" },
    "limit-bytes": { kind: "number" },
    "all-containers": { kind: "bool" },
    "all-pods": { kind: "bool" },
    prefix: { kind: "bool" },
    "ignore-errors": { kind: "bool" },
    "max-log-requests": { kind: "number" },
  },
  async run(line) {
    const pods = await podsOf(line).catch((error) => {
      if (!(error instanceof Refused) || error.code !== 404) throw error;
      throw new Failure(`error: error from server (NotFound): ${error.status.message} in namespace "${line.namespace}"`);
    });
    if (pods.length === 0) {
      line.err(`No resources found in ${line.namespace} namespace.\n`);
      return;
    }
    const wanted = pods.flatMap((pod) => containersOf(line, pod).map((container) => ({ pod, container })));
    const limit = line.flags["max-log-requests"] ?? 5;
    if (line.flags.follow && wanted.length > limit) throw new Failure(`error: you are attempting to follow ${wanted.length} log streams, but maximum allowed concurrency is ${limit}, use --max-log-requests to increase the limit`);
    const prefix = line.flags.prefix || line.flags["all-pods"];
    const one = ({ pod, container }) => stream(line, pod, container, prefix ? `[pod/${pod.metadata.name}/${container}] ` : "");
    if (line.flags.follow) await Promise.all(wanted.map(one));
    else for (const each of wanted) await one(each);
  },
};

/** Which of a workload's Pods is asked: podutils.ByLogging. @param {object} one @param {object} other @returns {number} */
function byLogging(one, other) {
  const keys = [one, other].map((pod) => {
    const { phase, conditions = [], containerStatuses = [] } = pod.status ?? {};
    const ready = conditions.find(({ type, status }) => type === "Ready" && status === "True");
    const restarts = Math.max(0, ...containerStatuses.map(({ restartCount }) => restartCount ?? 0));
    // Times are of one length, so their letters sort as they do; one that has none comes last.
    return [pod.spec.nodeName ? 0 : 1, PHASES.indexOf(phase) >>> 0, ready ? 0 : 1, ready?.lastTransitionTime ?? "~", -restarts, pod.metadata.creationTimestamp ?? "~"];
  });
  const at = keys[0].findIndex((key, index) => key !== keys[1][index]);
  return at < 0 ? 0 : keys[0][at] < keys[1][at] ? -1 : 1;
}

/** @param {Line} line @returns {Promise<object[]>} */
async function podsOf(line) {
  const where = `/api/v1/namespaces/${line.namespace}/pods`;
  if (line.flags.selector) return (await line.api.list(where, { labelSelector: line.flags.selector })).items;
  const [first, container] = line.args;
  if (!first) throw new Failure("error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command\nSee 'kubectl logs -h' for help and examples");
  if (container) line.flags.container ??= container;
  if (!first.includes("/")) return [await line.api.get(`${where}/${encodeURIComponent(first)}`)];
  const [{ resource, name }] = await targets(line, [first]);
  const object = await line.api.get(path(resource, line.namespace, name));
  if (resource.kind === "Pod") return [object];
  const selector = resource.kind === "Service" || resource.kind === "ReplicationController" ? { matchLabels: object.spec.selector } : object.spec?.selector;
  if (!selector) throw new Failure(`error: cannot get the logs from ${resource.kind}: selector not found`);
  const { items } = await line.api.list(where, { labelSelector: selectorText(selector) });
  if (items.length === 0) throw new Failure(`error: timed out waiting for the condition`);
  if (line.flags["all-pods"]) return items;
  const [best] = [...items].sort(byLogging);
  if (items.length > 1) line.err(`Found ${items.length} pods, using pod/${best.metadata.name}\n`);
  return [best];
}

/** @param {Line} line @param {object} pod @returns {string[]} */
function containersOf(line, pod) {
  const inits = (pod.spec.initContainers ?? []).map(({ name }) => name);
  const names = pod.spec.containers.map(({ name }) => name);
  const extra = (pod.spec.ephemeralContainers ?? []).map(({ name }) => name);
  if (line.flags["all-containers"]) return [...inits, ...names, ...extra];
  if (line.flags.container) {
    if (![...inits, ...names, ...extra].includes(line.flags.container)) throw new Failure(`error: container ${line.flags.container} is not valid for pod ${pod.metadata.name}`);
    return [line.flags.container];
  }
  const chosen = pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"] ?? names[0];
  if (names.length > 1 || inits.length) {
    const all = [...names, ...inits.map((name) => `${name} (init)`), ...extra.map((name) => `${name} (ephem)`)];
    if (all.length > 1) line.err(`Defaulted container "${chosen}" out of: ${all.join(", ")}\n`);
  }
  return [chosen];
}

/** @param {Line} line @param {object} pod @param {string} container @param {string} prefix */
async function stream(line, pod, container, prefix) {
  const { follow, previous, tail, since, timestamps, "limit-bytes": limitBytes, "since-time": sinceTime } = line.flags;
  const query = { container, follow, previous, timestamps, limitBytes, sinceTime, sinceSeconds: since && Math.ceil(duration(since) / 1000), tailLines: tail === undefined ? (line.flags.selector ? 10 : undefined) : tail < 0 ? undefined : tail };
  const response = await line.api.send("GET", `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/log`, { query, accept: "*/*" });
  for await (const text of lines(response)) line.out(`${prefix}${text}\n`);
}

/** @param {Line} line @param {"nodes"|"pods"} kind */
async function measured(line, kind) {
  const known = (await line.discovery.all()).some(({ group, plural }) => group === "metrics.k8s.io" && plural === kind);
  if (!known) {
    const anew = await line.discovery.all(true);
    if (!anew.some(({ group, plural }) => group === "metrics.k8s.io" && plural === kind)) throw new Failure("error: Metrics API not available");
  }
  const [name] = line.args;
  const within = kind === "pods" && !line.flags["all-namespaces"] ? `/namespaces/${line.namespace}` : "";
  const root = `/apis/metrics.k8s.io/v1beta1${within}/${kind}`;
  if (name) return [await line.api.get(`${root}/${name}`)];
  return (await line.api.get(root, { labelSelector: line.flags.selector, fieldSelector: line.flags["field-selector"] })).items;
}

/** @param {object[]} items @param {string|undefined} by */
function bySize(items, by, of) {
  if (by && !["cpu", "memory"].includes(by)) throw new Failure("error: --sort-by accepts only cpu or memory");
  return [...items].sort((one, other) => (by ? of(other, by) - of(one, by) : one.metadata.name < other.metadata.name ? -1 : 1));
}

const cores = (value) => `${Math.ceil(value * 1000 - 1e-6)}m`;
const bytes = (value) => `${Math.floor(value / 2 ** 20)}Mi`;
const TOP = { selector: { kind: "text", short: "l" }, "field-selector": { kind: "text" }, "no-headers": { kind: "bool" }, "sort-by": { kind: "text", values: ["cpu", "memory"] } };

const topNodes = {
  name: "top node",
  usage: "top node [NAME]",
  only: ["nodes"],
  flags: TOP,
  async run(line) {
    const found = await measured(line, "nodes");
    const { items } = await line.api.list("/api/v1/nodes", { labelSelector: line.flags.selector });
    const rows = bySize(found, line.flags["sort-by"], ({ usage }, by) => amount(usage[by])).map(({ metadata: { name }, usage }) => {
      const whole = items.find((node) => node.metadata.name === name)?.status.allocatable ?? {};
      const share = (key) => `${Math.trunc((amount(usage[key]) / amount(whole[key])) * 100)}%`;
      return [name, cores(amount(usage.cpu)), share("cpu"), bytes(amount(usage.memory)), share("memory")];
    });
    for (const { metadata: { name } } of items) {
      if (!line.args.length && found.every((each) => each.metadata.name !== name)) rows.push([name, ...Array(4).fill("<unknown>")]);
    }
    const head = line.flags["no-headers"] ? [] : [["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]];
    line.out(align([...head, ...rows].map((row) => `${row.join("\t")}\t\n`).join(""), TABLE));
  },
};

const topPods = {
  name: "top pod",
  usage: "top pod [NAME] [--containers]",
  only: ["pods"],
  flags: { ...TOP, "all-namespaces": { kind: "bool", short: "A" }, containers: { kind: "bool" }, sum: { kind: "bool" } },
  async run(line) {
    const found = await measured(line, "pods");
    if (found.length === 0) {
      line.err(line.flags["all-namespaces"] ? "No resources found\n" : `No resources found in ${line.namespace} namespace.\n`);
      return;
    }
    const sum = (pod, by) => pod.containers.reduce((all, { usage }) => all + amount(usage[by]), 0);
    const everywhere = line.flags["all-namespaces"];
    const rows = bySize(found, line.flags["sort-by"], sum).flatMap((pod) => {
      const head = everywhere ? [pod.metadata.namespace] : [];
      if (!line.flags.containers) return [[...head, pod.metadata.name, cores(sum(pod, "cpu")), bytes(sum(pod, "memory"))]];
      return pod.containers.map(({ name, usage }) => [...head, pod.metadata.name, name, cores(amount(usage.cpu)), bytes(amount(usage.memory))]);
    });
    const head = [...(everywhere ? ["NAMESPACE"] : []), ...(line.flags.containers ? ["POD", "NAME"] : ["NAME"]), "CPU(cores)", "MEMORY(bytes)"];
    line.out(align([...(line.flags["no-headers"] ? [] : [head]), ...rows].map((row) => `${row.join("\t")}\t\n`).join(""), TABLE));
  },
};

export const top = {
  name: "top",
  usage: "top node|pod [NAME]",
  commands: { node: topNodes, nodes: { ...topNodes, alias: true }, no: { ...topNodes, alias: true }, pod: topPods, pods: { ...topPods, alias: true }, po: { ...topPods, alias: true } },
};

/** @param {object} event */
const lastSeen = (event) => Date.parse(event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? 0);

/** @param {object} event @param {number} now */
function interval(event, now) {
  const first = age(event.eventTime ?? event.firstTimestamp, now);
  if (event.series) return `${age(event.series.lastObservedTime, now)} (x${event.series.count} over ${first})`;
  return event.count > 1 ? `${age(event.lastTimestamp, now)} (x${event.count} over ${first})` : first;
}

export const events = {
  name: "events",
  usage: "events [--for TYPE/NAME] [--types=Warning] [-w]",
  flags: { "all-namespaces": { kind: "bool", short: "A" }, for: { kind: "text" }, types: { kind: "list", values: ["Normal", "Warning"] }, watch: { kind: "bool", short: "w" }, "no-headers": { kind: "bool" } },
  async run(line) {
    const types = (line.flags.types ?? []).flatMap((each) => each.split(",")).map((each) => each.toLowerCase());
    if (types.some((each) => !["normal", "warning"].includes(each))) throw new Failure("error: valid --types are Normal or Warning");
    const query = {};
    if (line.flags.for) {
      if (!line.flags.for.includes("/")) throw new Failure("error: --for must be in resource/name form");
      const [{ resource, name }] = await targets(line, [line.flags.for]);
      const version = resource.group ? `${resource.group}/${resource.version}` : resource.version;
      query.fieldSelector = `involvedObject.kind=${resource.kind},involvedObject.apiVersion=${version},involvedObject.name=${name}`;
    }
    const where = line.flags["all-namespaces"] ? "/api/v1/events" : `/api/v1/namespaces/${line.namespace}/events`;
    const fits = (event) => types.length === 0 || types.includes(event.type.toLowerCase());
    const row = (event) => [...(line.flags["all-namespaces"] ? [event.metadata.namespace] : []), interval(event, line.api.now), event.type, event.reason, `${event.involvedObject.kind}/${event.involvedObject.name}`, (event.message ?? "").trim()];
    const list = await line.api.list(where, query);
    const found = list.items.filter(fits).sort((one, other) => lastSeen(one) - lastSeen(other));
    if (found.length === 0 && !line.flags.watch) {
      line.err(line.flags["all-namespaces"] ? "No events found.\n" : `No events found in ${line.namespace} namespace.\n`);
      return;
    }
    const head = [...(line.flags["all-namespaces"] ? ["NAMESPACE"] : []), "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    const rows = [...(line.flags["no-headers"] ? [] : [head]), ...found.map(row)];
    line.out(align(rows.map((cells) => `${cells.join("\t")}\n`).join(""), TABLE));
    if (!line.flags.watch) return;
    for await (const { type, object } of line.api.watch(where, { ...query, resourceVersion: list.metadata.resourceVersion })) {
      if (["ADDED", "MODIFIED"].includes(type) && fits(object)) line.out(align(`${row(object).join("\t")}\n`, TABLE));
    }
  },
};

/** run, expose, autoscale: one object from another, or from a few words. */

import { apiVersion } from "../discovery.js";
import { Failure, Said } from "../failure.js";
import { SETS } from "../flags.js";
import { find } from "../targets.js";
import { create } from "./apply.js";

/** @param {string} text  "a=b,c=d" */
function pairs(text) {
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [key, value, ...more] = part.split("=");
      if (!key || value === undefined || more.length) throw new Failure(`error: unexpected label spec: ${part}`);
      return [key, value];
    }),
  );
}

export const run = {
  name: "run",
  usage: "run NAME --image=IMAGE [--port=PORT] [--env=K=V] [-- ARGS]",
  flags: {
    ...SETS.write,
    image: { kind: "text" },
    port: { kind: "text" },
    env: { kind: "list" },
    labels: { kind: "text", short: "l" },
    annotations: { kind: "list" },
    restart: { kind: "text", values: ["Always", "OnFailure", "Never"] },
    command: { kind: "bool" },
    expose: { kind: "bool" },
    "image-pull-policy": { kind: "text" },
    overrides: { kind: "text" },
    stdin: { kind: "bool", short: "i" },
    tty: { kind: "bool", short: "t" },
    rm: { kind: "bool" },
    attach: { kind: "bool" },
  },
  async run(line) {
    const [name, ...args] = line.args;
    if (!name) throw new Failure("error: NAME is required for run\nSee 'kubectl run -h' for help and examples");
    if (!line.flags.image) throw new Failure("error: --image is required");
    if (line.flags.stdin || line.flags.tty || line.flags.attach || line.flags.rm) throw new Said("refused-stream", { command: "run -it" });
    const words = [...args, ...line.rest];
    const container = { image: line.flags.image, name, resources: {} };
    if (words.length) container[line.flags.command ? "command" : "args"] = words;
    if (line.flags.env) {
      container.env = line.flags.env.map((text) => {
        const at = text.indexOf("=");
        if (at < 1) throw new Failure(`error: invalid env: ${text}`);
        return { name: text.slice(0, at), value: text.slice(at + 1) };
      });
    }
    if (line.flags.port) container.ports = [{ containerPort: Number(line.flags.port) }];
    if (line.flags["image-pull-policy"]) container.imagePullPolicy = line.flags["image-pull-policy"];
    const labels = line.flags.labels ? pairs(line.flags.labels) : { run: name };
    const restartPolicy = line.flags.restart ?? "Always";
    if (!["Always", "OnFailure", "Never"].includes(restartPolicy)) throw new Failure(`error: invalid restart policy: ${restartPolicy}\nSee 'kubectl run -h' for help and examples`);
    const annotations = line.flags.annotations && Object.assign({}, ...line.flags.annotations.map(pairs));
    const spec = { containers: [container], dnsPolicy: "ClusterFirst", restartPolicy };
    const resource = await line.discovery.find("pods");
    if (line.flags.expose) {
      if (!line.flags.port) throw new Failure("error: --port must be set when exposing a service\nSee 'kubectl run -h' for help and examples");
      const port = Number(line.flags.port);
      await create(line, await line.discovery.find("services"), { metadata: { name }, spec: { ports: [{ port, protocol: "TCP", targetPort: port }], selector: labels }, status: { loadBalancer: {} } }, "created", "kubectl-run");
    }
    await create(line, resource, { metadata: { name, labels, ...(annotations ? { annotations } : {}) }, spec, status: {} }, "created", "kubectl-run");
  },
};

/** What a Service would select, by kind. @param {object} object @param {string} kind */
function selectorOf(object, kind) {
  if (kind === "Pod") return object.metadata.labels;
  if (["Service", "ReplicationController"].includes(kind)) return object.spec.selector;
  if (object.spec.selector?.matchExpressions?.length) throw new Failure("error: couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions");
  return object.spec.selector?.matchLabels;
}

/** @param {object} object @param {string} kind @returns {{port: number, protocol: string}[]} */
function portsOf(object, kind) {
  if (kind === "Service") return (object.spec.ports ?? []).map(({ port, protocol }) => ({ port, protocol }));
  const spec = kind === "Pod" ? object.spec : object.spec.template.spec;
  return spec.containers.flatMap(({ ports = [] }) => ports.map(({ containerPort, protocol = "TCP" }) => ({ port: containerPort, protocol })));
}

export const expose = {
  name: "expose",
  usage: "expose TYPE NAME --port=PORT [--target-port=PORT] [--type=NodePort]",
  kinds: true,
  only: ["pods", "services", "replicationcontrollers", "deployments", "replicasets"],
  flags: {
    ...SETS.write,
    ...SETS.files,
    name: { kind: "text" },
    port: { kind: "text" },
    "target-port": { kind: "text" },
    protocol: { kind: "text", values: ["TCP", "UDP", "SCTP"] },
    type: { kind: "text", values: ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] },
    selector: { kind: "text" },
    labels: { kind: "text", short: "l" },
    "cluster-ip": { kind: "text" },
    "external-ip": { kind: "text" },
    "session-affinity": { kind: "text" },
  },
  async run(line) {
    const { flags } = line;
    const { selector: given, ...rest } = flags;
    line.flags = rest;
    const found = await find(line, line.args);
    line.flags = flags;
    for (const { resource, name, object } of found) {
      if (!expose.only.includes(resource.plural)) throw new Failure(`error: cannot expose a ${resource.kind}`);
      const selector = given ? pairs(given) : selectorOf(object, resource.kind);
      if (!selector || Object.keys(selector).length === 0) throw new Failure("error: couldn't retrieve selectors via --selector flag or introspection: the service has no pod selector set");
      const known = portsOf(object, resource.kind);
      const wanted = flags.port?.split(",") ?? [...new Set(known.map(({ port }) => String(port)))];
      if (wanted.length === 0 && flags["cluster-ip"] !== "None") throw new Failure("error: couldn't find port via --port flag or introspection\nSee 'kubectl expose -h' for help and examples");
      const target = flags["target-port"];
      const ports = wanted.map((port, number) => ({
        ...(wanted.length > 1 ? { name: `port-${number + 1}` } : {}),
        port: Number(port),
        protocol: flags.protocol ?? known.find((each) => String(each.port) === port)?.protocol ?? "TCP",
        targetPort: target === undefined ? Number(port) : /^\d+$/.test(target) ? Number(target) : target,
      }));
      const labels = flags.labels ? pairs(flags.labels) : object.metadata.labels;
      const spec = { ports, selector };
      if (flags.type) spec.type = flags.type;
      if (flags["cluster-ip"]) spec.clusterIP = flags["cluster-ip"];
      if (flags["external-ip"]) spec.externalIPs = [flags["external-ip"]];
      if (flags["session-affinity"]) spec.sessionAffinity = flags["session-affinity"];
      await create(line, await line.discovery.find("services"), { metadata: { name: flags.name ?? name, ...(labels ? { labels } : {}) }, spec, status: { loadBalancer: {} } }, "exposed", "kubectl-expose");
    }
  },
};

export const autoscale = {
  name: "autoscale",
  usage: "autoscale TYPE NAME --min=N --max=N --cpu=80%",
  kinds: true,
  only: ["deployments", "replicasets", "statefulsets", "replicationcontrollers"],
  flags: { ...SETS.write, ...SETS.files, name: { kind: "text" }, min: { kind: "number" }, max: { kind: "number" }, "cpu-percent": { kind: "number" }, cpu: { kind: "text" }, memory: { kind: "text" } },
  async run(line) {
    const { min, max, cpu, memory, "cpu-percent": percent } = line.flags;
    if (!(max >= 1)) throw new Failure(`error: --max=MAXPODS is required and must be at least 1, max: ${max ?? -1}`);
    if (min !== undefined && max < min) throw new Failure(`error: --max=MAXPODS must be larger or equal to --min=MINPODS, max: ${max}, min: ${min}`);
    if (percent !== undefined && cpu !== undefined) throw new Failure("error: --cpu-percent and --cpu are mutually exclusive");
    const metric = (name, text) => {
      const share = /^(\d+)%$/.exec(text);
      return { type: "Resource", resource: { name, target: share ? { type: "Utilization", averageUtilization: Number(share[1]) } : { type: "AverageValue", averageValue: text } } };
    };
    const metrics = [];
    if (percent !== undefined && percent >= 0) metrics.push(metric("cpu", `${percent}%`));
    if (cpu !== undefined) metrics.push(metric("cpu", cpu));
    if (memory !== undefined) metrics.push(metric("memory", memory));
    const autoscaler = await line.discovery.ofKind("autoscaling/v2", "HorizontalPodAutoscaler");
    for (const { resource, name } of await find(line, line.args)) {
      if (!resource.subresources.includes("scale")) throw new Failure(`error: cannot autoscale a ${resource.kind}: no scale subresource`);
      const spec = { ...(min === undefined || min < 0 ? {} : { minReplicas: min }), maxReplicas: max, ...(metrics.length ? { metrics } : {}), scaleTargetRef: { apiVersion: apiVersion(resource), kind: resource.kind, name } };
      await create(line, autoscaler, { metadata: { name: line.flags.name ?? name }, spec }, "autoscaled", "kubectl-autoscale");
    }
  },
};

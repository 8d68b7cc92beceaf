/** api-resources, api-versions, version, cluster-info, config: the server, its kinds, and where they are. */

import { apiVersion, full } from "../discovery.js";
import { Failure, Said } from "../failure.js";
import { SETS } from "../flags.js";
import { align } from "../tabs.js";
import { dump, json } from "../yaml.js";

const TABLE = { minimum: 6, padding: 3 };

export const apiResources = {
  name: "api-resources",
  usage: "api-resources [--namespaced=false] [--api-group=apps] [-o wide|name]",
  flags: { ...SETS.output, namespaced: { kind: "bool" }, "api-group": { kind: "text" }, verbs: { kind: "list" }, categories: { kind: "list" }, "no-headers": { kind: "bool" }, "sort-by": { kind: "text", values: ["name", "kind"] }, cached: { kind: "bool" } },
  async run(line) {
    const { flags } = line;
    const verbs = (flags.verbs ?? []).flatMap((each) => each.split(","));
    const categories = (flags.categories ?? []).flatMap((each) => each.split(","));
    await line.discovery.all(true);
    let found = (await line.discovery.preferred()).filter(
      (each) =>
        (flags.namespaced === undefined || each.namespaced === flags.namespaced) &&
        (flags["api-group"] === undefined || each.group === flags["api-group"]) &&
        verbs.every((verb) => each.verbs.includes(verb)) &&
        categories.every((one) => each.categories.includes(one)) &&
        each.verbs.length > 0,
    );
    const order = (each) => (flags["sort-by"] === "kind" ? each.kind : flags["sort-by"] === "name" ? each.plural : `${each.group} ${each.plural}`);
    found = found.sort((one, other) => (order(one) < order(other) ? -1 : order(one) > order(other) ? 1 : 0));
    if (flags.output === "name") {
      line.out(found.map((each) => `${full(each)}\n`).join(""));
      return;
    }
    if (flags.output && flags.output !== "wide") throw new Failure(`error: --output ${flags.output} is not available\nSee 'kubectl api-resources -h' for help and examples`);
    const wide = flags.output === "wide";
    const rows = found.map((each) => [each.plural, each.shortNames.join(","), apiVersion(each), String(each.namespaced), each.kind, ...(wide ? [each.verbs.join(","), each.categories.join(",")] : [])]);
    const head = flags["no-headers"] ? [] : [["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", ...(wide ? ["VERBS", "CATEGORIES"] : [])]];
    line.out(align([...head, ...rows].map((row) => `${row.join("\t")}\n`).join(""), TABLE));
  },
};

export const apiVersions = {
  name: "api-versions",
  usage: "api-versions",
  async run(line) {
    await line.discovery.all(true);
    line.out([...line.discovery.groups].sort().map((each) => `${each}\n`).join(""));
  },
};

export const version = {
  name: "version",
  usage: "version [-o yaml|json]",
  flags: { ...SETS.output, client: { kind: "bool" } },
  async run(line) {
    if (line.flags.client) throw new Said("no-client");
    const server = await line.api.get("/version");
    if (line.flags.output) line.out((line.flags.output === "json" ? json : dump)({ serverVersion: server }));
    else line.out(`Server Version: ${server.gitVersion}\n`);
  },
};

/** @param {Line} line */
const server = (line) => new URL(line.api.base, globalThis.location?.href).href.replace(/\/$/, "");

export const clusterInfo = {
  name: "cluster-info",
  usage: "cluster-info",
  async run(line) {
    const { items } = await line.api.get("/api/v1/namespaces/kube-system/services", { labelSelector: "kubernetes.io/cluster-service=true" });
    line.out(`Kubernetes control plane is running at ${server(line)}\n`);
    for (const { metadata, spec } of items) {
      const name = metadata.labels["kubernetes.io/name"] ?? metadata.name;
      const [port] = spec.ports ?? [];
      line.out(`${name} is running at ${server(line)}/api/v1/namespaces/kube-system/services/${metadata.name}${port?.name ? `:${port.name}` : ""}/proxy\n`);
    }
    line.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n");
  },
};

/** The name that the scenario's kubeconfig gives itself. @param {Line} line */
const nameOf = (line) => `k8sdocs-${line.api.base.split("/").at(-1).split(":")[0]}`;

/** @param {Line} line */
function contexts(line) {
  const name = nameOf(line);
  const { namespace } = line.kubectl;
  return {
    apiVersion: "v1",
    clusters: [{ cluster: { server: server(line) }, name }],
    contexts: [{ context: { cluster: name, ...(namespace === "default" ? {} : { namespace }), user: name }, name }],
    "current-context": name,
    kind: "Config",
    preferences: {},
    users: [{ name, user: {} }],
  };
}

const view = {
  name: "config view",
  usage: "config view",
  flags: { ...SETS.output, minify: { kind: "bool" }, raw: { kind: "bool" } },
  async run(line) {
    line.out((line.flags.output === "json" ? json : dump)(contexts(line)));
  },
};

const currentContext = {
  name: "config current-context",
  usage: "config current-context",
  async run(line) {
    line.out(`${nameOf(line)}\n`);
  },
};

const getContexts = {
  name: "config get-contexts",
  usage: "config get-contexts",
  async run(line) {
    line.out(align(`CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n*\t${[0, 1, 2].map(() => nameOf(line)).join("\t")}\t${line.kubectl.namespace === "default" ? "" : line.kubectl.namespace}\n`, TABLE));
  },
};

const setContext = {
  name: "config set-context",
  usage: "config set-context --current --namespace=NAME",
  flags: { current: { kind: "bool" }, user: { kind: "text" }, cluster: { kind: "text" } },
  async run(line) {
    if (!line.flags.current || !line.flags.namespace) throw new Said("one-context");
    line.kubectl.namespace = line.flags.namespace;
    line.out(`Context "${nameOf(line)}" modified.\n`);
  },
};

export const config = {
  name: "config",
  usage: "config view | set-context --current --namespace=NAME",
  commands: { view, "current-context": currentContext, "get-contexts": getContexts, "set-context": setContext },
};

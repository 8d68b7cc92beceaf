/** create: objects from a manifest in the box, or from a few flags. */

import { path } from "../discovery.js";
import { Failure, Refused, Said } from "../failure.js";
import { SETS } from "../flags.js";
import { done, dryRun } from "../output.js";
import { described } from "../targets.js";
import { create as send, needFile, writing } from "./apply.js";

const WRITE = { ...SETS.write, "save-config": { kind: "bool" } };

/**
 * @param {string} name @param {string} usage @param {Record<string, Flag>} flags
 * @param {string} kind @param {(line: Line, name: string) => object|Promise<object>} body
 */
function maker(name, usage, flags, [version, kind], body) {
  return {
    name: `create ${name}`,
    usage: `create ${name} NAME ${usage}`.trim(),
    flags: { ...WRITE, ...flags },
    async run(line) {
      const [wanted, ...more] = line.args;
      if (!wanted || more.length) throw new Failure(`error: exactly one NAME is required, got ${line.args.length}\nSee 'kubectl create ${name} -h' for help and examples`);
      const resource = await line.discovery.ofKind(version, kind);
      if (!resource) throw new Failure(`error: no matches for kind "${kind}" in version "${version}"`);
      const made = await body(line, wanted);
      try {
        await send(line, resource, { ...made, metadata: { name: wanted, ...made.metadata } });
      } catch (error) {
        if (!(error instanceof Refused) || error.reason === "Unauthorized" || error.code === 403) throw error;
        throw new Failure(`error: failed to create ${kind.toLowerCase()}: ${error.status.message}`);
      }
    },
  };
}

/** @param {Line} line @param {string} flag @returns {*} */
function required(line, flag) {
  const value = line.flags[flag];
  if (value === undefined || value === "" || value.length === 0) throw new Failure(`error: required flag(s) "${flag}" not set`);
  return value;
}

/** @param {string[]|undefined} lists @returns {string[]} "a,b" and "c" as three */
export const each = (lists) => (lists ?? []).flatMap((list) => list.split(",")).filter(Boolean);

/** @param {string} image @returns {string} a container's name */
function containerName(image) {
  return image.split("/").at(-1).split(/[:@]/)[0].replace(/[^a-z0-9-]/gi, "-").toLowerCase();
}

/** @param {Line} line @param {string[]} images @param {(image: string) => string} [named] */
function containers(line, images, named = containerName) {
  return images.map((image) => ({
    ...(line.rest.length ? { command: line.rest } : {}),
    image,
    name: named(image),
    ...(line.flags.port ? { ports: [{ containerPort: line.flags.port }] } : {}),
    resources: {},
  }));
}

/** key=value of --from-literal. @param {Line} line @param {(value: string) => string} [written] */
function literals(line, written = (value) => value) {
  const file = line.flags["from-file"]?.[0] ?? line.flags["from-env-file"]?.[0];
  if (file !== undefined) throw new Said("no-files", { file });
  const found = {};
  for (const text of line.flags["from-literal"] ?? []) {
    const at = text.indexOf("=");
    if (at < 1) throw new Failure(`error: invalid literal source ${text}, expected key=value`);
    found[text.slice(0, at)] = written(text.slice(at + 1));
  }
  return Object.keys(found).length ? found : undefined;
}

/** @param {string} text @returns {string} in base64, as UTF-8 */
export function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

const LITERALS = { "from-literal": { kind: "list" }, "from-file": { kind: "list" }, "from-env-file": { kind: "list" } };
const TCP = { tcp: { kind: "list" }, "node-port": { kind: "number" }, clusterip: { kind: "text" }, "external-name": { kind: "text" } };

/** @param {string} type */
function serviceOf(type) {
  return (line, name) => {
    const ports = each(line.flags.tcp).map((text) => {
      const [port, target = port] = text.split(":");
      if (!/^\d+$/.test(port)) throw new Failure(`error: invalid port mapping: ${text}`);
      const one = { name: text.includes(":") ? `${port}-${target}` : port, port: Number(port), protocol: "TCP", targetPort: /^\d+$/.test(target) ? Number(target) : target };
      return line.flags["node-port"] ? { ...one, nodePort: line.flags["node-port"] } : one;
    });
    const none = line.flags.clusterip === "None";
    if (type !== "ExternalName" && ports.length === 0 && !none) throw new Failure(`error: at least one tcp port specifier must be provided`);
    const labels = { app: name };
    const spec = { ...(ports.length ? { ports } : {}), selector: labels, type };
    if (line.flags.clusterip) spec.clusterIP = line.flags.clusterip;
    if (type === "ExternalName") spec.externalName = required(line, "external-name");
    return { metadata: { name, labels }, spec, status: { loadBalancer: {} } };
  };
}

/** @param {Line} line */
async function rules(line) {
  const verbs = each(required(line, "verb"));
  const found = [];
  for (const text of each(line.flags.resource)) {
    const [type, sub] = text.split("/");
    const resource = await line.discovery.find(type);
    const known = found.find(({ apiGroups }) => apiGroups[0] === resource.group);
    const name = sub ? `${resource.plural}/${sub}` : resource.plural;
    if (known) known.resources.push(name);
    else found.push({ apiGroups: [resource.group], ...(line.flags["resource-name"] ? { resourceNames: each(line.flags["resource-name"]) } : {}), resources: [name], verbs });
  }
  if (line.flags["non-resource-url"]) found.push({ nonResourceURLs: each(line.flags["non-resource-url"]), verbs });
  if (found.length === 0) throw new Failure("error: at least one resource must be specified");
  return { rules: found };
}

const RULES = { verb: { kind: "list", values: ["get", "list", "watch", "create", "update", "patch", "delete"] }, resource: { kind: "list" }, "resource-name": { kind: "list" }, "non-resource-url": { kind: "list" } };
const SUBJECTS = { role: { kind: "text" }, clusterrole: { kind: "text" }, user: { kind: "list" }, group: { kind: "list" }, serviceaccount: { kind: "list" } };

/** @param {Line} line */
function subjects(line) {
  const apiGroup = "rbac.authorization.k8s.io";
  const role = line.flags.clusterrole ? { apiGroup, kind: "ClusterRole", name: line.flags.clusterrole } : { apiGroup, kind: "Role", name: line.flags.role };
  if (!role.name) throw new Failure("error: exactly one of clusterrole or role must be specified");
  const people = [
    ...each(line.flags.user).map((name) => ({ apiGroup, kind: "User", name })),
    ...each(line.flags.group).map((name) => ({ apiGroup, kind: "Group", name })),
    ...each(line.flags.serviceaccount).map((text) => {
      const [namespace, name] = text.split(":");
      if (!namespace || !name) throw new Failure("error: serviceaccount must be <namespace>:<name>");
      return { kind: "ServiceAccount", name, namespace };
    }),
  ];
  return { roleRef: role, ...(people.length ? { subjects: people } : {}) };
}

/** @param {Line} line */
function ingressRules(line) {
  const found = [];
  for (const text of required(line, "rule")) {
    const match = /^([^/=]*)(\/[^=]*)?=([^:,]+):([^,]+)(?:,.*)?$/.exec(text);
    if (!match) throw new Failure(`error: rule ${text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`);
    const [, host, way = "", name, port] = match;
    const prefix = way.endsWith("*");
    const backend = { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
    const one = { backend, path: prefix ? way.slice(0, -1) : way || "/", pathType: prefix ? "Prefix" : "Exact" };
    const known = found.find((rule) => (rule.host ?? "") === host);
    if (known) known.http.paths.push(one);
    else found.push({ ...(host ? { host } : {}), http: { paths: [one] } });
  }
  return { spec: { ...(line.flags.class ? { ingressClassName: line.flags.class } : {}), rules: found }, status: { loadBalancer: {} } };
}

/** A Job's own part. @param {Line} line @param {string} name @param {string} restart */
function jobSpec(line, name, restart) {
  const [container] = containers(line, [required(line, "image")], () => name);
  return { template: { metadata: {}, spec: { containers: [container], restartPolicy: restart } } };
}

const MAKERS = [
  maker("deployment", "--image=IMAGE [--replicas=N] [--port=PORT]", { image: { kind: "list" }, replicas: { kind: "number", short: "r" }, port: { kind: "number" } }, ["apps/v1", "Deployment"], (line, name) => {
    const images = each(required(line, "image"));
    const labels = { app: name };
    return { metadata: { name, labels }, spec: { replicas: line.flags.replicas ?? 1, selector: { matchLabels: labels }, strategy: {}, template: { metadata: { labels }, spec: { containers: containers(line, images) } } }, status: {} };
  }),
  maker("namespace", "", {}, ["v1", "Namespace"], () => ({ spec: {}, status: {} })),
  maker("configmap", "--from-literal=KEY=VALUE", LITERALS, ["v1", "ConfigMap"], (line) => {
    const data = literals(line);
    return data ? { data } : {};
  }),
  maker("serviceaccount", "", {}, ["v1", "ServiceAccount"], () => ({})),
  maker("job", "--image=IMAGE [-- COMMAND]", { image: { kind: "text" }, from: { kind: "text" } }, ["batch/v1", "Job"], async (line, name) => {
    if (!line.flags.from) return { spec: jobSpec(line, name, "Never"), status: {} };
    const [type, from] = line.flags.from.split("/");
    const resource = await line.discovery.find(type);
    if (resource.kind !== "CronJob" || !from) throw new Failure(`error: from must be an existing cronjob`);
    const source = await line.api.get(path(resource, line.namespace, from));
    const { metadata, spec } = source.spec.jobTemplate;
    const owner = { apiVersion: "batch/v1", kind: "CronJob", name: from, uid: source.metadata.uid, controller: true };
    return { metadata: { name, labels: metadata?.labels, annotations: { "cronjob.kubernetes.io/instantiate": "manual", ...metadata?.annotations }, ownerReferences: [owner] }, spec };
  }),
  maker("cronjob", "--image=IMAGE --schedule='*/5 * * * *' [-- COMMAND]", { image: { kind: "text" }, schedule: { kind: "text" }, restart: { kind: "text" } }, ["batch/v1", "CronJob"], (line, name) => ({
    spec: { jobTemplate: { metadata: { name }, spec: jobSpec(line, name, line.flags.restart ?? "OnFailure") }, schedule: required(line, "schedule") },
    status: {},
  })),
  maker("role", "--verb=VERBS --resource=KINDS", RULES, ["rbac.authorization.k8s.io/v1", "Role"], rules),
  maker("clusterrole", "--verb=VERBS --resource=KINDS", RULES, ["rbac.authorization.k8s.io/v1", "ClusterRole"], rules),
  maker("rolebinding", "--role=ROLE --user=USER", SUBJECTS, ["rbac.authorization.k8s.io/v1", "RoleBinding"], subjects),
  maker("clusterrolebinding", "--clusterrole=ROLE --user=USER", SUBJECTS, ["rbac.authorization.k8s.io/v1", "ClusterRoleBinding"], subjects),
  maker("quota", "--hard=pods=10", { hard: { kind: "list" }, scopes: { kind: "list" } }, ["v1", "ResourceQuota"], (line) => ({
    spec: { hard: Object.fromEntries(each(line.flags.hard).map((text) => text.split("="))), ...(line.flags.scopes ? { scopes: each(line.flags.scopes) } : {}) },
    status: {},
  })),
  maker("poddisruptionbudget", "--selector=app=web --min-available=1", { selector: { kind: "text" }, "min-available": { kind: "text" }, "max-unavailable": { kind: "text" } }, ["policy/v1", "PodDisruptionBudget"], (line) => {
    const number = (text) => (/^\d+$/.test(text) ? Number(text) : text);
    const { "min-available": least, "max-unavailable": most } = line.flags;
    if (!least && !most) throw new Failure("error: one of min-available or max-unavailable must be specified");
    const matchLabels = Object.fromEntries(required(line, "selector").split(",").map((text) => text.split("=")));
    return { spec: { ...(least ? { minAvailable: number(least) } : { maxUnavailable: number(most) }), selector: { matchLabels } }, status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 } };
  }),
  maker("ingress", "--rule=HOST/PATH=SERVICE:PORT", { rule: { kind: "list" }, class: { kind: "text" } }, ["networking.k8s.io/v1", "Ingress"], ingressRules),
  maker("priorityclass", "--value=N", { value: { kind: "number" }, description: { kind: "text" }, "global-default": { kind: "bool" }, "preemption-policy": { kind: "text" } }, ["scheduling.k8s.io/v1", "PriorityClass"], (line) => ({
    description: line.flags.description,
    ...(line.flags["global-default"] ? { globalDefault: true } : {}),
    preemptionPolicy: line.flags["preemption-policy"] ?? "PreemptLowerPriority",
    value: line.flags.value ?? 0,
  })),
];

const service = {
  name: "create service",
  usage: "create service clusterip|nodeport|loadbalancer|externalname NAME --tcp=80:80",
  commands: Object.fromEntries(
    ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"].map((type) => [type.toLowerCase(), maker(`service ${type.toLowerCase()}`, type === "ExternalName" ? "--external-name=NAME" : "--tcp=PORT:TARGET", TCP, ["v1", "Service"], serviceOf(type))]),
  ),
};

const secret = {
  name: "create secret",
  usage: "create secret generic NAME --from-literal=KEY=VALUE",
  commands: {
    generic: maker("secret generic", "--from-literal=KEY=VALUE", { ...LITERALS, type: { kind: "text" } }, ["v1", "Secret"], (line) => {
      const data = literals(line, base64);
      return { ...(data ? { data } : {}), ...(line.flags.type ? { type: line.flags.type } : {}) };
    }),
    "docker-registry": maker(
      "secret docker-registry",
      "--docker-username=USER --docker-password=PASSWORD",
      { "docker-server": { kind: "text" }, "docker-username": { kind: "text" }, "docker-password": { kind: "text" }, "docker-email": { kind: "text" } },
      ["v1", "Secret"],
      (line) => {
        const [username, password] = [required(line, "docker-username"), required(line, "docker-password")];
        const auths = { [line.flags["docker-server"] ?? "https://index.docker.io/v1/"]: { username, password, ...(line.flags["docker-email"] ? { email: line.flags["docker-email"] } : {}), auth: base64(`${username}:${password}`) } };
        return { data: { ".dockerconfigjson": base64(JSON.stringify({ auths })) }, type: "kubernetes.io/dockerconfigjson" };
      },
    ),
  },
};

const token = {
  name: "create token",
  usage: "create token SERVICEACCOUNT",
  flags: { duration: { kind: "text" }, audience: { kind: "list" } },
  async run(line) {
    const [name] = line.args;
    if (!name) throw new Failure("error: exactly one NAME is required, got 0");
    const spec = line.flags.audience ? { audiences: each(line.flags.audience) } : {};
    const answer = await line.api.json("POST", `/api/v1/namespaces/${line.namespace}/serviceaccounts/${name}/token`, { body: { kind: "TokenRequest", apiVersion: "authentication.k8s.io/v1", metadata: {}, spec } });
    line.out(`${answer.status.token}\n`);
  },
};

const ALIASES = { deploy: "deployment", ns: "namespace", cm: "configmap", sa: "serviceaccount", cj: "cronjob", pdb: "poddisruptionbudget", ing: "ingress", pc: "priorityclass", resourcequota: "quota", svc: "service" };
const byName = Object.fromEntries([...MAKERS, service, secret, token].map((command) => [command.name.slice("create ".length), command]));

export const create = {
  name: "create",
  usage: "create -f - | create deployment NAME --image=IMAGE …",
  flags: { ...SETS.files, ...WRITE, validate: { kind: "maybe", alone: "strict" } },
  commands: { ...byName, ...Object.fromEntries(Object.entries(ALIASES).map(([short, name]) => [short, { ...byName[name], alias: true }])) },
  async run(line) {
    if (line.args.length) throw new Said("unknown-command", { command: `create ${line.args[0]}` });
    needFile(line, "create");
    for (const found of await described(line)) {
      const query = { fieldManager: line.flags["field-manager"] ?? "kubectl-create", ...writing(line) };
      try {
        const object = dryRun(line) === "client" ? found.object : await line.api.json("POST", path(found.resource, found.namespace), { query, body: found.object });
        done(line, { ...found, name: object.metadata.name, object }, "created");
      } catch (error) {
        line.fail(error, `error when creating "STDIN": `);
      }
    }
  },
};

/** set image, set env, set resources, set serviceaccount: what is in a Pod template changed by a few words. */

import { Failure } from "../failure.js";
import { SETS } from "../flags.js";
import { twoWay } from "../strategic.js";
import { find } from "../targets.js";
import { done } from "../output.js";
import { builtIn } from "./apply.js";
import { each } from "./create.js";
import { patched } from "./change.js";

const CHOOSE = { ...SETS.files, ...SETS.write, ...SETS.select, all: { kind: "bool" }, containers: { kind: "text", short: "c" }, local: { kind: "bool" } };
const ONLY = ["pods", "replicationcontrollers", "deployments", "daemonsets", "statefulsets", "replicasets", "cronjobs", "jobs"];

/** @param {object} object @returns {object} the Pod's spec in it, to be changed in place */
function podSpec(object) {
  if (object.kind === "Pod") return object.spec;
  if (object.kind === "CronJob") return object.spec.jobTemplate.spec.template.spec;
  return object.spec.template.spec;
}

/**
 * Changes a copy of each object's Pod spec and sends what is different.
 * @param {Line} line @param {string[]} args @param {string} what
 * @param {(spec: object, found: Found) => void} change
 */
async function changed(line, args, what, change) {
  for (const found of await find(line, args, { all: line.flags.all })) {
    const after = structuredClone(found.object);
    change(podSpec(after), found);
    const body = twoWay(found.object, after, builtIn(found.resource));
    if (Object.keys(body).length === 0) {
      if (line.flags.output) done(line, found, what);
      continue;
    }
    await patched(line, found, body, { what, manager: "kubectl-set" });
  }
}

/** @param {object} spec @param {string|undefined} wanted  names with `*` */
function chosen(spec, wanted = "*") {
  const test = new RegExp(`^${wanted.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);
  return [...spec.containers, ...(spec.initContainers ?? [])].filter(({ name }) => test.test(name));
}

const image = {
  name: "set image",
  usage: "set image TYPE/NAME CONTAINER=IMAGE",
  kinds: true,
  only: ONLY,
  flags: CHOOSE,
  async run(line) {
    const pairs = line.args.filter((word) => word.includes("="));
    const args = line.args.filter((word) => !word.includes("="));
    if (args.length === 0 && !line.flags.filename) throw new Failure("error: one or more resources must be specified as <resource> <name> or <resource>/<name>");
    if (pairs.length === 0) throw new Failure("error: at least one image update is required");
    await changed(line, args, "image updated", (spec) => {
      for (const pair of pairs) {
        const [name, wanted] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
        const found = name === "*" ? chosen(spec) : [...spec.containers, ...(spec.initContainers ?? [])].filter((container) => container.name === name);
        if (found.length === 0) throw new Failure(`error: unable to find container named "${name}"`);
        for (const container of found) container.image = wanted;
      }
    });
  },
};

const env = {
  name: "set env",
  usage: "set env TYPE/NAME KEY=VALUE | KEY- [--list]",
  kinds: true,
  only: ONLY,
  flags: { ...CHOOSE, env: { kind: "list", short: "e" }, list: { kind: "bool" }, from: { kind: "text" }, prefix: { kind: "text" }, keys: { kind: "list" }, overwrite: { kind: "bool" } },
  async run(line) {
    const words = [...line.args.filter((word) => /=|-$/.test(word)), ...(line.flags.env ?? [])];
    const args = line.args.filter((word) => !/=|-$/.test(word));
    if (line.flags.list) {
      for (const { resource, name, object } of await find(line, args, { all: line.flags.all })) {
        for (const container of chosen(podSpec(object), line.flags.containers)) {
          line.out(`# ${resource.kind} ${name}, container ${container.name}\n`);
          for (const { name: key, value = "", valueFrom } of container.env ?? []) line.out(valueFrom ? `# ${key} from ${JSON.stringify(valueFrom)}\n` : `${key}=${value}\n`);
        }
      }
      return;
    }
    const added = line.flags.from ? await fromSource(line) : [];
    if (words.length === 0 && added.length === 0) throw new Failure("error: at least one environment variable must be provided");
    await changed(line, args, "env updated", (spec) => {
      for (const container of chosen(spec, line.flags.containers)) {
        let list = container.env ?? [];
        for (const word of words) {
          const at = word.indexOf("=");
          const key = at > 0 ? word.slice(0, at) : word.slice(0, -1);
          if (at < 0) list = list.filter(({ name }) => name !== key);
          else if (list.some(({ name }) => name === key)) list = list.map((one) => (one.name === key ? { name: key, value: word.slice(at + 1) } : one));
          else list = [...list, { name: key, value: word.slice(at + 1) }];
        }
        for (const one of added) list = [...list.filter(({ name }) => name !== one.name), one];
        if (list.length || container.env) container.env = list;
      }
    });
  },
};

/** --from=configmap/name. @param {Line} line */
async function fromSource(line) {
  const [found] = await find(Object.create(line, { flags: { value: {} } }), [line.flags.from]);
  const keys = line.flags.keys ? each(line.flags.keys) : Object.keys(found.object.data ?? {}).sort();
  const ref = found.resource.kind === "Secret" ? "secretKeyRef" : "configMapKeyRef";
  return keys.map((key) => ({ name: (line.flags.prefix ?? "") + key.replace(/[^\w]/g, "_").toUpperCase(), valueFrom: { [ref]: { key, name: found.name } } }));
}

const resources = {
  name: "set resources",
  usage: "set resources TYPE/NAME --requests=cpu=100m --limits=memory=64Mi",
  kinds: true,
  only: ONLY,
  flags: { ...CHOOSE, limits: { kind: "list" }, requests: { kind: "list" } },
  async run(line) {
    const wanted = {};
    for (const list of ["limits", "requests"]) {
      if (line.flags[list]) wanted[list] = Object.fromEntries(each(line.flags[list]).map((text) => text.split("=")));
    }
    if (Object.keys(wanted).length === 0) throw new Failure("error: you must specify an update to requests or limits (in the form of --requests/--limits)");
    await changed(line, line.args, "resource requirements updated", (spec) => {
      for (const container of chosen(spec, line.flags.containers)) {
        container.resources ??= {};
        for (const [list, values] of Object.entries(wanted)) container.resources[list] = { ...container.resources[list], ...values };
      }
    });
  },
};

const account = {
  name: "set serviceaccount",
  usage: "set serviceaccount TYPE/NAME ACCOUNT",
  kinds: true,
  only: ONLY,
  flags: CHOOSE,
  async run(line) {
    const name = line.args.at(-1);
    await changed(line, line.args.slice(0, -1), "serviceaccount updated", (spec) => {
      spec.serviceAccountName = name;
      spec.serviceAccount = name;
    });
  },
};

export const set = { name: "set", usage: "set image|env|resources|serviceaccount TYPE/NAME …", commands: { image, env, resources, serviceaccount: account, sa: { ...account, alias: true } } };

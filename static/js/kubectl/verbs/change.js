/** scale, patch, label, annotate: one thing about an object changed. */

import { Failure } from "../failure.js";
import { SETS } from "../flags.js";
import { done, dryRun } from "../output.js";
import { twoWay } from "../strategic.js";
import { address, find } from "../targets.js";
import { value } from "../yaml.js";
import { builtIn, patchType, writing } from "./apply.js";

const CHOOSE = { ...SETS.files, ...SETS.write, ...SETS.select, all: { kind: "bool" } };

/**
 * Sends a patch and says what was done.
 * @param {Line} line @param {Found} found @param {object|object[]} body
 * @param {{what: string, type?: string, manager: string, subresource?: string}} how
 */
export async function patched(line, found, body, { what, type = patchType(found.resource), manager, subresource = "" }) {
  let { object } = found;
  if (dryRun(line) !== "client") {
    const query = { fieldManager: line.flags["field-manager"] ?? manager, dryRun: writing(line).dryRun };
    object = await line.api.json("PATCH", address(found, subresource), { query, body, type });
  }
  done(line, { ...found, object }, what);
  return object;
}

export const scale = {
  name: "scale",
  usage: "scale TYPE NAME --replicas=N [--current-replicas=N]",
  kinds: true,
  only: ["deployments", "replicasets", "statefulsets", "replicationcontrollers"],
  flags: { ...CHOOSE, replicas: { kind: "number" }, "current-replicas": { kind: "number" }, "resource-version": { kind: "text" }, timeout: { kind: "text" } },
  async run(line) {
    const { replicas, "current-replicas": expected = -1 } = line.flags;
    if (!(replicas >= 0)) throw new Failure(`error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0\nSee 'kubectl scale -h' for help and examples`);
    const missing = [];
    const found = await find(line, line.args, { all: line.flags.all, missing });
    if (found.length === 0) throw new Failure(`error: no objects passed to scale${missing.length > 1 ? ` [${missing.join(", ")}]` : missing.map((each) => ` ${each}`).join("")}`);
    for (const each of missing) line.fail(new Failure(`Error from server (NotFound): ${each}`));
    for (const each of found) {
      if (!each.resource.subresources.includes("scale")) throw new Failure(`Error from server (NotFound): the server could not find the requested resource`);
      if (expected < 0 && !line.flags["resource-version"]) {
        if (dryRun(line) !== "client") await line.api.json("PATCH", address(each, "scale"), { query: { dryRun: writing(line).dryRun }, body: { spec: { replicas } }, type: "application/merge-patch+json" });
      } else {
        const there = await line.api.get(address(each, "scale"));
        if (expected >= 0 && there.spec.replicas !== expected) throw new Failure(`error: Expected replicas to be ${expected}, was ${there.spec.replicas ?? 0}`);
        const version = line.flags["resource-version"];
        if (version && there.metadata.resourceVersion !== version) throw new Failure(`error: Expected resource version to be ${version}, was ${there.metadata.resourceVersion}`);
        if (dryRun(line) !== "client") await line.api.json("PUT", address(each, "scale"), { body: { ...there, spec: { ...there.spec, replicas } } });
      }
      done(line, each, "scaled");
    }
  },
};

const TYPES = { strategic: "application/strategic-merge-patch+json", merge: "application/merge-patch+json", json: "application/json-patch+json" };

export const patch = {
  name: "patch",
  usage: `patch TYPE NAME -p '{"spec":…}' [--type=merge]`,
  kinds: true,
  flags: { ...SETS.files, ...SETS.write, patch: { kind: "text", short: "p" }, "patch-file": { kind: "text" }, type: { kind: "text", values: Object.keys(TYPES) }, subresource: { kind: "text", values: ["status", "scale"] } },
  async run(line) {
    const type = line.flags.type ?? "strategic";
    if (!TYPES[type]) throw new Failure(`error: --type must be one of [json merge strategic], not "${type}"\nSee 'kubectl patch -h' for help and examples`);
    if (!line.flags.patch) throw new Failure("error: must specify --patch or --patch-file containing the contents of the patch\nSee 'kubectl patch -h' for help and examples");
    let body;
    try {
      body = value(line.flags.patch);
    } catch (error) {
      throw new Failure(`error: unable to parse "${line.flags.patch}": yaml: ${error.reason ?? error.message}`);
    }
    const { subresource = "" } = line.flags;
    for (const found of await find(line, line.args)) {
      const before = subresource ? await line.api.get(address(found, subresource)) : found.object;
      const resource = subresource === "scale" ? { ...found.resource, singular: "scale", group: "autoscaling", kind: "Scale" } : found.resource;
      const query = { fieldManager: line.flags["field-manager"] ?? "kubectl-patch", dryRun: writing(line).dryRun };
      const object = dryRun(line) === "client" ? before : await line.api.json("PATCH", address(found, subresource), { query, body, type: TYPES[type] });
      const same = object.metadata?.resourceVersion === before.metadata?.resourceVersion && dryRun(line) === "none";
      done(line, { ...found, resource, object }, same ? "patched (no change)" : "patched");
    }
  },
};

/**
 * The words of a label or annotate: which objects, what is set, what is taken away.
 * @param {Line} line @param {"label"|"annotation"} what
 */
function changes(line, what) {
  const first = line.args.findIndex((word) => /=|-$/.test(word) && !word.startsWith("-"));
  if (first < 0) throw new Failure(`error: at least one ${what} update is required\nSee 'kubectl ${what === "label" ? "label" : "annotate"} -h' for help and examples`);
  const set = {};
  const gone = [];
  for (const word of line.args.slice(first)) {
    const at = word.indexOf("=");
    if (at > 0) set[word.slice(0, at)] = word.slice(at + 1);
    else if (word.endsWith("-")) gone.push(word.slice(0, -1));
    else throw new Failure(`error: unknown ${what} spec: ${word}`);
  }
  if (gone.some((key) => key in set)) throw new Failure(`error: can not both modify and remove a ${what} in the same command`);
  return { args: line.args.slice(0, first), set, gone };
}

const MARK = { ...CHOOSE, overwrite: { kind: "bool" }, list: { kind: "bool" }, "resource-version": { kind: "text" } };

export const label = {
  name: "label",
  usage: "label TYPE NAME KEY=VALUE | KEY- [--overwrite]",
  kinds: true,
  flags: MARK,
  async run(line) {
    if (line.flags.list) return listed(line, "labels");
    const { args, set, gone } = changes(line, "label");
    for (const found of await find(line, args, { all: line.flags.all })) {
      const before = found.object.metadata.labels ?? {};
      const taken = Object.keys(set).filter((key) => key in before && before[key] !== set[key]);
      if (taken.length && !line.flags.overwrite) {
        line.fail(new Failure(`error: ${taken.map((key) => `'${key}' already has a value (${before[key]}), and --overwrite is false`).join("\n")}`));
        continue;
      }
      for (const key of gone) if (!(key in before)) line.out(`label "${key}" not found.\n`);
      await marked(line, found, "labels", before, set, gone, gone.length && !Object.keys(set).length ? "unlabeled" : "labeled", "not labeled", "kubectl-label");
    }
  },
};

export const annotate = {
  name: "annotate",
  usage: "annotate TYPE NAME KEY=VALUE | KEY- [--overwrite]",
  kinds: true,
  flags: MARK,
  async run(line) {
    if (line.flags.list) return listed(line, "annotations");
    const { args, set, gone } = changes(line, "annotation");
    for (const found of await find(line, args, { all: line.flags.all })) {
      const before = found.object.metadata.annotations ?? {};
      const taken = Object.keys(set).filter((key) => key in before && before[key] !== set[key]);
      if (taken.length && !line.flags.overwrite) {
        line.fail(new Failure(`error: --overwrite is false but found the following declared annotation(s): ${taken.map((key) => `'${key}' already has a value (${before[key]})`).join("; ")}`));
        continue;
      }
      await marked(line, found, "annotations", before, set, gone, "annotated", "annotated", "kubectl-annotate");
    }
  },
};

/** @param {Line} line @param {Found} found */
async function marked(line, found, field, before, set, gone, what, same, manager) {
  const after = { ...before, ...set };
  for (const key of gone) delete after[key];
  const body = twoWay({ metadata: { [field]: before } }, { metadata: { [field]: after } }, builtIn(found.resource));
  if (Object.keys(body).length === 0) {
    done(line, found, same);
    return;
  }
  await patched(line, found, body, { what, type: "application/merge-patch+json", manager });
}

/** @param {Line} line @param {"labels"|"annotations"} field */
async function listed(line, field) {
  const args = line.args.filter((word) => !/=|-$/.test(word));
  const found = await find(line, args, { all: line.flags.all });
  for (const { resource, name, object } of found) {
    if (found.length > 1) line.out(`Listing ${field} for ${resource.kind}.${resource.group}/${name}:\n`);
    for (const [key, text] of Object.entries(object.metadata[field] ?? {})) line.out(`${found.length > 1 ? " " : ""}${key}=${text}\n`);
  }
}

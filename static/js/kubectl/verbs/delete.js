/** delete, wait: objects go; and the moment when something about them is so. */

import { full, path, single } from "../discovery.js";
import { Failure, Refused } from "../failure.js";
import { SETS } from "../flags.js";
import { walk, shown } from "../jsonpath.js";
import { dryRun } from "../output.js";
import { NOTHING, address, described, namespaceFor, selection, targets } from "../targets.js";
import { duration } from "../times.js";
import { gone } from "./apply.js";

const CASCADES = { background: "Background", foreground: "Foreground", orphan: "Orphan" };

export const remove = {
  name: "delete",
  usage: "delete TYPE NAME | -l LABEL | -f -",
  kinds: true,
  flags: {
    ...SETS.files,
    ...SETS.select,
    ...SETS.dry,
    output: { kind: "text", short: "o" },
    all: { kind: "bool" },
    cascade: { kind: "maybe", alone: "background", values: Object.keys(CASCADES) },
    force: { kind: "bool" },
    "grace-period": { kind: "number" },
    "ignore-not-found": { kind: "bool" },
    now: { kind: "bool" },
    wait: { kind: "bool" },
    timeout: { kind: "text" },
  },
  async run(line) {
    const { flags } = line;
    if (flags.all && flags.selector) throw new Failure("error: cannot set --all and --selector at the same time");
    const cascade = CASCADES[flags.cascade ?? "background"];
    if (!cascade) throw new Failure(`error: invalid cascade value (${flags.cascade}). Must be "background", "foreground", or "orphan"`);
    let grace = flags.now ? 1 : flags["grace-period"];
    if (flags.force && grace > 0 && !flags.now) throw new Failure("error: --force and --grace-period greater than 0 cannot be specified together");
    if (flags.force) grace ??= 0;
    if (grace === 0 && !flags.force) grace = 1;
    if (flags.force) line.err("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n");
    const found = await condemned(line);
    if (found.length === 0 && !line.failed) {
      line.out("No resources found\n");
      return;
    }
    const left = [];
    for (const each of found) {
      try {
        if (dryRun(line) !== "client") {
          const body = { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: cascade, ...(grace === undefined || grace < 0 ? {} : { gracePeriodSeconds: grace }), ...(dryRun(line) === "server" ? { dryRun: ["All"] } : {}) };
          const answer = await line.api.json("DELETE", address(each), { body });
          left.push({ ...each, uid: answer.metadata?.uid ?? answer.details?.uid ?? "" });
        }
        told(line, each, grace === 0);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.code !== 404 || !flags["ignore-not-found"]) line.fail(error, flags.filename ? `error when deleting "STDIN": ` : "");
      }
    }
    if (flags.wait === false || dryRun(line) !== "none" || (flags.force && flags.wait === undefined)) return;
    await ended(line, left);
  },
};

/** @param {Line} line @returns {Promise<Found[]>} */
async function condemned(line) {
  if (line.flags.filename) return described(line);
  const wanted = await targets(line, line.args);
  if (wanted.length === 0) throw new Failure(NOTHING);
  const found = [];
  for (const { resource, name } of wanted) {
    const namespace = namespaceFor(line, resource);
    if (name) {
      found.push({ resource, namespace, name });
      continue;
    }
    if (!line.flags.all && !line.flags.selector && !line.flags["field-selector"]) throw new Failure("error: resource(s) were provided, but no name was specified");
    const { items } = await line.api.list(path(resource, namespace), selection(line));
    for (const item of items) found.push({ resource, namespace: item.metadata.namespace ?? "", name: item.metadata.name });
  }
  return found;
}

/** @param {Line} line @param {Found} found @param {boolean} forced */
function told(line, { resource, namespace, name }, forced) {
  if (line.flags.output === "name") {
    line.out(`${single(resource)}/${name}\n`);
    return;
  }
  const dry = { none: "", client: " (dry run)", server: " (server dry run)" }[dryRun(line)];
  line.out(`${single(resource)} "${name}" ${forced ? "force deleted" : "deleted"}${resource.namespaced ? ` from ${namespace} namespace` : ""}${dry}\n`);
}

/** Waits until what was deleted has ended. @param {Line} line @param {object[]} left */
async function ended(line, left) {
  const limit = line.flags.timeout ? duration(line.flags.timeout) : 0;
  const end = limit ? AbortSignal.timeout(limit) : undefined;
  const { signal } = line.api;
  if (end) line.api.signal = signal ? AbortSignal.any([signal, end]) : end;
  try {
    for (const each of left) await gone(line, each, each.uid);
  } catch (error) {
    if (end?.aborted && !signal?.aborted) throw new Failure(`error: timed out waiting for the condition on ${left.map(({ resource, name }) => `${resource.plural}/${name}`).join(", ")}`);
    throw error;
  } finally {
    line.api.signal = signal;
  }
}

export const wait = {
  name: "wait",
  usage: "wait TYPE/NAME --for=condition=Ready|delete|create|jsonpath='{.status.phase}'=Running [--timeout=30s]",
  kinds: true,
  flags: { ...SETS.files, ...SETS.select, for: { kind: "list", values: ["condition=Ready", "condition=Available", "delete", "create", "jsonpath="] }, timeout: { kind: "text" }, all: { kind: "bool" }, output: { kind: "text", short: "o" } },
  async run(line) {
    const [wish] = line.flags.for ?? [];
    if (!wish) throw new Failure(`error: unrecognized condition: ""`);
    const test = condition(wish);
    const found = wish === "create" ? await named(line) : await condemned(line);
    if (found.length === 0) throw new Failure("error: no matching resources found");
    const limit = line.flags.timeout === undefined ? 30_000 : duration(line.flags.timeout);
    if (Number.isNaN(limit)) throw new Failure(`error: invalid argument "${line.flags.timeout}" for "--timeout" flag: time: invalid duration "${line.flags.timeout}"`);
    const end = AbortSignal.timeout(limit < 0 ? 2 ** 31 - 1 : Math.max(1, limit));
    const { signal } = line.api;
    line.api.signal = signal ? AbortSignal.any([signal, end]) : end;
    try {
      for (const each of found) {
        try {
          const there = await until(line, each, wish, test);
          if (there) line.out(`${single(each.resource)}/${each.name}${line.flags.output === "name" ? "" : " condition met"}\n`);
        } catch (error) {
          if (!end.aborted || signal?.aborted) throw error;
          line.fail(new Failure(`error: timed out waiting for the condition on ${each.resource.plural}/${each.name}`));
        }
      }
    } finally {
      line.api.signal = signal;
    }
  },
};

/** @param {Line} line */
async function named(line) {
  return (await targets(line, line.args)).map(({ resource, name }) => ({ resource, namespace: namespaceFor(line, resource), name }));
}

/** @param {string} wish @returns {(object: object|undefined) => boolean} */
function condition(wish) {
  if (wish === "delete") return (object) => !object;
  if (wish === "create") return Boolean;
  const named = /^condition=([^=]+)(?:=(.*))?$/i.exec(wish);
  if (named) {
    const [, type, expected = "true"] = named;
    return (object) => (object?.status?.conditions ?? []).some((each) => each.type.toLowerCase() === type.toLowerCase() && each.status.toLowerCase() === expected.toLowerCase() && !((each.observedGeneration ?? Infinity) < object.metadata.generation));
  }
  const path = /^jsonpath=(.*?\})(?:=(.*))?$/.exec(wish) ?? /^jsonpath=([^={]+)(?:=(.*))?$/.exec(wish);
  if (path) {
    const [, way, expected] = path;
    return (object) => {
      const values = object ? walk(way.replace(/^\{|\}$/g, ""), object) : [];
      return expected === undefined ? values.length > 0 : values.length === 1 && shown(values[0]) === expected;
    };
  }
  throw new Failure(`error: unrecognized condition: "${wish}"`);
}

/** @param {Line} line @param {Found} found @returns {Promise<boolean>} false: it was gone before anybody waited */
async function until(line, { resource, namespace, name }, wish, test) {
  const query = { fieldSelector: `metadata.name=${name}` };
  for (let first = true; ; first = false) {
    const list = await line.api.get(path(resource, namespace), query);
    const [object] = list.items;
    if (!object && !["delete", "create"].includes(wish)) throw new Refused({ reason: "NotFound", message: `${full(resource)} "${name}" not found` }, 404);
    if (test(object)) return !(first && wish === "delete");
    for await (const { type, object: fresh } of line.api.watch(path(resource, namespace), { ...query, resourceVersion: list.metadata.resourceVersion })) {
      if (type === "ERROR") break;
      if (type !== "BOOKMARK" && test(type === "DELETED" ? undefined : fresh)) return true;
    }
  }
}

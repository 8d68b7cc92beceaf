/** cordon, uncordon, drain, taint. */

import { single } from "../discovery.js";
import { Failure, Refused } from "../failure.js";
import { SETS } from "../flags.js";
import { done, dryRun } from "../output.js";
import { address, find } from "../targets.js";
import { duration } from "../times.js";
import { gone, writing } from "./apply.js";
import { patched } from "./change.js";

const CHOOSE = { ...SETS.dry, selector: { kind: "text", short: "l" } };

/** @param {Line} line @param {string} command */
async function nodes(line, command) {
  if (line.args.length === 0 && !line.flags.selector) throw new Failure(`error: USAGE: ${command} NODE [flags]\nSee 'kubectl ${command} -h' for help and examples`);
  if (line.args.length && line.flags.selector) throw new Failure(`error: error: cannot specify both a node name and a --selector option\nSee 'kubectl ${command} -h' for help and examples`);
  const args = line.args.some((each) => each.includes("/")) ? line.args : ["nodes", ...line.args];
  return find(line, args, { all: Boolean(line.flags.selector) });
}

/** @param {Line} line @param {Found} found @param {boolean} wanted */
async function schedulable(line, found, wanted) {
  const { unschedulable = false } = found.object.spec;
  if (unschedulable === !wanted) {
    done(line, found, wanted ? "already uncordoned" : "already cordoned");
    return;
  }
  if (dryRun(line) !== "client") await line.api.json("PATCH", address(found), { query: { dryRun: writing(line).dryRun }, body: { spec: { unschedulable: wanted ? null : true } }, type: "application/strategic-merge-patch+json" });
  done(line, found, wanted ? "uncordoned" : "cordoned");
}

/** @param {string} name @param {boolean} wanted */
const switching = (name, wanted) => ({
  name,
  usage: `${name} NODE`,
  only: ["nodes"],
  flags: CHOOSE,
  async run(line) {
    for (const found of await nodes(line, name)) await schedulable(line, found, wanted);
  },
});

export const cordon = switching("cordon", false);
export const uncordon = switching("uncordon", true);

export const drain = {
  name: "drain",
  usage: "drain NODE --ignore-daemonsets [--delete-emptydir-data] [--force]",
  only: ["nodes"],
  flags: {
    ...CHOOSE,
    "ignore-daemonsets": { kind: "bool" },
    "delete-emptydir-data": { kind: "bool" },
    "delete-local-data": { kind: "bool" },
    force: { kind: "bool" },
    "grace-period": { kind: "number" },
    "disable-eviction": { kind: "bool" },
    "pod-selector": { kind: "text" },
    timeout: { kind: "text" },
    "chunk-size": { kind: "number" },
  },
  async run(line) {
    const found = await nodes(line, "drain");
    for (const each of found) await schedulable(line, each, false);
    const limit = line.flags.timeout ? duration(line.flags.timeout) : 0;
    const { signal } = line.api;
    const end = limit ? AbortSignal.timeout(limit) : undefined;
    if (end) line.api.signal = signal ? AbortSignal.any([signal, end]) : end;
    try {
      for (const each of found) {
        await empty(line, each);
        if (!line.failed) done(line, each, "drained");
      }
    } catch (error) {
      if (!end?.aborted || signal?.aborted) throw error;
      throw new Failure(`error: unable to drain node "${found[0]?.name}" due to error: drain did not complete within ${line.flags.timeout}`);
    } finally {
      line.api.signal = signal;
    }
  },
};

const ENDED = ["Succeeded", "Failed"];

/** Which Pods go, which stay, and which forbid it. @param {object[]} pods @param {object} flags */
export function plan(pods, flags) {
  const going = [];
  const warnings = new Map();
  const errors = new Map();
  const add = (map, text, { metadata: { namespace, name } }) => map.set(text, [...(map.get(text) ?? []), `${namespace}/${name}`]);
  for (const pod of pods) {
    const owner = (pod.metadata.ownerReferences ?? []).find((each) => each.controller);
    const finished = ENDED.includes(pod.status?.phase);
    if (pod.metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined) continue;
    if (owner?.kind === "DaemonSet" && !finished) {
      if (flags["ignore-daemonsets"]) add(warnings, "ignoring DaemonSet-managed Pods", pod);
      else add(errors, "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)", pod);
      continue;
    }
    const local = (pod.spec.volumes ?? []).some(({ emptyDir }) => emptyDir);
    const data = flags["delete-emptydir-data"] || flags["delete-local-data"];
    if (local && !finished && !data) {
      add(errors, "cannot delete Pods with local storage (use --delete-emptydir-data to override)", pod);
      continue;
    }
    if (!owner && !finished) {
      if (!flags.force) {
        add(errors, "cannot delete Pods that declare no controller (use --force to override)", pod);
        continue;
      }
      add(warnings, "deleting Pods that declare no controller", pod);
    }
    going.push(pod);
  }
  const lines = (map) => [...map].map(([text, names]) => `${text}: ${names.join(", ")}`);
  return { going, warnings: lines(warnings), errors: lines(errors) };
}

/** @param {Line} line @param {Found} node */
async function empty(line, node) {
  const { items } = await line.api.list("/api/v1/pods", { labelSelector: line.flags["pod-selector"], fieldSelector: `spec.nodeName=${node.name}` });
  const { going, warnings, errors } = plan(items, line.flags);
  if (errors.length) {
    line.err(`error: unable to drain node "${node.name}" due to error: ${errors.length > 1 ? `[${errors.join(", ")}]` : errors[0]}, continuing command...\n`);
    line.err(`There are pending nodes to be drained:\n ${node.name}\n${errors.map((text) => `${text}\n`).join("")}`);
    line.failed = true;
    return;
  }
  if (warnings.length) line.err(`Warning: ${warnings.join("; ")}\n`);
  const pods = await line.discovery.find("pods");
  await Promise.all(
    going.map(async (pod) => {
      const { name, namespace, uid } = pod.metadata;
      const found = { resource: pods, namespace, name };
      const dry = dryRun(line);
      if (dry === "none") line.out(`${single(pods)}/${name} ${line.flags["disable-eviction"] ? "deletion" : "eviction"} started\n`);
      line.out(`${line.flags["disable-eviction"] ? "deleting" : "evicting"} pod ${namespace}/${name}${dry === "client" ? " (dry run)" : dry === "server" ? " (server dry run)" : ""}\n`);
      if (dry !== "none") return;
      const options = line.flags["grace-period"] >= 0 ? { deleteOptions: { gracePeriodSeconds: line.flags["grace-period"] } } : {};
      while (true) {
        try {
          if (line.flags["disable-eviction"]) await line.api.json("DELETE", address(found), {});
          else await line.api.json("POST", address(found, "eviction"), { body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace }, ...options } });
          break;
        } catch (error) {
          if (!(error instanceof Refused) || error.code === 404) break;
          if (error.code !== 429) {
            line.fail(error, `error when evicting pods/"${name}" -n "${namespace}": `);
            return;
          }
          line.err(`error when evicting pods/"${name}" -n "${namespace}" (will retry after 5s): ${error.status.message}\n`);
          await line.pause(5000);
        }
      }
      await gone(line, found, uid);
      line.out(`${single(pods)}/${name} ${line.flags["disable-eviction"] ? "deleted" : "evicted"}\n`);
    }),
  );
}

const EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/** "k=v:NoSchedule", "k:NoExecute", "k-", "k:NoSchedule-". @param {string} text */
function taintOf(text) {
  const match = /^([^=:]+)(?:=([^:]*))?(?::([^:-]+))?(-)?$/.exec(text);
  if (!match) throw new Failure(`error: invalid taint spec: ${text}`);
  const [, key, given, effect = "", minus] = match;
  const name = key.endsWith("-") ? key.slice(0, -1) : key;
  if (minus || key.endsWith("-")) return { key: name, effect, gone: true };
  if (!effect) throw new Failure(`error: at least one taint update is required`);
  if (!EFFECTS.includes(effect)) throw new Failure(`error: invalid taint effect: ${effect}, unsupported taint effect\nSee 'kubectl taint -h' for help and examples`);
  return { key, ...(given ? { value: given } : {}), effect };
}

export const taint = {
  name: "taint",
  usage: "taint nodes NAME KEY=VALUE:NoSchedule | KEY-",
  kinds: true,
  only: ["nodes"],
  flags: { ...SETS.write, selector: { kind: "text", short: "l" }, all: { kind: "bool" }, overwrite: { kind: "bool" } },
  async run(line) {
    const first = line.args.findIndex((word, number) => number > 0 && /[=:]|-$/.test(word) && !/^[a-z0-9][a-z0-9.-]*[a-z0-9]$/.test(word));
    if (first < 0) throw new Failure("error: at least one taint update is required");
    const wanted = line.args.slice(first).map(taintOf);
    for (const found of await find(line, line.args.slice(0, first), { all: line.flags.all })) {
      if (found.resource.kind !== "Node") throw new Failure(`error: invalid resource type ${found.resource.plural}, only node types are supported`);
      const before = found.object.spec.taints ?? [];
      let after = before;
      let changed = "";
      for (const each of wanted) {
        const same = (one) => one.key === each.key && (!each.effect || one.effect === each.effect);
        if (each.gone) {
          if (!after.some(same)) throw new Failure(`error: taint "${each.key}${each.effect ? `:${each.effect}` : ""}" not found`);
          after = after.filter((one) => !same(one));
          changed = changed && changed !== "untainted" ? "modified" : "untainted";
        } else {
          if (after.some(same) && !line.flags.overwrite) throw new Failure(`error: node ${found.name} already has ${each.key} taint(s) with same effect(s) and --overwrite is false`);
          const { gone: _, ...bare } = each;
          after = [bare, ...after.filter((one) => !same(one))];
          changed = changed && changed !== "tainted" ? "modified" : "tainted";
        }
      }
      await patched(line, found, { spec: { taints: after.length ? after : null } }, { what: changed, manager: "kubectl-taint" });
    }
  },
};

/** rollout status, history, undo, restart, pause, resume. */

import { template } from "../describe/containers.js";
import { Page, selectorText } from "../describe/page.js";
import { path, single } from "../discovery.js";
import { Failure, Refused } from "../failure.js";
import { SETS } from "../flags.js";
import { done } from "../output.js";
import { equal } from "../strategic.js";
import { find } from "../targets.js";
import { duration } from "../times.js";
import { patched } from "./change.js";
import { replicaSets } from "./describe.js";

const ROLLING = ["deployments", "daemonsets", "statefulsets"];
const CHOOSE = { ...SETS.files, ...SETS.write, selector: { kind: "text", short: "l" } };
const REVISION = "deployment.kubernetes.io/revision";
const CAUSE = "kubernetes.io/change-cause";
/** Annotations of a Deployment that a rollback leaves alone. */
const KEPT = ["kubectl.kubernetes.io/last-applied-configuration", REVISION, "deployment.kubernetes.io/revision-history", "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to"];

/** @param {string} name @param {object} more */
const command = (name, more) => ({ name: `rollout ${name}`, usage: `rollout ${name} TYPE/NAME`, kinds: true, only: ROLLING, ...more, flags: { ...CHOOSE, ...more.flags } });

/** @param {Line} line */
async function chosen(line) {
  if (line.args.length === 0 && !line.flags.filename) throw new Failure("error: required resource not specified");
  return find(line, line.args, { all: Boolean(line.flags.selector) });
}

/** Where a rollout is: what is said of it, and whether that is the end. @param {object} object @param {number} [revision] @returns {[string, boolean]} */
export function statusOf({ kind, metadata: { name, generation, annotations }, spec, status = {} }, revision = 0) {
  const unseen = generation > (status.observedGeneration ?? 0);
  const { replicas = 1 } = spec;
  if (kind === "Deployment") {
    const running = Number(annotations?.[REVISION] ?? 0);
    if (revision > 0 && revision !== running) throw new Failure(`error: desired revision (${revision}) is different from the running revision (${running})`);
    if (unseen) return ["Waiting for deployment spec update to be observed...\n", false];
    const { updatedReplicas: updated = 0, replicas: all = 0, availableReplicas: available = 0 } = status;
    if ((status.conditions ?? []).some(({ type, reason }) => type === "Progressing" && reason === "ProgressDeadlineExceeded")) throw new Failure(`error: deployment "${name}" exceeded its progress deadline`);
    const waiting = `Waiting for deployment "${name}" rollout to finish: `;
    if (updated < replicas) return [`${waiting}${updated} out of ${replicas} new replicas have been updated...\n`, false];
    if (all > updated) return [`${waiting}${all - updated} old replicas are pending termination...\n`, false];
    if (available < updated) return [`${waiting}${available} of ${updated} updated replicas are available...\n`, false];
    return [`deployment "${name}" successfully rolled out\n`, true];
  }
  if (spec.updateStrategy?.type !== "RollingUpdate") throw new Failure(`error: rollout status is only available for RollingUpdate strategy type`);
  if (kind === "DaemonSet") {
    if (unseen) return ["Waiting for daemon set spec update to be observed...\n", false];
    const { updatedNumberScheduled: updated = 0, desiredNumberScheduled: desired = 0, numberAvailable: available = 0 } = status;
    if (updated < desired) return [`Waiting for daemon set "${name}" rollout to finish: ${updated} out of ${desired} new pods have been updated...\n`, false];
    if (available < desired) return [`Waiting for daemon set "${name}" rollout to finish: ${available} of ${desired} updated pods are available...\n`, false];
    return [`daemon set "${name}" successfully rolled out\n`, true];
  }
  if (unseen || !status.observedGeneration) return ["Waiting for statefulset spec update to be observed...\n", false];
  const { readyReplicas: ready = 0, updatedReplicas: updated = 0 } = status;
  if (ready < replicas) return [`Waiting for ${replicas - ready} pods to be ready...\n`, false];
  const partition = spec.updateStrategy.rollingUpdate?.partition;
  if (spec.updateStrategy.rollingUpdate) {
    if (partition !== undefined && updated < replicas - partition) return [`Waiting for partitioned roll out to finish: ${updated} out of ${replicas - partition} new pods have been updated...\n`, false];
    return [`partitioned roll out complete: ${updated} new pods have been updated...\n`, true];
  }
  if (status.updateRevision !== status.currentRevision) return [`waiting for statefulset rolling update to complete ${updated} pods at revision ${status.updateRevision}...\n`, false];
  return [`statefulset rolling update complete ${status.currentReplicas ?? 0} pods at revision ${status.currentRevision}...\n`, true];
}

const status = command("status", {
  flags: { watch: { kind: "bool", short: "w" }, revision: { kind: "number" }, timeout: { kind: "text" } },
  async run(line) {
    const limit = line.flags.timeout ? duration(line.flags.timeout) : 0;
    for (const { resource, namespace, name } of await chosen(line)) {
      if (!ROLLING.includes(resource.plural)) throw new Failure(`error: no status viewer has been implemented for ${resource.kind}.${resource.group}`);
      const query = { fieldSelector: `metadata.name=${name}` };
      const list = await line.api.get(path(resource, namespace), query);
      const tell = (object) => {
        const [text, finished] = statusOf({ ...object, kind: resource.kind }, line.flags.revision);
        line.out(text);
        return finished;
      };
      if (list.items.length === 0) throw new Failure(`error: object has been deleted`);
      if (tell(list.items[0]) || line.flags.watch === false) continue;
      const end = limit ? AbortSignal.timeout(limit) : undefined;
      const { signal } = line.api;
      if (end) line.api.signal = signal ? AbortSignal.any([signal, end]) : end;
      try {
        for await (const { type, object } of line.api.watch(path(resource, namespace), { ...query, resourceVersion: list.metadata.resourceVersion })) {
          if (type === "DELETED") throw new Failure("error: object has been deleted");
          if (type === "ERROR") throw new Refused(object, object.code);
          if (type !== "BOOKMARK" && tell(object)) break;
        }
      } catch (error) {
        if (end?.aborted && !signal?.aborted) throw new Failure("error: timed out waiting for the condition");
        throw error;
      } finally {
        line.api.signal = signal;
      }
    }
  },
});

/** What was before, by revision. @returns {Promise<Map<number, {template: object, cause: string, set?: object, data?: object}>>} */
async function revisions(line, { resource, namespace, object }) {
  const found = new Map();
  if (resource.kind === "Deployment") {
    const { old, fresh } = await replicaSets(line, object);
    for (const set of [...old, ...fresh]) {
      const number = Number(set.metadata.annotations?.[REVISION] ?? 0);
      if (number) found.set(number, { template: set.spec.template, cause: set.metadata.annotations?.[CAUSE] ?? "", set });
    }
    return found;
  }
  if (!ROLLING.includes(resource.plural)) throw new Failure(`error: no history viewer has been implemented for "${resource.kind}.${resource.group}"`);
  const { items } = await line.api.list(`/apis/apps/v1/namespaces/${namespace}/controllerrevisions`, { labelSelector: selectorText(object.spec.selector) });
  for (const each of items) {
    if (!(each.metadata.ownerReferences ?? []).some(({ uid }) => uid === object.metadata.uid)) continue;
    found.set(each.revision, { template: each.data?.spec?.template ?? {}, cause: each.metadata.annotations?.[CAUSE] ?? "", data: each.data });
  }
  return found;
}

const history = command("history", {
  flags: { revision: { kind: "number" } },
  async run(line) {
    const wanted = line.flags.revision ?? 0;
    if (wanted < 0) throw new Failure(`error: revision must be a positive integer: ${wanted}`);
    for (const found of await chosen(line)) {
      const known = await revisions(line, found);
      const title = `${single(found.resource)}/${found.name}`;
      if (wanted) {
        if (!known.has(wanted)) throw new Failure("error: unable to find the specified revision");
        const page = new Page(line.api.now);
        const { template: { metadata, spec }, cause } = known.get(wanted);
        template(page, { metadata: cause ? { ...metadata, annotations: { ...metadata?.annotations, [CAUSE]: cause } } : metadata, spec });
        line.out(`${title} with revision #${wanted}\n${page.raw}\n`);
        continue;
      }
      const numbers = [...known.keys()].sort((one, other) => one - other);
      const rows = [["REVISION", "CHANGE-CAUSE"], ...numbers.map((number) => [String(number), known.get(number).cause || "<none>"])];
      line.out(numbers.length ? `${title} \n${rows.map(([number, cause]) => `${number.padEnd(10)}${cause}\n`).join("")}\n` : `${title} \nNo rollout history found.\n`);
    }
  },
});

const undo = command("undo", {
  flags: { "to-revision": { kind: "number" } },
  async run(line) {
    const wanted = line.flags["to-revision"] ?? 0;
    for (const found of await chosen(line)) {
      const known = await revisions(line, found);
      const numbers = [...known.keys()].sort((one, other) => other - one);
      if (wanted && !known.has(wanted)) throw new Failure(`error: unable to find specified revision ${wanted} in history`);
      if (!wanted && numbers.length < 2) throw new Failure(found.resource.kind === "Deployment" ? `error: no rollout history found for deployment "${found.name}"` : "error: no last revision to roll back to");
      const back = known.get(wanted || numbers[1]);
      if (found.resource.kind === "Deployment") await undoDeployment(line, found, back, wanted);
      else if (equal(found.object.spec.template, back.template)) done(line, found, `skipped rollback (current template already matches revision ${wanted})`);
      else await patched(line, found, back.data, { what: "rolled back", manager: "kubectl-rollout" });
    }
  },
});

/** @param {Line} line @param {Found} found */
async function undoDeployment(line, found, { set }, revision) {
  const { object } = found;
  if (object.spec.paused) throw new Failure("error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again");
  const { "pod-template-hash": _, ...labels } = set.spec.template.metadata.labels ?? {};
  const wanted = { ...set.spec.template, metadata: { ...set.spec.template.metadata, labels } };
  if (equal(wanted, object.spec.template)) {
    done(line, found, `skipped rollback (current template already matches revision ${revision})`);
    return;
  }
  const annotations = {};
  for (const key of KEPT) if (object.metadata.annotations?.[key] !== undefined) annotations[key] = object.metadata.annotations[key];
  for (const [key, text] of Object.entries(set.metadata.annotations ?? {})) if (!KEPT.includes(key)) annotations[key] = text;
  const body = [
    { op: "replace", path: "/spec/template", value: wanted },
    { op: "replace", path: "/metadata/annotations", value: annotations },
  ];
  await patched(line, found, body, { what: "rolled back", type: "application/json-patch+json", manager: "kubectl-rollout" });
}

const restart = command("restart", {
  async run(line) {
    for (const found of await chosen(line)) {
      if (!ROLLING.includes(found.resource.plural)) throw new Failure(`error: ${found.resource.plural} "${found.name}" restarting is not supported`);
      if (found.object.spec.paused) throw new Failure(`error: ${found.resource.plural}.${found.resource.group} "${found.name}" can't restart paused deployment (run rollout resume first)`);
      const at = new Date(line.api.now).toISOString().replace(/\.\d+Z$/, "Z");
      await patched(line, found, { spec: { template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": at } } } } }, { what: "restarted", manager: "kubectl-rollout" });
    }
  },
});

/** @param {string} name @param {boolean} paused @param {string} what @param {string} already */
const pausing = (name, paused, what, already) =>
  command(name, {
    only: ["deployments"],
    async run(line) {
      for (const found of await chosen(line)) {
        const { resource, object } = found;
        if (resource.kind !== "Deployment") throw new Failure(`error: ${resource.plural}.${resource.group} "${found.name}" ${paused ? "pausing" : "resuming"} is not supported`);
        if (Boolean(object.spec.paused) === paused) throw new Failure(`error: ${resource.plural}.${resource.group} "${found.name}" ${already}`);
        await patched(line, found, { spec: { paused: paused || null } }, { what, manager: "kubectl-rollout" });
      }
    },
  });

export const rollout = {
  name: "rollout",
  usage: "rollout status|history|undo|restart|pause|resume TYPE/NAME",
  commands: { status, history, undo, restart, pause: pausing("pause", true, "paused", "is already paused"), resume: pausing("resume", false, "resumed", "is not paused") },
};

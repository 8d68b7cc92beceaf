/** apply, create -f, replace, diff, edit: objects written down, in the box, and brought into the cluster. */

import { apiVersion, full, path, single } from "../discovery.js";
import { unified } from "../diff.js";
import { Failure, Refused, refusalText } from "../failure.js";
import { SETS } from "../flags.js";
import { done, dryRun } from "../output.js";
import { equal, threeWay, twoWay } from "../strategic.js";
import { address, described, find } from "../targets.js";
import { dump, ordered, value } from "../yaml.js";

const APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
const VALIDATE = { validate: { kind: "maybe", alone: "strict", values: ["strict", "warn", "ignore"] } };

export const apply = {
  name: "apply",
  usage: "apply -f - [--server-side] [--dry-run=server]",
  flags: { ...SETS.files, ...SETS.write, ...VALIDATE, "server-side": { kind: "bool" }, "force-conflicts": { kind: "bool" }, overwrite: { kind: "bool" } },
  async run(line) {
    needFile(line, "apply");
    for (const found of await described(line)) {
      try {
        await (line.flags["server-side"] ? serverSide(line, found) : clientSide(line, found));
      } catch (error) {
        line.fail(error);
      }
    }
  },
};

export const replace = {
  name: "replace",
  usage: "replace -f - [--force]",
  flags: { ...SETS.files, ...SETS.write, ...VALIDATE, force: { kind: "bool" }, "grace-period": { kind: "number" } },
  async run(line) {
    needFile(line, "replace");
    for (const found of await described(line)) {
      try {
        if (line.flags.force) {
          await line.api.json("DELETE", address(found), { body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background", gracePeriodSeconds: 0 } }).then(
            () => line.out(`${single(found.resource)} "${found.name}" deleted\n`),
            (error) => {
              if (error.code !== 404) throw error;
            },
          );
          await gone(line, found);
          const object = await line.api.json("POST", path(found.resource, found.namespace), { query: { fieldManager: "kubectl-replace", ...writing(line) }, body: found.object });
          done(line, { ...found, object }, "replaced");
          continue;
        }
        const there = await line.api.get(address(found));
        const metadata = { ...found.object.metadata };
        metadata.resourceVersion ??= there.metadata.resourceVersion;
        const object = await line.api.json("PUT", address(found), { query: { fieldManager: "kubectl-replace", ...writing(line) }, body: { ...found.object, metadata } });
        done(line, { ...found, object }, "replaced");
      } catch (error) {
        line.fail(error, `error when replacing "STDIN": `);
      }
    }
  },
};

export const diff = {
  name: "diff",
  usage: "diff -f -",
  flags: { ...SETS.files, "server-side": { kind: "bool" }, "force-conflicts": { kind: "bool" } },
  async run(line) {
    needFile(line, "diff");
    let different = false;
    for (const found of await described(line)) {
      const there = await live(line, found);
      const patch = there && wanted(found, there, false).patch;
      const query = { dryRun: "All", fieldManager: "kubectl-client-side-apply" };
      const merged = there
        ? Object.keys(patch).length
          ? await line.api.json("PATCH", address(found), { query, body: patch, type: patchType(found.resource) })
          : there
        : await line.api.json("POST", path(found.resource, found.namespace), { query, body: found.object });
      const bare = (object) => {
        if (!object) return "";
        const { managedFields, ...metadata } = object.metadata;
        return dump({ ...object, metadata });
      };
      const file = [found.resource.group || "", found.resource.version, found.resource.kind, found.namespace, found.name].filter(Boolean).join(".");
      const text = unified(bare(there), bare(merged), `LIVE/${file}`, `MERGED/${file}`);
      if (text) {
        different = true;
        line.out(`diff -u -N LIVE/${file} MERGED/${file}\n${text}`);
      }
    }
    if (different) line.failed = true;
  },
};

const ADVICE = `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`;

export const edit = {
  name: "edit",
  usage: "edit TYPE NAME",
  kinds: true,
  flags: { ...SETS.files, output: { kind: "text", short: "o" }, selector: { kind: "text", short: "l" }, subresource: { kind: "text" } },
  async run(line) {
    const [found] = await find(line, line.args);
    if (!found) return;
    const { managedFields, ...metadata } = found.object.metadata;
    const before = { ...found.object, metadata };
    let text = ADVICE + dump(before);
    while (true) {
      const edited = await line.box("edit", text);
      const body = (edited ?? "").replace(/^#.*\n?/gm, "");
      if (edited === null || body.trim() === "") throw new Failure("Edit cancelled, no changes made.", 0);
      try {
        const after = value(body);
        const patch = twoWay(before, after, builtIn(found.resource));
        if (Object.keys(patch).length === 0) throw new Failure("Edit cancelled, no changes made.", 0);
        const query = { fieldManager: "kubectl-edit", fieldValidation: "Strict" };
        const object = await line.api.json("PATCH", address(found, line.flags.subresource), { query, body: patch, type: patchType(found.resource) });
        done(line, { ...found, object }, "edited");
        return;
      } catch (error) {
        if (error instanceof Failure) throw error;
        const why = error instanceof Refused ? refusalText(error) : (error.reason ?? error.message);
        if (error instanceof Refused && [401, 403, 404, 409].includes(error.code)) throw error;
        line.err(`error: ${full(found.resource)} "${found.name}" is invalid\n`);
        text = `${ADVICE}${why.split("\n").map((part) => `# ${part}\n`).join("")}#\n${body}`;
      }
    }
  },
};

/** @param {Line} line @param {string} command */
export function needFile(line, command) {
  if (!line.flags.filename) throw new Failure(`error: must specify one of -f and -k`);
  if (line.args.length) throw new Failure(`error: Unexpected args: [${line.args.join(" ")}]\nSee 'kubectl ${command} -h' for help and examples`);
}

/** Query of a write: how strictly fields are read, and whether it is only tried. @param {Line} line */
export function writing(line) {
  const how = line.flags.validate ?? "strict";
  const fieldValidation = /^(?:true|strict)$/.test(how) ? "Strict" : how === "warn" ? "Warn" : "Ignore";
  return { fieldValidation, dryRun: dryRun(line) === "server" ? "All" : undefined };
}

/** @param {Resource} resource @returns {boolean} its lists have merge keys */
export function builtIn(resource) {
  return !resource.group.includes(".") || resource.group.endsWith(".k8s.io");
}

/** @param {Resource} resource */
export function patchType(resource) {
  return builtIn(resource) ? "application/strategic-merge-patch+json" : "application/merge-patch+json";
}

/** @param {Line} line @param {Found} found @returns {Promise<object|undefined>} */
async function live(line, found) {
  try {
    return await line.api.get(address(found));
  } catch (error) {
    if (error instanceof Refused && error.code === 404) return undefined;
    throw error;
  }
}

/**
 * The object as it is applied, and what must change.
 * @param {Found} found @param {object|undefined} there @param {boolean} [noted]  with itself written down in an annotation
 */
function wanted(found, there, noted = true) {
  const annotations = { ...found.object.metadata?.annotations };
  delete annotations[APPLIED];
  const bare = { ...found.object, metadata: { ...found.object.metadata, annotations } };
  const text = `${JSON.stringify(ordered(bare))}\n`;
  const object = noted ? { ...bare, metadata: { ...bare.metadata, annotations: { ...annotations, [APPLIED]: text } } } : bare;
  if (!there) return { object };
  const last = there.metadata.annotations?.[APPLIED];
  return { object, last, patch: threeWay(last ? JSON.parse(last) : {}, object, there, builtIn(found.resource)) };
}

/** @param {Line} line @param {Found} found */
async function clientSide(line, found) {
  const there = await live(line, found);
  const query = { fieldManager: line.flags["field-manager"] ?? "kubectl-client-side-apply", ...writing(line) };
  const { object, last, patch } = wanted(found, there);
  if (!there) {
    const made = dryRun(line) === "client" ? object : await attempt(() => line.api.json("POST", path(found.resource, found.namespace), { query, body: object }), line, "creating");
    if (made) done(line, { ...found, object: made }, "created");
    return;
  }
  if (last === undefined) {
    line.err(
      `Warning: resource ${full(found.resource).split(".")[0]}/${found.name} is missing the ${APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n`,
    );
  }
  if (Object.keys(patch).length === 0) {
    done(line, { ...found, object: there }, "unchanged");
    return;
  }
  const changed = dryRun(line) === "client" ? object : await attempt(() => line.api.json("PATCH", address(found), { query, body: patch, type: patchType(found.resource) }), line, "applying patch");
  if (!changed) return;
  const same = equal({ ...changed.metadata, managedFields: 0 }, { ...there.metadata, managedFields: 0 });
  done(line, { ...found, object: changed }, same && dryRun(line) === "none" ? "unchanged" : "configured");
}

/** @param {() => Promise<object>} act @param {Line} line @param {string} doing */
async function attempt(act, line, doing) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    line.fail(error, `error when ${doing} "STDIN": `);
    return undefined;
  }
}

/** @param {Line} line @param {Found} found */
async function serverSide(line, found) {
  const query = { fieldManager: line.flags["field-manager"] ?? "kubectl", force: line.flags["force-conflicts"] || undefined, ...writing(line) };
  try {
    const object = await line.api.json("PATCH", address(found), { query, body: found.object, type: "application/apply-patch+yaml" });
    done(line, { ...found, object }, "serverside-applied");
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== 409) throw error;
    throw new Failure(
      `error: ${error.status.message}\nPlease review the fields above--they currently have other managers. Here\nare the ways you can resolve this warning:\n* If you intend to manage all of these fields, please re-run the apply\n  command with the \`--force-conflicts\` flag.\n* If you do not intend to manage all of the fields, please edit your\n  manifest to remove references to the fields that should keep their\n  current managers.\n* You may co-own fields by updating your manifest to match the existing\n  value; in this case, you'll become the manager if the other manager(s)\n  stop managing the field (remove it from their configuration).\nSee https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`,
    );
  }
}

/** Waits until an object is gone. @param {Line} line @param {Found} found */
export async function gone(line, found, uid = "") {
  for (let wait = 100; ; wait = Math.min(2000, wait * 1.5)) {
    const there = await live(line, found);
    if (!there || (uid && there.metadata.uid !== uid)) return;
    await line.pause(wait);
  }
}

/** Creates an object and says so. @param {Line} line @param {Resource} resource @param {object} body @param {string} [what] @param {string} [manager] */
export async function create(line, resource, body, what = "created", manager = "kubectl-create") {
  const namespace = resource.namespaced ? line.namespace : "";
  const whole = { apiVersion: apiVersion(resource), kind: resource.kind, ...body };
  if (namespace && namespace !== "default") whole.metadata = { ...whole.metadata, namespace };
  const { name } = whole.metadata;
  const found = { resource, namespace, name, object: whole };
  if (dryRun(line) !== "client") {
    const query = { fieldManager: line.flags["field-manager"] ?? manager, ...writing(line) };
    found.object = await line.api.json("POST", path(resource, namespace), { query, body: whole });
  }
  done(line, found, what);
  return found;
}

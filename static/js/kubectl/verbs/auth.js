/** auth can-i, auth whoami: who the reader is here, and what that lets them do. */

import { ruleLines } from "../describe/settings.js";
import { Failure } from "../failure.js";
import { SETS } from "../flags.js";
import { align } from "../tabs.js";
import { dump, json } from "../yaml.js";

const TABLE = { minimum: 6, padding: 3 };

const canI = {
  name: "auth can-i",
  usage: "auth can-i VERB TYPE[/NAME] [--list]",
  flags: { "all-namespaces": { kind: "bool", short: "A" }, list: { kind: "bool" }, quiet: { kind: "bool", short: "q" }, subresource: { kind: "text" }, "no-headers": { kind: "bool" } },
  async run(line) {
    const namespace = line.flags["all-namespaces"] ? "" : line.namespace;
    if (line.flags.list) return list(line, namespace);
    const [verb, what, name] = line.args;
    if (!verb || !what) throw new Failure("error: you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.");
    const spec = {};
    if (what.startsWith("/")) spec.nonResourceAttributes = { path: what, verb };
    else {
      const [type, one = name] = what.split("/");
      const resource = type === "*" ? { plural: "*", group: "*", namespaced: true } : await line.discovery.find(type).catch(() => undefined);
      if (!resource) line.err(`Warning: the server doesn't have a resource type '${type}'\n\n`);
      else if (!resource.namespaced && !line.flags["all-namespaces"]) line.err(`Warning: resource '${resource.plural}' is not namespace scoped${resource.group ? ` in group '${resource.group}'` : ""}\n\n`);
      spec.resourceAttributes = { ...(namespace ? { namespace } : {}), verb, group: resource?.group ?? "", resource: resource?.plural ?? type, ...(line.flags.subresource ? { subresource: line.flags.subresource } : {}), ...(one ? { name: one } : {}) };
    }
    const { status } = await line.api.json("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", { body: { kind: "SelfSubjectAccessReview", apiVersion: "authorization.k8s.io/v1", spec } });
    if (!line.flags.quiet) line.out(`${status.allowed ? "yes" : "no"}${!status.allowed && status.reason ? ` - ${status.reason}` : ""}${status.evaluationError ? ` - ${status.evaluationError}` : ""}\n`);
    if (!status.allowed) line.failed = true;
  },
};

/** @param {Line} line @param {string} namespace */
async function list(line, namespace) {
  const { status } = await line.api.json("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", { body: { kind: "SelfSubjectRulesReview", apiVersion: "authorization.k8s.io/v1", spec: { namespace } } });
  const rows = ruleLines([...(status.resourceRules ?? []), ...(status.nonResourceRules ?? [])]);
  const head = line.flags["no-headers"] ? [] : [["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]];
  line.out(align([...head, ...rows].map((row) => `${row.join("\t")}\n`).join(""), TABLE));
}

const whoami = {
  name: "auth whoami",
  usage: "auth whoami",
  flags: SETS.output,
  async run(line) {
    const review = await line.api.json("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { body: { kind: "SelfSubjectReview", apiVersion: "authentication.k8s.io/v1", metadata: {} } });
    if (line.flags.output) {
      line.out(line.flags.output === "json" ? json(review) : dump(review));
      return;
    }
    const { username, uid, groups = [], extra = {} } = review.status.userInfo;
    const rows = [["ATTRIBUTE", "VALUE"], ["Username", username]];
    if (uid) rows.push(["UID", uid]);
    if (groups.length) rows.push(["Groups", `[${groups.join(" ")}]`]);
    for (const key of Object.keys(extra).sort()) rows.push([`Extra: ${key}`, `[${extra[key].join(" ")}]`]);
    line.out(align(rows.map((row) => `${row.join("\t")}\n`).join(""), TABLE));
  },
};

export const auth = { name: "auth", usage: "auth can-i|whoami", commands: { "can-i": canI, whoami } };

/** certificate approve, deny: a signing request is let through, or not. */

import { Failure } from "../failure.js";
import { SETS } from "../flags.js";
import { done } from "../output.js";
import { address, find } from "../targets.js";

/** @param {string} name @param {string} type @param {string} reason @param {string} what */
const judging = (name, type, reason, what) => ({
  name: `certificate ${name}`,
  usage: `certificate ${name} NAME`,
  only: ["certificatesigningrequests"],
  flags: { ...SETS.files, output: { kind: "text", short: "o" }, force: { kind: "bool" } },
  async run(line) {
    if (line.args.length === 0 && !line.flags.filename) throw new Failure("error: one or more CSRs must be specified as <name> or -f <filename>");
    for (const found of await find(line, ["certificatesigningrequests.certificates.k8s.io", ...line.args])) {
      const { object } = found;
      const known = object.status?.conditions ?? [];
      if (!known.some((each) => each.type === type)) {
        const now = new Date(line.api.now).toISOString().replace(/\.\d+Z$/, "Z");
        const message = `This CSR was ${type.toLowerCase()} by kubectl certificate ${name}.`;
        const condition = { type, status: "True", reason, message, lastUpdateTime: now };
        await line.api.json("PUT", address(found, "approval"), { body: { ...object, status: { ...object.status, conditions: [...known, condition] } } });
      }
      done(line, found, what);
    }
  },
});

export const certificate = {
  name: "certificate",
  usage: "certificate approve|deny NAME",
  commands: { approve: judging("approve", "Approved", "KubectlApprove", "approved"), deny: judging("deny", "Denied", "KubectlDeny", "denied") },
};

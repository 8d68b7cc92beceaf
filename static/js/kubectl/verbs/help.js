/** help: what this terminal knows; how a command is typed. */

import { Said } from "../failure.js";
import { withCommon } from "../flags.js";
import { nearest } from "../words.js";

/** Commands in the order in which kubectl groups them. */
const GROUPS = [
  ["create", "expose", "run", "set"],
  ["explain", "get", "edit", "delete"],
  ["rollout", "scale", "autoscale"],
  ["certificate", "cluster-info", "top", "cordon", "uncordon", "drain", "taint"],
  ["describe", "logs", "events", "auth", "diff"],
  ["apply", "patch", "replace", "wait", "label", "annotate"],
  ["api-resources", "api-versions", "config", "version", "help"],
];

export const help = {
  name: "help",
  usage: "help [COMMAND]",
  async run(line) {
    const { COMMANDS, commandOf } = line.kubectl;
    if (line.args.length === 0) {
      line.place.say("help", {});
      line.out(GROUPS.map((names) => names.map((name) => `  ${COMMANDS[name].usage}\n`).join("")).join("\n"));
      return;
    }
    const found = commandOf(line.args);
    if (!found) {
      const near = nearest(line.args[0], Object.keys(COMMANDS));
      throw near ? new Said("unknown-command-near", { command: line.args[0], near }) : new Said("unknown-command", { command: line.args[0] });
    }
    const { command } = found;
    line.out(`kubectl ${command.usage}\n`);
    const below = Object.values(command.commands ?? {}).filter((each) => !each.alias);
    if (below.length) line.out(`\n${below.map((each) => `  kubectl ${each.usage}\n`).join("")}`);
    if (!command.run) return;
    const flags = Object.entries(withCommon(command.flags ?? {})).filter(([name]) => name !== "help");
    const text = flags.map(([name, flag]) => `  ${flag.short ? `-${flag.short}, ` : "    "}--${name}${flag.kind === "bool" ? "" : `=${(flag.values ?? []).slice(0, 4).join("|")}`}\n`);
    line.out(`\n${text.join("")}`);
  },
};

/** Every command that this terminal knows, by name; and those it refuses, with the reason. */

import { apiResources, apiVersions, clusterInfo, config, version } from "./verbs/about.js";
import { apply, diff, edit, replace } from "./verbs/apply.js";
import { auth } from "./verbs/auth.js";
import { certificate } from "./verbs/certificate.js";
import { annotate, label, patch, scale } from "./verbs/change.js";
import { create } from "./verbs/create.js";
import { remove, wait } from "./verbs/delete.js";
import { describe } from "./verbs/describe.js";
import { explain } from "./verbs/explain.js";
import { get } from "./verbs/get.js";
import { help } from "./verbs/help.js";
import { cordon, drain, taint, uncordon } from "./verbs/nodes.js";
import { rollout } from "./verbs/rollout.js";
import { autoscale, expose, run } from "./verbs/run.js";
import { set } from "./verbs/set.js";
import { events, logs, top } from "./verbs/watching.js";

/**
 * @typedef {object} Command
 * @property {string} name
 * @property {string} usage
 * @property {Record<string, Flag>} [flags]
 * @property {boolean} [kinds]  its first word is a kind, its next are names
 * @property {string[]} [only]  the kinds it is for
 * @property {Record<string, Command>} [commands]  `rollout` has `status`, `undo` …
 * @property {(line: Line) => Promise<void>} [run]
 */

/** @type {Record<string, Command>} */
export const COMMANDS = Object.fromEntries(
  [
    ...[get, describe, explain, logs, events, top],
    ...[apply, create, run, expose, autoscale, replace, edit, diff],
    ...[scale, set, rollout, patch, label, annotate, remove, wait],
    ...[cordon, uncordon, drain, taint],
    ...[auth, certificate, apiResources, apiVersions, clusterInfo, config, version, help],
  ].map((command) => [command.name, command]),
);

export const NAMES = new Set(Object.keys(COMMANDS));

/** What needs a stream into a container, or a program of one's own: command -> which sentence says so. */
export const REFUSED = new Map([
  ...["exec", "attach", "port-forward", "cp", "debug"].map((name) => [name, "stream"]),
  ...["proxy", "completion", "plugin", "kustomize", "convert", "alpha", "options"].map((name) => [name, "local"]),
]);

/** @param {string[]} words @returns {{command: Command, rest: string[]}|undefined} */
export function commandOf(words) {
  let command = Object.hasOwn(COMMANDS, words[0]) ? COMMANDS[words[0]] : undefined;
  let rest = words.slice(1);
  while (command?.commands && rest.length && Object.hasOwn(command.commands, rest[0])) {
    command = command.commands[rest[0]];
    rest = rest.slice(1);
  }
  return command && { command, rest };
}

/** What the Tab key offers: commands, flags and their values, kinds, names, namespaces. */

import { COMMANDS, commandOf } from "./commands.js";
import { path } from "./discovery.js";
import { withCommon } from "./flags.js";
import { split } from "./words.js";

const NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const MOST = 500;

/**
 * @param {Kubectl} kubectl
 * @param {string} text  the line up to the caret
 * @returns {Promise<{word: string, found: string[]}>}  what is being typed, and what it may become
 */
export async function complete(kubectl, text) {
  const { words, open } = split(text);
  const word = open ? words.pop() : "";
  if (words.length === 0) return offer(word, [..."kubectl".startsWith(word) ? ["kubectl"] : [], ...Object.keys(COMMANDS)]);
  if (words[0] === "kubectl" || words[0] === "k") words.shift();
  if (words.length === 0) return offer(word, Object.keys(COMMANDS));
  const found = commandOf(words);
  if (!found) return offer(word, []);
  const { command, rest } = found;
  if (command.commands && rest.length === 0 && !word.startsWith("-")) {
    const names = Object.keys(command.commands).filter((name) => !command.commands[name].alias);
    return offer(word, names);
  }
  if (!command.run) return offer(word, []);
  return argument(kubectl, command, rest, word);
}

/** What a reader is likely to mean stands before what is only possible. */
const FIRST = ["kubectl", "get", "describe", "pods", "deployments", "services", "nodes", "replicasets", "statefulsets", "daemonsets", "jobs", "events", "namespaces"];

/** @param {string} word @param {Iterable<string>} all */
function offer(word, all) {
  const rank = (each) => {
    const place = FIRST.indexOf(each.replace(/\/$/, ""));
    return place < 0 ? FIRST.length : place;
  };
  const found = [...new Set(all)].filter((each) => each.startsWith(word) && each !== word);
  return { word, found: found.sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1)) };
}

/** @param {Kubectl} kubectl @param {Command} command @param {string[]} rest @param {string} word */
async function argument(kubectl, command, rest, word) {
  const flags = withCommon(command.flags ?? {});
  const byLetter = Object.fromEntries(Object.entries(flags).filter(([, flag]) => flag.short).map(([name, flag]) => [flag.short, name]));
  const nameOf = (text) => (text.startsWith("--") ? text.slice(2).split("=")[0] : byLetter[text[1]]);
  const args = [];
  let namespace = kubectl.namespace;
  let waiting = "";
  for (const each of rest) {
    if (waiting) {
      if (waiting === "namespace") namespace = each;
      waiting = "";
    } else if (each.startsWith("-") && each.length > 1) {
      const name = nameOf(each);
      const alone = !each.startsWith("--") ? each.length === 2 : !each.includes("=");
      if (name === "namespace" && !alone) namespace = each.startsWith("--") ? each.split("=")[1] : each.slice(2).replace(/^=/, "");
      if (alone && flags[name] && !["bool", "maybe"].includes(flags[name].kind)) waiting = name;
    } else args.push(each);
  }
  if (waiting) return offer(word, await valuesOf(kubectl, waiting, flags[waiting], namespace));
  const value = /^--([\w-]+)=(.*)$/.exec(word);
  if (value) {
    const { found } = offer(value[2], await valuesOf(kubectl, value[1], flags[value[1]], namespace));
    return { word, found: found.map((each) => `--${value[1]}=${each}`) };
  }
  if (word.startsWith("-")) {
    const all = Object.keys(flags).filter((name) => !["help", "v"].includes(name) && !rest.some((each) => each.startsWith(`--${name}`)));
    return offer(word, all.map((name) => `--${name}${["bool", "maybe"].includes(flags[name].kind) ? "" : "="}`));
  }
  return positional(kubectl, command, args, word, namespace);
}

/** @param {Kubectl} kubectl @param {string} name @param {Flag|undefined} flag @param {string} namespace */
async function valuesOf(kubectl, name, flag, namespace) {
  if (name === "namespace") return namesOf(kubectl, "namespaces", "");
  if (name === "role" || name === "clusterrole") return namesOf(kubectl, `${name}s`, namespace);
  if (name === "resource") return (await kinds(kubectl)).map(({ plural }) => plural);
  return flag?.values ?? [];
}

/** @param {Kubectl} kubectl @param {Command} command @param {string[]} args @param {string} word @param {string} namespace */
async function positional(kubectl, command, args, word, namespace) {
  const only = command.only ?? [];
  if (!command.kinds && only.length) return offer(word, await namesOf(kubectl, only[0], namespace)); // cordon, drain, top pod
  if (!command.kinds) return offer(word, command === COMMANDS.help && args.length === 0 ? Object.keys(COMMANDS) : []);
  const slash = word.indexOf("/");
  if (slash > 0) {
    const type = word.slice(0, slash);
    return offer(word, (await namesOf(kubectl, type, namespace)).map((name) => `${type}/${name}`));
  }
  if (args.length === 0) {
    const bare = command.bare ? await namesOf(kubectl, only[0], namespace) : [];
    const listed = await kinds(kubectl);
    return offer(word, [...bare, ...listed.filter(({ plural }) => command.bare || only.length === 0 || only.includes(plural)).map(({ plural }) => (command.bare ? `${plural}/` : plural))]);
  }
  if (args.some((each) => each.includes("/")) || command.bare) return command.name === "set image" ? offer(word, await containersOf(kubectl, args, namespace)) : offer(word, []);
  const given = new Set(args.slice(1));
  return offer(word, (await namesOf(kubectl, args[0].split(",").at(-1), namespace)).filter((name) => !given.has(name)));
}

/** @param {Kubectl} kubectl */
async function kinds(kubectl) {
  return (await kubectl.discovery.preferred()).filter(({ verbs }) => verbs.includes("list"));
}

/** @param {Kubectl} kubectl @param {string} type @param {string} namespace @returns {Promise<string[]>} */
async function namesOf(kubectl, type, namespace) {
  try {
    const resource = await kubectl.discovery.find(type);
    const { items } = await kubectl.discovery.api.json("GET", path(resource, namespace), { query: { limit: MOST }, accept: NAMES_ONLY });
    return items.map(({ metadata }) => metadata.name);
  } catch {
    return []; // nothing known, nothing offered
  }
}

/** "nginx=" for `set image deploy/web`. @param {Kubectl} kubectl @param {string[]} args @param {string} namespace */
async function containersOf(kubectl, args, namespace) {
  try {
    const [type, name] = args[0].split("/");
    const object = await kubectl.discovery.api.get(path(await kubectl.discovery.find(type), namespace, name));
    const spec = object.spec?.template?.spec ?? object.spec;
    return (spec.containers ?? []).map((each) => `${each.name}=`);
  } catch {
    return [];
  }
}

/** @param {string[]} words @returns {string} what all of them begin with */
export function common(words) {
  let start = words[0] ?? "";
  for (const word of words) while (!word.startsWith(start)) start = start.slice(0, -1);
  return start;
}

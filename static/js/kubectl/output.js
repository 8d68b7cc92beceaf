/** What a command prints of objects, in each of kubectl's forms. */

import { single } from "./discovery.js";
import { Failure } from "./failure.js";
import { jsonpath, shown, walk } from "./jsonpath.js";
import { align } from "./tabs.js";
import { dump, json } from "./yaml.js";

const FORMS = ["custom-columns", "json", "jsonpath", "jsonpath-as-json", "name", "wide", "yaml"];

/** @param {Line} line @returns {{form: string, argument: string}} what -o asks for */
export function form(line) {
  const text = line.flags.output ?? "";
  const [name, ...rest] = text.split("=");
  let argument = rest.join("=");
  if (line.flags.template !== undefined && !argument) argument = line.flags.template;
  if (name && !FORMS.includes(name)) {
    throw new Failure(`error: unable to match a printer suitable for the output format "${name}", allowed formats are: ${FORMS.join(",")}`);
  }
  if (/^(?:jsonpath|custom-columns)/.test(name) && !argument) {
    throw new Failure(name === "custom-columns" ? "error: custom-columns format specified but no custom columns given" : "error: template format specified but no template given");
  }
  return { form: name, argument };
}

/** @param {Line} line @param {object} object */
function cleaned(line, object) {
  if (line.flags["show-managed-fields"] || !object.metadata?.managedFields) return object;
  const { managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/**
 * Prints objects whole. @param {Line} line
 * @param {Found[]} found
 * @param {boolean} list  several were asked for, even if one came
 * @returns {string}
 */
export function printed(line, found, list) {
  const wanted = form(line);
  if (wanted.form === "name") return found.map(({ resource, name }) => `${single(resource)}/${name}\n`).join("");
  const objects = found.map(({ object }) => cleaned(line, object));
  if (wanted.form === "custom-columns") return columns(wanted.argument, objects, Boolean(line.flags["no-headers"]));
  const whole = list ? { apiVersion: "v1", items: objects, kind: "List", metadata: { resourceVersion: "" } } : objects[0];
  if (wanted.form === "json") return json(whole);
  if (wanted.form === "jsonpath") return jsonpath(wanted.argument, whole);
  if (wanted.form === "jsonpath-as-json") return `${JSON.stringify(walk(wanted.argument.replace(/^\{|\}$/g, ""), whole), null, 4)}\n`;
  return dump(whole);
}

/** @param {string} spec  "NAME:.metadata.name,PHASE:.status.phase" @param {object[]} objects @param {boolean} bare */
function columns(spec, objects, bare) {
  const wanted = spec.split(/,(?![^[(]*[\])])/).map((part) => {
    const at = part.indexOf(":");
    if (at < 0) throw new Failure(`error: unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`);
    return { header: part.slice(0, at), path: part.slice(at + 1).replace(/^\{|\}$/g, "") };
  });
  const rows = objects.map((object) => wanted.map(({ path }) => walk(path, object).map(shown).join(",") || "<none>"));
  const all = bare ? rows : [wanted.map(({ header }) => header), ...rows];
  return align(all.map((row) => `${row.join("\t")}\n`).join(""), { minimum: 6, padding: 3 });
}

/**
 * One line of a command that changed something: "deployment.apps/web scaled", or the object with -o.
 * @param {Line} line @param {Found} found @param {string} what
 */
export function done(line, found, what) {
  if (line.flags.output) {
    line.out(printed(line, [found], false));
    return;
  }
  const run = line.flags["dry-run"];
  const dry = run === "server" ? " (server dry run)" : run === "client" ? " (dry run)" : "";
  line.out(`${single(found.resource)}/${found.name} ${what}${dry}\n`);
}

/** @param {Line} line @returns {"none"|"client"|"server"} */
export function dryRun(line) {
  const asked = line.flags["dry-run"] ?? "none";
  if (asked === "unchanged") return "client";
  if (!["none", "client", "server"].includes(asked)) throw new Failure(`error: Invalid dry-run value (${asked}). Must be "none", "server", or "client".`);
  return asked;
}

/** Which objects a command means: "pods", "deploy web", "deploy/web svc/web", "-l app=web", "-f -". */

import { apiVersion, full, path } from "./discovery.js";
import { Failure, Refused, Said } from "./failure.js";
import { documents } from "./yaml.js";

export const NOTHING = `error: You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'`;

/**
 * @typedef {object} Target
 * @property {Resource} resource
 * @property {string} name  "" means all of them
 *
 * @typedef {object} Found
 * @property {Resource} resource
 * @property {string} namespace
 * @property {string} name
 * @property {object} object
 */

/**
 * @param {Line} line
 * @param {string[]} args
 * @returns {Promise<Target[]>}
 */
export async function targets(line, args) {
  if (args.length === 0) return [];
  if (args.some((each) => each.includes("/"))) {
    const alone = args.find((each) => !each.includes("/"));
    if (alone) {
      throw new Failure(
        "error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
      );
    }
    const found = [];
    for (const each of args) {
      const [type, name, ...more] = each.split("/");
      if (!type || !name || more.length) throw new Failure(`error: arguments in resource/name form may not have more than one slash`);
      found.push({ resource: await line.discovery.find(type), name });
    }
    return found;
  }
  const [types, ...names] = args;
  const resources = [];
  for (const type of types.split(",")) {
    const category = type === "all" ? await line.discovery.inCategory("all") : [];
    resources.push(...(category.length ? category : [await line.discovery.find(type)]));
  }
  return resources.flatMap((resource) => (names.length ? names.map((name) => ({ resource, name })) : [{ resource, name: "" }]));
}

/** @param {Line} line @param {Resource} resource @returns {string} "" = none, or all */
export function namespaceFor(line, resource) {
  return resource.namespaced && !line.flags["all-namespaces"] ? line.namespace : "";
}

/** What a list is narrowed by. @param {Line} line */
export function selection(line) {
  return { labelSelector: line.flags.selector, fieldSelector: line.flags["field-selector"] };
}

/**
 * The objects themselves, asked for one by one or as lists. What is not there is told, and the others go on.
 * @param {Line} line @param {string[]} args
 * @param {{all?: boolean, missing?: boolean|string[]}} [options]  all: a type alone means every object of it; missing: what is
 *   not there is not told, or gathered
 * @returns {Promise<Found[]>}
 */
export async function find(line, args, { all = false, missing = false } = {}) {
  if (line.flags.filename) return described(line, true);
  const wanted = await targets(line, args);
  if (wanted.length === 0) throw new Failure(NOTHING);
  const found = [];
  for (const { resource, name } of wanted) {
    const namespace = namespaceFor(line, resource);
    if (name) {
      try {
        found.push({ resource, namespace, name, object: await line.api.get(path(resource, namespace, name)) });
      } catch (error) {
        if (!(error instanceof Refused) || error.code !== 404) throw error;
        if (Array.isArray(missing)) missing.push(error.status.message);
        else if (!missing) line.fail(error);
      }
      continue;
    }
    if (!all && !line.flags.selector && !line.flags.all && !line.flags["field-selector"]) {
      throw new Failure(`error: resource(s) were provided, but no name was specified`);
    }
    const list = await line.api.list(path(resource, namespace), selection(line));
    for (const item of list.items) {
      const object = { apiVersion: apiVersion(resource), kind: resource.kind, ...item };
      found.push({ resource, namespace: item.metadata.namespace ?? "", name: item.metadata.name, object });
    }
  }
  return found;
}

/**
 * The objects that a manifest in the box describes.
 * @param {Line} line @param {boolean} [live]  as they are in the cluster, not as they are written
 * @returns {Promise<Found[]>}
 */
export async function described(line, live = false) {
  const files = line.flags.filename ?? [];
  const file = files.find((each) => each !== "-");
  if (file !== undefined) throw new Said(/^https?:/.test(file) ? "no-addresses" : "no-files", { file });
  const text = await line.box("manifest", "");
  if (text === null) throw new Said("box-closed");
  const objects = documents(text);
  if (objects.length === 0) throw new Failure("error: no objects passed to apply");
  const found = [];
  for (const object of objects) {
    if (!object.kind) throw new Failure(`error: unable to decode "STDIN": Object 'Kind' is missing in '${JSON.stringify(object)}'`);
    if (!object.apiVersion) throw new Failure(`error: unable to decode "STDIN": Object 'apiVersion' is missing in '${JSON.stringify(object)}'`);
    const resource = await line.discovery.ofKind(object.apiVersion, object.kind);
    if (!resource) {
      const name = object.metadata?.name ?? "";
      throw new Failure(
        `error: resource mapping not found for name: "${name}" namespace: "${object.metadata?.namespace ?? ""}" from "STDIN": no matches for kind "${object.kind}" in version "${object.apiVersion}"\nensure CRDs are installed first`,
      );
    }
    const namespace = resource.namespaced ? object.metadata?.namespace || line.namespace : "";
    if (line.flags.namespace && resource.namespaced && namespace !== line.namespace) {
      throw new Failure(`error: the namespace from the provided object "${namespace}" does not match the namespace "${line.namespace}". You must pass '--namespace=${namespace}' to perform this operation.`);
    }
    const name = object.metadata?.name ?? "";
    const whole = resource.namespaced ? { ...object, metadata: { ...object.metadata, namespace } } : object;
    found.push({ resource, namespace, name, object: live ? await line.api.get(path(resource, namespace, name)) : whole });
  }
  return found;
}

/** @param {Found} found @returns {string} the address of one object */
export function address({ resource, namespace, name }, subresource = "") {
  return path(resource, namespace, name, subresource);
}

/** @param {Resource} resource @param {string} what */
export function mustHave(resource, what, test) {
  if (!test) throw new Failure(`error: ${full(resource)} ${what}`);
}

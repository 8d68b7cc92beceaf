/** explain: what the server's own documents say of a kind and its fields. */

import { Failure } from "../failure.js";

export const explain = {
  name: "explain",
  usage: "explain TYPE[.FIELD…] [--recursive]",
  kinds: true,
  flags: { recursive: { kind: "bool" }, "api-version": { kind: "text" }, output: { kind: "text", short: "o" } },
  async run(line) {
    const [what, ...more] = line.args;
    if (!what) throw new Failure("error: You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.");
    if (more.length) throw new Failure("error: We accept only this format: explain RESOURCE");
    const [resource, fields] = await split(line, what);
    const root = await line.api.get("/openapi/v3");
    const version = line.flags["api-version"] ?? (resource.group ? `${resource.group}/${resource.version}` : resource.version);
    const [group, number] = version.includes("/") ? version.split("/") : ["", version];
    const entry = root.paths?.[group ? `apis/${group}/${number}` : `api/${number}`];
    if (!entry) throw new Failure(`error: couldn't find resource for "${group}/${number}, Kind=${resource.kind}"`);
    const document = await line.api.get(entry.serverRelativeURL.replace(/^.*(?=\/openapi\/)/, ""));
    const schemas = document.components?.schemas ?? {};
    const schema = Object.values(schemas).find((each) => (each["x-kubernetes-group-version-kind"] ?? []).some((known) => known.group === group && known.version === number && known.kind === resource.kind));
    if (!schema) throw new Failure(`error: GVR (${group}/${number}, Resource=${resource.plural}) not found in OpenAPI schema`);
    line.out(`${group ? `GROUP:      ${group}\n` : ""}KIND:       ${resource.kind}\nVERSION:    ${number}\n\n`);
    line.out(`${new Pages(schemas, Boolean(line.flags.recursive)).output(schema, fields)}\n`);
  },
};

/** "pods.spec.containers" or "deployments.apps.spec". @param {Line} line @param {string} what */
async function split(line, what) {
  const parts = what.split(".");
  const exact = (await line.discovery.all()).find(({ plural, group }) => group && what.startsWith(`${plural}.${group}`));
  if (exact) return [exact, what.slice(`${exact.plural}.${exact.group}`.length).split(".").filter(Boolean)];
  const found = await line.discovery.find(parts[0]).catch((error) => {
    throw error instanceof Failure ? new Failure(error.message.replace(/^error: /, "")) : error;
  });
  return [found, parts.slice(1).filter(Boolean)];
}

/** @param {string} text @param {number} width @param {number} indent */
function wrapped(text, width, indent) {
  const pad = " ".repeat(indent);
  return text
    .split("\n")
    .flatMap((paragraph) => {
      const lines = [""];
      for (const word of paragraph.split(" ").filter(Boolean)) {
        const last = lines.at(-1);
        if (last && last.length + 1 + word.length > width) lines.push(word);
        else lines[lines.length - 1] = last ? `${last} ${word}` : word;
      }
      return lines;
    })
    .map((each) => (each ? pad + each : each))
    .join("\n");
}

/** Prints one document's schemas. */
class Pages {
  /** @param {Record<string, object>} schemas @param {boolean} recursive */
  constructor(schemas, recursive) {
    this.schemas = schemas;
    this.recursive = recursive;
  }

  /** @param {object} schema @returns {object} what it refers to */
  resolved(schema) {
    return schema.$ref ? (this.schemas[schema.$ref.split("/").at(-1)] ?? schema) : schema;
  }

  /** @param {object} schema @returns {object[]} itself and what it is made of: parts of lists and maps, alternatives */
  parts(schema) {
    const own = this.resolved(schema);
    const map = typeof own.additionalProperties === "object" ? [own.additionalProperties] : [];
    return [...(own.allOf ?? []), ...(own.items ? [own.items] : []), ...map];
  }

  /** @param {object} schema @param {string[]} fields @returns {string} */
  output(schema, fields) {
    const found = this.#output(schema, fields, new Set());
    if (found === undefined) throw new Failure(`error: field "${fields.at(-1)}" does not exist`);
    return found;
  }

  /** @param {object} schema @param {string[]} fields @param {Set<string>} seen @returns {string|undefined} */
  #output(schema, fields, seen) {
    const own = this.resolved(schema);
    if (fields.length === 0) {
      const list = this.list(schema, 1, new Set());
      return `DESCRIPTION:\n${wrapped(this.description(schema).trim() || "<empty>", 76, 4)}\n${this.description(schema).trim() ? "    \n" : ""}${list ? `FIELDS:\n${list}` : ""}`;
    }
    if (schema.$ref && seen.has(schema.$ref)) return undefined;
    const known = new Set([...seen, schema.$ref]);
    const below = own.properties?.[fields[0]];
    if (below) {
      const head = fields.length > 1 ? "" : `FIELD: ${fields[0]} <${this.type(below)}>\n${below.enum ? `ENUM:${below.enum.map((each) => `\n    ${each === "" ? '""' : each}`).join("")}` : ""}\n\n`;
      const rest = this.#output(below, fields.slice(1), new Set());
      return rest === undefined ? undefined : head + rest;
    }
    for (const part of this.parts(schema)) {
      const found = this.#output(part, fields, known);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** @param {object} schema @param {number} [depth] @returns {string} */
  description(schema, depth = 0) {
    if (depth > 8) return "";
    const own = this.resolved(schema);
    return (own.description ? `${own.description}\n` : "") + this.parts(schema).map((part) => this.description(part, depth + 1)).join("");
  }

  /** @param {object} schema @returns {string} */
  type(schema) {
    if (schema.items) return `[]${this.type(schema.items)}`;
    if (typeof schema.additionalProperties === "object") return `map[string]${this.type(schema.additionalProperties)}`;
    if (schema.allOf?.length === 1 && !schema.properties) return this.type(schema.allOf[0]);
    if (schema.$ref) {
      const own = this.resolved(schema);
      return !own.type || own.type === "object" ? schema.$ref.split("/").at(-1).split(".").at(-1) : own.type;
    }
    return !schema.type || schema.type === "object" ? "Object" : schema.type;
  }

  /** @param {object} schema @param {number} level @param {Set<string>} seen @returns {string} */
  list(schema, level, seen) {
    if (schema.$ref && seen.has(schema.$ref)) return "";
    const known = new Set([...seen, schema.$ref].filter(Boolean));
    const own = this.resolved(schema);
    let text = "";
    for (const name of Object.keys(own.properties ?? {}).sort()) {
      text += this.field(own, name, level);
      if (this.recursive) text += this.list(own.properties[name], level + 1, known);
    }
    return text + this.parts(schema).map((part) => this.list(part, level, known)).join("");
  }

  /** @param {object} owner @param {string} name @param {number} level */
  field(owner, name, level) {
    const schema = owner.properties[name];
    const indent = level * 2;
    const pad = " ".repeat(indent);
    const values = schema.enum ? `\n${pad}enum: ${schema.enum.slice(0, 4).map((each) => (each === "" ? '""' : each)).join(", ")}${schema.enum.length > 4 ? ", ...." : ""}` : "";
    const head = `${pad}${name}\t<${this.type(schema)}>${(owner.required ?? []).includes(name) ? " -required-" : ""}${values}\n`;
    return this.recursive ? head : `${head}${wrapped(schema.description ?? "<no description>", 78 - indent, indent + 2)}\n\n`;
  }
}

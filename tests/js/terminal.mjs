/** Runs lines of the page's terminal for a test: one JSON string a line in, one answer a line out. K8SDOCS_API, K8SDOCS_TOKEN. */

import { createInterface } from "node:readline";

import { Kubectl } from "../../static/js/kubectl/kubectl.js";

const kubectl = new Kubectl({ base: process.env.K8SDOCS_API, headers: { Authorization: `Bearer ${process.env.K8SDOCS_TOKEN}` } });

for await (const text of createInterface({ input: process.stdin })) {
  const { line, box = "" } = JSON.parse(text);
  const answer = { out: "", err: "", said: [], requests: [] };
  const place = {
    out: (words) => (answer.out += words),
    err: (words) => (answer.err += words),
    say: (id, params) => answer.said.push([id, params]),
    box: async (what, shown) => (what === "edit" ? box.replaceAll("$SHOWN", shown) || shown : box),
    heard: (request) => request.status && answer.requests.push(`${request.method} ${request.path} ${request.status}`),
  };
  answer.code = await kubectl.run(line, place, AbortSignal.timeout(20_000));
  console.log(JSON.stringify(answer));
}

// A server of the API for the fuzz test: with tokens, short waits, and a worker.
import process from "node:process";
import { defineTask, Errand, type Logger } from "../../../mod.ts";
import { listen } from "../../../src/cli/listen.ts";
import { createApi } from "../../../src/http/mod.ts";
import { httpTrigger } from "../../../src/triggers/http.ts";

const { API_URL: url = "", API_TOKEN: token = "" } = process.env;

const tell = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
  const error = fields?.error instanceof Error ? fields.error.stack : fields?.error;
  console.log(JSON.stringify({ message, ...fields, error }));
};
const logger: Logger = { debug() {}, info() {}, warn() {}, error: tell };

/** Its payload is searchable, so that filters by it can be asked for. */
const searchable = defineTask({
  name: "searchable",
  index: ["a", "b.c"],
  run: ({ input }) => input,
});

const errand = await Errand.open({ url, tasks: [searchable], synchronous: "normal", logger });
const api = createApi(errand, {
  tokens: [
    { name: "all", token, scopes: ["admin"] },
    { name: "some", token: `${token} some`.replace(" ", "-"), scopes: ["read"], queues: ["one"] },
  ],
  anyTask: true,
  bodyLimit: 256 * 1024,
  waitLimit: "20ms",
  run: httpTrigger(errand, { secret: token, deadline: "50ms" }),
});
const server = await listen({
  fetch: (request) => api.fetch(request),
  hostname: "127.0.0.1",
  port: 0,
});
await errand.worker({ queues: ["worked"], concurrency: 4 }).start();
console.log(server.url);
process.on("SIGTERM", () => void end());

async function end(): Promise<void> {
  await errand.close({ grace: 0 });
  process.exit();
}

// A Bun server with a poller: it looks every ten seconds, and at once for what it has enqueued.
// bun bun.ts
import { Errand } from "errand";
import { every } from "errand/triggers/interval";
import process from "node:process";
import { thumbnail } from "./tasks.ts";

const { LIBSQL_URL = "file:errand.db", LIBSQL_TOKEN } = process.env;
const errand = await Errand.open({
  url: LIBSQL_URL,
  tasks: [thumbnail],
  ...(LIBSQL_TOKEN && { authToken: LIBSQL_TOKEN }),
});
const poller = every("10s", errand);

process.once("SIGTERM", async () => {
  await poller.stop();
  await errand.close();
  process.exit();
});

// Bun serves what a module exports as its default, at PORT
export default {
  async fetch(request: Request): Promise<Response> {
    const id = new URL(request.url).pathname.slice("/jobs/".length);
    if (request.method === "GET") return Response.json(await errand.get(id) ?? null);
    const job = await errand.enqueue(thumbnail, await request.json());
    poller.wake();
    return Response.json(job, { status: 202 });
  },
};

// A Cloudflare Worker: requests enqueue, its cron trigger does the work.
// wrangler.toml: main = "worker.ts", [triggers] crons = ["* * * * *"]
import { cloudflare } from "errand/triggers/cloudflare";
import { thumbnail } from "./tasks.ts";

interface Env {
  readonly LIBSQL_URL: string;
  readonly LIBSQL_TOKEN?: string;
}

export default cloudflare({
  errand: ({ LIBSQL_URL, LIBSQL_TOKEN }: Env) => ({
    url: LIBSQL_URL,
    tasks: [thumbnail],
    ...(LIBSQL_TOKEN && { authToken: LIBSQL_TOKEN }),
  }),
  async fetch(request, { errand, waitUntil }) {
    const { pathname, searchParams } = new URL(request.url);
    const id = pathname.slice("/jobs/".length);
    if (request.method === "GET") return Response.json(await errand.get(id) ?? null);
    const job = await errand.enqueue(thumbnail, await request.json());
    // without this line it waits for the next minute
    if (searchParams.has("now")) waitUntil(errand.run({ deadline: "10s" }));
    return Response.json(job, { status: 202 });
  },
});

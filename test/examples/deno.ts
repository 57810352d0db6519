// A Deno server: requests enqueue, Deno's cron does the work. On Deno Deploy as it is, and here:
// deno serve --unstable-cron --allow-net --allow-env deno.ts
import process from "node:process";
import { Errand } from "errand";
import { denoCron } from "errand/triggers/deno";
import { thumbnail } from "./tasks.ts";

const { LIBSQL_URL, LIBSQL_TOKEN } = process.env;
const place = {
  url: LIBSQL_URL!,
  tasks: [thumbnail],
  ...(LIBSQL_TOKEN && { authToken: LIBSQL_TOKEN }),
};
const errand = await Errand.open(place);
denoCron(errand, { schedule: "* * * * *", deadline: "50s" });

export default {
  async fetch(request: Request): Promise<Response> {
    const id = new URL(request.url).pathname.slice("/jobs/".length);
    if (request.method === "GET") return Response.json(await errand.get(id) ?? null);
    const job = await errand.enqueue(thumbnail, await request.json());
    return Response.json(job, { status: 202 });
  },
};

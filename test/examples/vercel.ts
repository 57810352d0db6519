// A Vercel edge function, api/jobs.ts: a POST enqueues, Vercel Cron sends the GET that does the work.
// vercel.json: { "crons": [{ "path": "/api/jobs", "schedule": "* * * * *" }] }
import { Errand } from "errand";
import { httpTrigger, type HttpTriggerContext } from "errand/triggers/http";
import { thumbnail } from "./tasks.ts";

export const config = { runtime: "edge" };

const { LIBSQL_URL, LIBSQL_TOKEN, CRON_SECRET } = process.env;
const place = {
  url: LIBSQL_URL!,
  tasks: [thumbnail],
  ...(LIBSQL_TOKEN && { authToken: LIBSQL_TOKEN }),
};
const work = httpTrigger(place, { secret: CRON_SECRET!, deadline: "20s" });

export default async function handler(
  request: Request,
  context: HttpTriggerContext,
): Promise<Response> {
  if (request.method !== "POST") return await work(request, context);
  await using errand = await Errand.open(place); // an edge function keeps no connection
  const job = await errand.enqueue(thumbnail, await request.json());
  return Response.json(job, { status: 202 });
}

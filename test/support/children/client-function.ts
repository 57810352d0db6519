// A function at the edge that is a client of an API: jobs are added and worked on within one
// request, where there is no file and no database.
import { defineTask } from "../../../mod.ts";
import { connect } from "../../../src/client/mod.ts";

interface FetchEvent extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

const work = defineTask({ name: "work", run: ({ input }) => ({ got: input }) });

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url).searchParams.get("url")!;
  const client = connect({ url, tasks: [work] });
  const jobs = await client.enqueueMany(work, [7, 8]);
  const { completed } = await client.worker().drain({ deadline: "10s" });
  const [{ result } = {}] = await client.wait(jobs, { timeout: "10s" });
  await client.close();
  return Response.json({ completed, result });
}

const handler = { fetch: answer };
export default handler;

if (!("WebSocketPair" in globalThis)) {
  addEventListener("fetch", (event) => {
    const { request, respondWith } = event as FetchEvent;
    respondWith.call(event, answer(request));
  });
}

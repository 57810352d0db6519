// An edge function of Vercel's kind: jobs are added and worked on within one request.
import { defineTask, Errand } from "../../../mod.ts";

interface FetchEvent extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

const work = defineTask({ name: "work", run: ({ input }) => ({ got: input }) });

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url).searchParams.get("url")!;
  const errand = await Errand.open({ url, tasks: [work] });
  const [{ id }] = await errand.enqueueMany(work, [7, 8]) as [
    { id: string },
    unknown,
  ];
  const { completed } = await errand.worker().drain({ deadline: "10s" });
  const { result } = (await errand.get(id))!;
  await errand.close();
  return Response.json({ completed, result });
}

addEventListener("fetch", (event) => {
  const { request, respondWith } = event as FetchEvent;
  respondWith.call(event, answer(request));
});

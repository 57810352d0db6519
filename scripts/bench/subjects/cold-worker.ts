/** A Cloudflare Worker that adds one job to the database that a request names. */
import { defineTask, Errand } from "../../../mod.ts";

const greet = defineTask<{ readonly name: string }>({
  name: "greet",
  run: () => Promise.resolve(null),
});

const worker: { fetch(request: Request): Promise<Response> } = {
  async fetch(request) {
    const url = new URL(request.url).searchParams.get("database")!;
    await using errand = await Errand.open({ url, tasks: [greet] });
    const { id } = await errand.enqueue(greet, { name: "Ada" });
    return Response.json({ id });
  },
};

export { worker as default };

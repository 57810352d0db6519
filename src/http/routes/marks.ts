/**
 * Marks: what only one shall do at a time.
 *
 * @module
 */
import { durationMs } from "../../duration.ts";
import { ErrandError, invalid } from "../../errors.ts";
import { checkQueue } from "../access.ts";
import { json } from "../answer.ts";
import { nameParams } from "../fields.ts";
import { type Route, route } from "../route.ts";
import * as bodies from "../work-bodies.ts";

/** The store's own. */
const OWN = /^(prune$|feed$|once:)/;
const MARK_MAX_MS = 3_600_000;

const common = {
  scope: "work",
  tag: "Work",
  params: nameParams,
  answers: { 200: { description: "Whether it is held", schema: bodies.markAnswer } },
} as const;

/** `/v1/marks`. */
export const markRoutes: readonly Route[] = [
  route({
    ...common,
    method: "GET",
    path: "/v1/marks/{name}",
    summary: "Whether anyone holds a mark",
    handle: async ({ parts: { broker: { marks } }, params }) =>
      json({ held: await marks.held(own(params.name)) }),
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/marks/{name}",
    summary: "Take a mark unless another holds it, or prolong one",
    body: bodies.mark,
    example: { holder: "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10", for: "30s" },
    async handle({ parts: { broker: { marks } }, params, body }) {
      const name = own(params.name);
      const forMs = durationMs(body.for, "for");
      if (forMs > MARK_MAX_MS) {
        const message = "is more than an hour: prolong the mark instead";
        throw invalid(`Cannot take mark "${name}": for ${message}`, [{ message, path: ["for"] }]);
      }
      const held = body.prolong === true
        ? await marks.prolong(name, body.holder, forMs)
        : await marks.take(name, body.holder, forMs);
      return json({ held });
    },
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/marks/{name}/release",
    summary: "Give a mark up, unless there is a job",
    description: "`held` says whether it still is its holder's.",
    body: bodies.markRelease,
    example: { holder: "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10" },
    async handle({ parts: { broker: { marks } }, caller, params, body }) {
      const name = own(params.name);
      const { holder, unless } = body;
      if (unless === undefined) {
        await marks.release(name, holder);
        return json({ held: false });
      }
      const { queues, later = false } = unless;
      for (const queue of queues) checkQueue(caller, queue);
      return json({ held: !(await marks.releaseIdle({ name, holder, queues, later })) });
    },
  }),
];

function own(name: string): string {
  if (!OWN.test(name)) return name;
  throw new ErrandError("FORBIDDEN", `Cannot use mark "${name}": it is the server's own`);
}

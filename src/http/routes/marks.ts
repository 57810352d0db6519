/**
 * Marks: what only one shall do at a time.
 *
 * @module
 */
import { durationMs } from "../../duration.ts";
import { ErrandError, invalid } from "../../errors.ts";
import { checkQueue } from "../access.ts";
import type { Caller } from "../auth.ts";
import { json } from "../answer.ts";
import { nameParams } from "../fields.ts";
import { type Route, route } from "../route.ts";
import * as bodies from "../work-bodies.ts";

/** The store's own. */
const OWN = /^(prune$|feed$|once:)/;
const MARK_MAX_MS = 3_600_000;

const LIMITED = "Tokens that are limited to queues have marks of their own, one set for the same " +
  "queues: they neither hold nor see those of others.";

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
    description: LIMITED,
    handle: async ({ parts: { broker: { marks } }, caller, params }) =>
      json({ held: await marks.held(own(caller, params.name)) }),
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/marks/{name}",
    summary: "Take a mark unless another holds it, or prolong one",
    description: LIMITED,
    body: bodies.mark,
    example: { holder: "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10", for: "30s" },
    async handle({ parts: { broker: { marks } }, caller, params: { name }, body }) {
      const mark = own(caller, name);
      const forMs = durationMs(body.for, "for");
      if (forMs > MARK_MAX_MS) {
        const message = "is more than an hour: prolong the mark instead";
        throw invalid(`Cannot take mark "${name}": for ${message}`, [{ message, path: ["for"] }]);
      }
      const held = body.prolong === true
        ? await marks.prolong(mark, body.holder, forMs)
        : await marks.take(mark, body.holder, forMs);
      return json({ held });
    },
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/marks/{name}/release",
    summary: "Give a mark up, unless there is a job",
    description: `\`held\` says whether it still is its holder's. ${LIMITED}`,
    body: bodies.markRelease,
    example: { holder: "0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10" },
    async handle({ parts: { broker: { marks } }, caller, params, body }) {
      const name = own(caller, params.name);
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

/** What the store calls the caller's mark: by one for all, a limited caller would stop others. */
function own({ queues }: Caller, name: string): string {
  if (OWN.test(name)) {
    throw new ErrandError("FORBIDDEN", `Cannot use mark "${name}": it is the server's own`);
  }
  return queues === undefined ? name : `${JSON.stringify([...new Set(queues)].sort())} ${name}`;
}

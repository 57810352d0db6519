// Tries a promise for each request, with a client of that request, where no file and no test
// runner is: a worker, bundled by workerd.test.ts.
import { createClient } from "@libsql/client/web";
import { Errand } from "../../mod.ts";
import type { Place } from "./place.ts";
import { alone, shared } from "./promises/all.ts";
import type { Target } from "./stores.ts";

/** Which promise, and where. */
export interface Wish {
  readonly subject: string;
  readonly name: string;
  readonly target: Target;
}

/** What came of it. */
export interface Answer {
  readonly error?: string;
}

export default {
  async fetch(request: Request): Promise<Response> {
    const wish = await request.json() as Wish;
    return Response.json(await answer(wish).catch(told));
  },
};

async function answer({ subject, name, target }: Wish): Promise<Answer> {
  if (subject === "open") return await Errand.open({ url: name }).then(() => ({}));
  const client = createClient(target);
  const place: Place = { target, client: () => client };
  try {
    await { ...alone, ...shared }[subject]![name]!(place);
    return {};
  } finally {
    client.close();
  }
}

function told(error: unknown): Answer {
  const { code = "", stack } = error as { readonly code?: string; readonly stack?: string };
  return { error: `${code} ${error} ${stack ?? ""}` };
}

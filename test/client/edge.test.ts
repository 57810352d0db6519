// The client where there are neither files nor sockets: only `fetch`.
import { EdgeRuntime } from "edge-runtime";
import { describe, expect, it } from "vitest";
import { Errand } from "../../mod.ts";
import { createApi } from "../../src/http/mod.ts";
import { bundle } from "../support/bundle.ts";
import { listen } from "../support/listen.ts";
import { offered } from "../support/need.ts";
import { findWorkerd, startWorkerd } from "../support/workerd.ts";

const FUNCTION = "test/support/children/client-function.ts";

/** What a client at the edge makes of an API on this machine. */
async function asked(ask: (query: string) => Promise<Response>): Promise<unknown> {
  await using errand = await Errand.open({ url: ":memory:" });
  await using server = await listen(createApi(errand, { open: true }).fetch);
  return await (await ask(`/?url=${encodeURIComponent(server.url)}`)).json();
}

describe("a client at the edge", () => {
  it("enqueues, works and waits in Vercel's edge runtime", async () => {
    const runtime = new EdgeRuntime({ initialCode: await bundle(FUNCTION, "edge-light") });
    const ask = (query: string) => runtime.dispatchFetch(new URL(query, "http://edge.test").href);
    expect(await asked(ask as (query: string) => Promise<Response>))
      .toEqual({ completed: 2, result: { got: 7 } });
  });

  it.runIf(offered("a client inside workerd", findWorkerd()))(
    "enqueues, works and waits in Cloudflare's workerd",
    async () => {
      await using workerd = await startWorkerd(FUNCTION);
      expect(await asked((query) => fetch(workerd.url + query)))
        .toEqual({ completed: 2, result: { got: 7 } });
    },
  );
});

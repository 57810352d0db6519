// Serves a fetch handler on this machine, by what the runtime itself has for that.
import { createAdaptorServer } from "@hono/node-server";
import type { Server } from "node:http";

/** What serves a request. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

/** A server; disposal ends it. */
export interface Listening extends AsyncDisposable {
  readonly url: string;
}

interface Hosts {
  readonly Bun?: {
    serve(of: { port: number; hostname: string; idleTimeout: number; fetch: FetchHandler }): {
      readonly port: number;
      stop(now: boolean): Promise<void>;
    };
  };
  readonly Deno?: {
    serve(
      of: { port: number; hostname: string; signal: AbortSignal; onListen(): void },
      fetch: FetchHandler,
    ): { readonly addr: { readonly port: number }; readonly finished: Promise<void> };
  };
}

const hostname = "127.0.0.1";

/** Begins to serve on a free port. */
export async function listen(fetch: FetchHandler): Promise<Listening> {
  const { Bun, Deno } = globalThis as Hosts;
  if (Bun !== undefined) {
    const server = Bun.serve({ port: 0, hostname, idleTimeout: 0, fetch });
    return listening(server.port, () => server.stop(true));
  }
  if (Deno !== undefined) {
    const end = new AbortController();
    const of = { port: 0, hostname, signal: end.signal, onListen() {} };
    const server = Deno.serve(of, fetch);
    return listening(server.addr.port, () => {
      end.abort();
      return server.finished;
    });
  }
  const server = createAdaptorServer({ fetch }) as Server;
  await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
  return listening((server.address() as { port: number }).port, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
}

function listening(port: number, end: () => Promise<void>): Listening {
  return { url: `http://${hostname}:${port}`, [Symbol.asyncDispose]: end };
}

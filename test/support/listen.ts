// Serves a fetch handler on this machine, by what the runtime itself has for that.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** What serves a request. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

/** A server; disposal ends it. */
export interface Listening extends AsyncDisposable {
  readonly url: string;
}

interface Hosts {
  readonly Bun?: {
    serve(of: { port: number; hostname: string; fetch: FetchHandler }): {
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
    const server = Bun.serve({ port: 0, hostname, fetch });
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
  const server = createServer((request, response) => void answer(fetch, request, response));
  await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
  return listening((server.address() as { port: number }).port, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
}

function listening(port: number, end: () => Promise<void>): Listening {
  return { url: `http://${hostname}:${port}`, [Symbol.asyncDispose]: end };
}

async function answer(
  fetch: FetchHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { method = "GET", url = "/", headers } = incoming;
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  const bodyless = method === "GET" || method === "HEAD";
  const request = new Request(`http://${headers.host}${url}`, {
    method,
    headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
    ...(!bodyless && { body: Buffer.concat(chunks) }),
    signal: gone.signal,
  });
  const response = await fetch(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  for await (const chunk of response.body ?? []) outgoing.write(chunk);
  outgoing.end();
}

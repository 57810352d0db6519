// A proxy before a server that loses what a test tells it to lose.
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What happens to a request: nothing, it is lost, it is done and its answer is lost, cut in the
 * middle or kept back, it gets a status of the proxy's own instead of being sent on, an answer that
 * is no JSON, or none.
 */
export type Mishap =
  | "none"
  | "lost"
  | "answer lost"
  | "answer cut"
  | "answer kept"
  | "silence"
  | "no json"
  | number;

/** A running proxy. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** What happens to the next requests, one after the other; after that all goes well. */
  readonly mishaps: Mishap[];
  /** The server behind it. */
  target: string;
  /** Whether every request is lost. */
  down: boolean;
  /** How long each request takes on the way. */
  delayMs: number;
  /** Requests that came, and those that were sent on. */
  readonly counts: { came: number; sentOn: number };
}

/** Starts a proxy for the server at `target`. */
export async function startProxy(target: string): Promise<Proxy> {
  const mishaps: Mishap[] = [];
  const counts = { came: 0, sentOn: 0 };
  const proxy = { target, mishaps, counts, delayMs: 0, down: false };
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await read(incoming);
      counts.came++;
      const mishap = mishaps.shift();
      if (proxy.delayMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, proxy.delayMs));
      }
      if (mishap === "silence") return;
      if (mishap === "lost" || proxy.down) return void outgoing.destroy();
      if (mishap === "no json") {
        return void outgoing.end("<html>Please wait</html>");
      }
      if (typeof mishap === "number") {
        return void outgoing.writeHead(mishap).end("{}");
      }
      counts.sentOn++;
      const answer = await send(proxy.target, incoming, body);
      if (mishap === "answer kept") return;
      if (mishap === "answer lost") return void outgoing.destroy();
      pass(answer, outgoing, mishap === "answer cut");
    })().catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections?.();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: Uint8Array;
}

async function read(stream: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function send(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: Uint8Array,
) {
  return new Promise<Answer>((resolve, reject) => {
    const { "transfer-encoding": _, ...own } = headers;
    const sent = request(
      `${target}${url}`,
      {
        method: method!,
        headers: { ...own, "content-length": body.length, connection: "close" },
        agent: false,
      },
      (answer) => {
        const { "transfer-encoding": _, connection: __, ...headers } = answer.headers;
        read(answer).then(
          (body) =>
            resolve({
              status: answer.statusCode!,
              headers: headers as Record<string, string | string[]>,
              body,
            }),
          reject,
        );
      },
    );
    sent.once("error", reject);
    sent.end(body);
  });
}

function pass(
  { status, headers, body }: Answer,
  outgoing: ServerResponse,
  cut: boolean,
): void {
  outgoing.writeHead(status, { ...headers, "content-length": body.length });
  if (!cut) return void outgoing.end(body);
  outgoing.write(body.subarray(0, body.length >> 1), () => outgoing.destroy());
}

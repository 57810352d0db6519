// Bundles for runtimes without files, as their hosts make them.
import { build, type BuildOptions, type OutputFile } from "esbuild";
import { join, relative } from "node:path";
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
  const [file] = await built(entry, host);
  return file!.text;
}

/** A worker in modules, by their names: `worker.js` loads the others when it needs them. */
export async function bundleModules(entry: string): Promise<ReadonlyMap<string, string>> {
  const outdir = join(root, "dist", "modules");
  const files = await built(entry, "workerd", {
    ...{ splitting: true, minify: true, entryNames: "worker", outdir },
  });
  return new Map(files.map(({ path, text }) => [relative(outdir, path), text]));
}

async function built(
  entry: string,
  host: keyof typeof hosts,
  options: BuildOptions = {},
): Promise<readonly OutputFile[]> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [join(root, entry)],
    bundle: true,
    platform: "browser",
    target: "es2022",
    logLevel: "error",
    ...hosts[host],
    conditions: [...hosts[host].conditions],
    ...options,
    write: false,
  });
  return outputFiles;
}

import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { bench, built } from "./folders.ts";

/**
 * Builds the subjects that run on Node to plain JavaScript, as the published package is: a
 * TypeScript loader adds work of its own to every function that it touches.
 */
export async function buildForNode(files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  const esbuild = await import("esbuild");
  rmSync(built, { recursive: true, force: true });
  await esbuild.build({
    entryPoints: files.map((file) => join(bench, file)),
    outdir: built,
    outbase: bench,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning",
  });
  await esbuild.stop();
}

/** Where `buildForNode` puts a file. */
export function builtPath(file: string): string {
  return join(
    built,
    file.slice(0, -basename(file).length),
    basename(file, ".ts") + ".mjs",
  );
}

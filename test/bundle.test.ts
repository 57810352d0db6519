// What an edge worker carries of Errand, and that it runs where Vercel runs its edge functions.
import { EdgeRuntime } from "edge-runtime";
import { build } from "esbuild";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { root } from "../scripts/runtimes.ts";
import { bundle, hosts } from "./support/bundle.ts";
import { offered } from "./support/need.ts";
import { findSqld, startSqld } from "./support/sqld.ts";

const KIB = 1024;
/** Beyond the libSQL client; what is loaded only when it is used is counted apart. The aim is 45. */
const FIRST_LOAD_KIB = 52;

it("the core is small, and needs no built-ins of Node and no addon", async () => {
  const { outputFiles, metafile } = await build({
    ...{ absWorkingDir: root, entryPoints: ["mod.ts"], outdir: "dist/size", write: false },
    ...{ bundle: true, minify: true, splitting: true, metafile: true },
    ...{ platform: "browser", target: "es2022", format: "esm", logLevel: "error" },
    conditions: [...hosts.workerd.conditions],
    external: ["@libsql/client/*"],
  });
  const outputs = Object.entries(metafile.outputs);
  const first = new Set(outputs.filter(([, of]) => of.entryPoint === "mod.ts").map(([at]) => at));
  for (const at of first) {
    const loads = metafile.outputs[at]!.imports;
    for (const { kind, path } of loads) if (kind === "import-statement") first.add(path);
  }
  const sizes = outputFiles.map(({ path, contents }) => ({
    first: [...first].some((at) => path.replaceAll("\\", "/").endsWith(at)),
    kib: gzipSync(contents).length / KIB,
  }));
  const sum = (of: boolean) =>
    sizes.filter(({ first }) => first === of).reduce((total, { kib }) => total + kib, 0);
  console.log(`gzip: ${sum(true).toFixed(1)} KiB at once, ${sum(false).toFixed(1)} KiB when used`);
  const statics = outputs.flatMap(([, { imports }]) =>
    imports.filter(({ external, kind }) => external && kind !== "dynamic-import")
  );
  expect(statics).toEqual([]);
  const loaded = outputs.flatMap(([, { imports }]) => imports.map(({ path }) => path));
  expect(loaded).toContain("@libsql/client/web");
  expect(loaded).not.toContain("libsql");
  expect(sum(true)).toBeLessThan(FIRST_LOAD_KIB);
});

describe.runIf(offered("an edge function over sqld", findSqld()))("an edge function", () => {
  it("enqueues and drains over a server, in Vercel's edge runtime", async () => {
    await using server = await startSqld();
    const runtime = new EdgeRuntime({
      initialCode: await bundle("test/support/children/edge-function.ts", "edge-light"),
    });
    const { href } = new URL(`/?url=${encodeURIComponent(server.url)}`, "http://edge.test");
    const answer = await runtime.dispatchFetch(href);
    expect(await answer.json()).toMatchObject({ completed: 2, result: { got: 7 } });
  });
});

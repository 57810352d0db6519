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
/** The same for the API alone, much of which is the core's. */
const API_FIRST_LOAD_KIB = 36;

it("the core is small, and needs no built-ins of Node and no addon", async () => {
  const { externals, statics, firstKib, laterKib } = await split("mod.ts");
  console.log(`gzip: ${firstKib.toFixed(1)} KiB at once, ${laterKib.toFixed(1)} KiB when used`);
  expect(statics).toEqual([]);
  expect(externals).toContain("@libsql/client/web");
  expect(externals).not.toContain("libsql");
  expect(firstKib).toBeLessThan(FIRST_LOAD_KIB);
});

it("the API is small as well, and loads what it is seldom asked for when it is", async () => {
  const { inputs, statics, firstKib, laterKib } = await split("src/http/mod.ts");
  console.log(`gzip: ${firstKib.toFixed(1)} KiB at once, ${laterKib.toFixed(1)} KiB when used`);
  expect(statics).toEqual([]);
  const seldom = /http\/(openapi|page|metrics|event-stream)\.ts$|to-json-schema|helper\/html/;
  expect(inputs.filter((path) => seldom.test(path))).toEqual([]);
  expect(firstKib).toBeLessThan(API_FIRST_LOAD_KIB);
});

/** What is loaded at once, and what later. */
async function split(entry: string) {
  const { outputFiles, metafile } = await build({
    ...{ absWorkingDir: root, entryPoints: [entry], outdir: "dist/size", write: false },
    ...{ bundle: true, minify: true, splitting: true, metafile: true },
    ...{ platform: "browser", target: "es2022", format: "esm", logLevel: "error" },
    conditions: [...hosts.workerd.conditions],
    external: ["@libsql/client/*"],
  });
  const outputs = Object.entries(metafile.outputs);
  const first = new Set(outputs.filter(([, of]) => of.entryPoint === entry).map(([at]) => at));
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
  const loads = outputs.flatMap(([, { imports }]) => imports);
  return {
    inputs: [...first].flatMap((at) => Object.keys(metafile.outputs[at]!.inputs)),
    externals: loads.map(({ path }) => path),
    statics: loads.filter(({ external, kind }) => external && kind !== "dynamic-import"),
    firstKib: sum(true),
    laterKib: sum(false),
  };
}

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

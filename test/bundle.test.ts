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

/** What is loaded at once beyond the libSQL client; what is loaded when used is apart. */
const bundles: readonly (readonly [string, { readonly code: string; readonly kib: number }])[] = [
  ["the core", { code: `export * from "./mod.ts";`, kib: 31 }],
  ["the core and the API", {
    code: `export * from "./mod.ts"; export * from "./src/http/mod.ts";`,
    kib: 45,
  }],
];

/** What is asked for seldom, or never where there are few bytes. */
const SELDOM = /http\/(openapi|page|metrics|event-stream)\.ts$|to-json-schema|helper\/html/;

describe.each(bundles)("%s", (name, { code, kib }) => {
  it("is small, and needs no built-ins of Node and no addon", async () => {
    const { outputFiles, metafile } = await build({
      ...{ absWorkingDir: root, outdir: "dist/size", write: false },
      stdin: { contents: code, resolveDir: root, sourcefile: "entry.ts", loader: "ts" },
      ...{ bundle: true, minify: true, splitting: true, metafile: true },
      ...{ platform: "browser", target: "es2022", format: "esm", logLevel: "error" },
      conditions: [...hosts.workerd.conditions],
      external: ["@libsql/client/*"],
    });
    const outputs = Object.entries(metafile.outputs);
    const first = new Set(
      outputs.filter(([, of]) => of.entryPoint === "entry.ts").map(([at]) => at),
    );
    for (const at of first) {
      const loads = metafile.outputs[at]!.imports;
      for (const { kind, path } of loads) if (kind === "import-statement") first.add(path);
    }
    const isFirst = (path: string) =>
      [...first].some((at) => path.replaceAll("\\", "/").endsWith(at));
    const sum = (of: boolean) => {
      const texts = outputFiles.filter(({ path }) => isFirst(path) === of).map(({ text }) => text);
      return gzipSync(texts.join("\n")).length / KIB;
    };
    const [atOnce, later] = [sum(true).toFixed(1), sum(false).toFixed(1)];
    console.log(`${name}, gzip: ${atOnce} KiB beyond the client, ${later} KiB when used`);
    const statics = outputs.flatMap(([, { imports }]) =>
      imports.filter(({ external, kind }) => external && kind !== "dynamic-import")
    );
    expect(statics).toEqual([]);
    const loaded = outputs.flatMap(([, { imports }]) => imports.map(({ path }) => path));
    expect(loaded).toContain("@libsql/client/web");
    expect(loaded).not.toContain("libsql");
    const inputs = [...first].flatMap((at) => Object.keys(metafile.outputs[at]!.inputs));
    expect(inputs.filter((path) => SELDOM.test(path))).toEqual([]);
    expect(sum(true)).toBeLessThan(kib);
  });
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

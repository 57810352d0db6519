// What a page carries of the client.
import { build } from "esbuild";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { root } from "../../scripts/runtimes.ts";

const KIB = 1024;

it("a browser carries the client alone: no database, no server, no checks of the server's", async () => {
  const { outputFiles, metafile } = await build({
    ...{ absWorkingDir: root, entryPoints: ["src/client/mod.ts"], outdir: "dist/client" },
    ...{ bundle: true, minify: true, splitting: true, metafile: true, write: false },
    ...{ platform: "browser", target: "es2022", format: "esm", logLevel: "error" },
    conditions: ["browser"],
  });
  const [entry] = outputFiles.filter(({ path }) => /mod[^/\\]*\.js$/.test(path));
  const outputs = Object.entries(metafile.outputs);
  const first = new Set(
    outputs.filter(([, of]) => of.entryPoint === "src/client/mod.ts")
      .map(([at]) => at),
  );
  for (const at of first) {
    for (const { kind, path } of metafile.outputs[at]!.imports) {
      if (kind === "import-statement") first.add(path);
    }
  }
  const inputs = [...first].flatMap((at) => Object.keys(metafile.outputs[at]!.inputs));
  expect(entry).toBeDefined();
  expect(inputs).toContain("src/client/http-broker.ts");
  expect(inputs.filter((path) => /src\/(store|http|process)\/|node_modules/.test(path)))
    .toEqual([]);
  const kib = outputFiles
    .filter(({ path }) => [...first].some((at) => path.replaceAll("\\", "/").endsWith(at)))
    .reduce((sum, { contents }) => sum + gzipSync(contents).length / KIB, 0);
  console.log(`gzip: ${kib.toFixed(1)} KiB`);
  expect(kib).toBeLessThan(40);
});

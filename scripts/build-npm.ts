// Builds dist/npm, the npm package, from the same sources: JavaScript, types and a package.json.
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import process from "node:process";
import { binArgs, current, root } from "./runtimes.ts";

process.chdir(root);
rmSync("dist/npm", { recursive: true, force: true });

const compile = [...binArgs(current, "typescript/bin/tsc"), "-p", "tsconfig.build.json"];
const { status } = spawnSync(process.execPath, compile, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

// the package needs neither the scripts nor the tools of the repository
const { scripts: _scripts, devDependencies: _tools, exports: sources, ...pkg } = JSON.parse(
  readFileSync("package.json", "utf8"),
);
const built = Object.entries<string>(sources).map(([name, source]) => {
  const path = source.replace(/\.ts$/, "");
  return [name, { types: `${path}.d.ts`, default: `${path}.js` }] as const;
});
// what "#…" means for bundlers is built as well, and the program
const imports = inJavaScript(pkg.imports);
const bin = inJavaScript(pkg.bin);
const exports = { ...Object.fromEntries(built), "./package.json": "./package.json" };
writeFileSync(
  "dist/npm/package.json",
  JSON.stringify({ ...pkg, bin, imports, exports }, null, 2) + "\n",
);
for (const file of ["README.md", "LICENSE"]) copyFileSync(file, `dist/npm/${file}`);
for (const file of readdirSync("dist/npm", { recursive: true, encoding: "utf8" })) {
  const path = `dist/npm/${file}`;
  if (file.endsWith(".map")) rewrite(path, besideItself);
  if (file.endsWith(".d.ts")) rewrite(path, withDisposables);
}

function rewrite(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

/** A source map carries its source: its path would lead out of the package, into a user's files. */
function besideItself(map: string): string {
  const { sources, ...rest } = JSON.parse(map);
  return JSON.stringify({ ...rest, sources: sources.map((path: string) => basename(path)) });
}

/** TypeScript 7 loads no types by itself, and an older `target` has no `AsyncDisposable`. */
function withDisposables(types: string): string {
  if (!/\bAsyncDisposable\b|\.(asyncDispose|dispose)\b/.test(types)) return types;
  return `/// <reference lib="esnext.disposable" />\n${types}`;
}

/** The same with the paths of what is built. */
function inJavaScript(paths: unknown): unknown {
  return JSON.parse(JSON.stringify(paths).replaceAll(/(\.\/[^"]*)\.ts"/g, '$1.js"'));
}

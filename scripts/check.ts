// Type check with both compilers, lint, format, documentation, and a rehearsal of publishing.
import process from "node:process";
import { binArgs, current, findRuntime } from "./runtimes.ts";
import { runSteps } from "./steps.ts";

const deno = findRuntime("deno");
const entryPoints = [
  "mod.ts",
  ...["client", "process", "testing"].map((name) => `src/${name}/mod.ts`),
  "src/http/wire.ts", // all that its mod.ts exports but createApi, whose type is Hono's own
  ...["cloudflare", "deno", "http", "interval"].map((name) => `src/triggers/${name}.ts`),
];

await runSteps([
  { name: "tsc", command: process.execPath, args: binArgs(current, "typescript/bin/tsc") },
  {
    name: "tsc of the package", // with the stricter rules for what is published
    command: process.execPath,
    args: [...binArgs(current, "typescript/bin/tsc"), "-p", "tsconfig.build.json", "--noEmit"],
  },
  { name: "deno check", command: deno, args: ["check", "--quiet"] },
  { name: "deno lint", command: deno, args: ["lint"] },
  { name: "deno fmt", command: deno, args: ["fmt", "--check"] },
  { name: "deno doc", command: deno, args: ["doc", "--quiet", "--lint", ...entryPoints] },
  {
    name: "deno publish",
    command: deno,
    args: ["publish", "--quiet", "--dry-run", "--allow-dirty"],
  },
]);

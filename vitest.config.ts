import process from "node:process";
import { defineConfig } from "vitest/config";

// Node's threads and child processes need a loader for TypeScript, and inherit this one
const loader = new URL("test/support/typescript.mjs", import.meta.url).href;
const isNode = !("Deno" in globalThis || "Bun" in globalThis);

export default defineConfig({
  test: {
    // what is waited for comes soon, but a machine may be slow, and busy with other things
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000, interval: 10 } },
    // the tests start processes of their own, so few files at a time is the fast way
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "host",
          include: ["test/**/*.test.ts"],
          setupFiles: ["test/setup.ts"],
          // forks is the one pool that works in Node, Bun and Deno
          pool: "forks",
          execArgv: isNode ? [...process.execArgv, "--import", loader] : [],
        },
      },
    ],
  },
});

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 30_000,
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
        },
      },
    ],
  },
});

import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { runtimes } from "../../scripts/runtimes.ts";
import { needRuntimes } from "./need.ts";
import { spawnTs } from "./spawn.ts";
import { tempDir } from "./temp.ts";

describe.each(runtimes)("a process on %s", (runtime) => {
  const has = needRuntimes(runtime);

  it.runIf(has)(
    "is on that runtime, hears its environment and dies by SIGKILL",
    async () => {
      await using dir = await tempDir();
      const file = dir.file("child.ts");
      await writeFile(
        file,
        `const name: string = "Deno" in globalThis ? "deno" : process.versions.bun ? "bun" : "node";
       console.log(name);
       console.log(globalThis.process.env.GREETING);
       setInterval(() => {}, 1000);`,
      );
      await using child = await spawnTs(runtime, file, { GREETING: "hello" });
      expect(await child.nextLine()).toBe(runtime);
      expect(await child.nextLine()).toBe("hello");
      expect(await child.kill()).toBe("SIGKILL");
    },
  );

  it.runIf(has)(
    "tells what it printed when it ends before its next line",
    async () => {
      await using dir = await tempDir();
      const file = dir.file("child.ts");
      await writeFile(file, `throw new TypeError("Cannot go on");`);
      await using child = await spawnTs(runtime, file);
      await expect(child.nextLine()).rejects.toThrow("Cannot go on");
      expect(await child.ended).toBe(1);
    },
  );
});

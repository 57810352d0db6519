// Small file systems of a test's own, where it may mount them: as root on Linux.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import process from "node:process";
import type { Found } from "./need.ts";
import { tempDir } from "./temp.ts";

/** A file system in memory, gone when it is disposed of. */
export interface Mount extends AsyncDisposable {
  readonly path: string;
  file(name: string): string;
  /** Where the same files can only be read. */
  readonly view: string;
}

/** Mounts a file system of so many bytes. */
export async function mount(bytes: number): Promise<Mount> {
  const dir = await tempDir();
  const path = dir.file("mount");
  const view = dir.file("view");
  for (const folder of [path, view]) mkdirSync(folder);
  run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "errand-test", path);
  run("mount", "--bind", path, view);
  run("mount", "-o", "remount,ro,bind", view);
  return {
    path,
    view,
    file: (name) => `${path}/${name}`,
    async [Symbol.asyncDispose]() {
      for (const folder of [view, path]) run("umount", "--lazy", folder);
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Whether file systems can be mounted here. */
export async function canMount(): Promise<Found> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    return { why: "only root on Linux may mount a file system" };
  }
  try {
    await using tried = await mount(1024 * 1024);
    return { path: tried.path };
  } catch (error) {
    return { why: String(error) };
  }
}

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`Cannot ${command} ${args.join(" ")}: ${stderr}`);
  }
}

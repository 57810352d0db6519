import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A temporary folder that is removed with all it holds when it is disposed of. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
  /** The path of a file in the folder. */
  file(name: string): string;
}

/** Makes a new temporary folder: `await using dir = await tempDir()`. */
export async function tempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), "errand-"));
  return {
    path,
    file: (name) => join(path, name),
    // Windows keeps a file for a moment after the process that had it open is gone
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

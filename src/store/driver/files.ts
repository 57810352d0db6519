/**
 * What is to be known of a database's files beside their contents, where the runtime has files.
 *
 * @module
 */

/** The runtimes that can load the addon all offer their built-in modules in this way. */
interface Host {
  readonly process?: {
    readonly platform?: string;
    getBuiltinModule?(name: "fs"): FileSystem;
  };
}
interface FileSystem {
  statSync(path: string, options: { throwIfNoEntry: false }): { readonly ino: number } | undefined;
  watch(path: string, listener: () => void): FileWatcher;
}
interface FileWatcher {
  on(event: "error", listener: () => void): unknown;
  close(): void;
}

const { process } = globalThis as Host;
const fs = process?.getBuiltinModule?.("fs");

/** What tells one file from another at the same path; `undefined` where that cannot be known. */
export type FileIdentity = () => number | undefined;

/** Of the database itself, or of its write-ahead log. */
export function fileIdentity(path: string, suffix: "" | "-wal"): FileIdentity {
  if (fs === undefined || path === ":memory:") return () => undefined;
  return () => fs.statSync(`${path}${suffix}`, { throwIfNoEntry: false })?.ino;
}

/**
 * Calls `heard` whenever somebody writes to the write-ahead log, until what it returns is called.
 * Linux alone tells of each write at once; elsewhere, and where its watches are used up, it
 * returns nothing.
 */
export function watchLog(path: string, heard: () => void): (() => void) | undefined {
  if (fs === undefined || process?.platform !== "linux") return undefined;
  try {
    const watcher = fs.watch(`${path}-wal`, heard);
    watcher.on("error", heard); // whoever hears looks, and watches anew or not at all
    return () => watcher.close();
  } catch {
    return undefined;
  }
}

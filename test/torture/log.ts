// What the log of the torture test says about each job, and where that breaks a promise.
import type { Job } from "../../mod.ts";

/** One line of the log. */
export interface Entry {
  readonly id: string;
  readonly attempt: number;
  readonly pid: number;
  readonly event: string;
  readonly at: number;
}

/** Processes that were killed, by pid, with a moment before which they lived. */
export type Killed = ReadonlyMap<number, number>;

/** The entries of a log, by job. */
export function parseLog(text: string): Map<string, Entry[]> {
  const jobs = new Map<string, Entry[]>();
  for (const line of text.split("\n").slice(0, -1)) {
    const match = /^(\S+) (\d+) (\d+) (start|end|fail|stored) (\d+)$/.exec(line);
    if (match === null) throw new Error(`Cannot read the log: its line is ${line}`);
    const [, id = "", attempt, pid, event = "", at] = match;
    const entry = { id, attempt: Number(attempt), pid: Number(pid), event, at: Number(at) };
    jobs.set(id, [...jobs.get(id) ?? [], entry]);
  }
  return jobs;
}

/** Each broken promise about the runs of one job, whose entries come in the order of the log. */
export function brokenRuns(entries: readonly Entry[], killed: Killed): string[] {
  const broken: string[] = [];
  let run: Entry | undefined; // the last one that began
  let last: Entry | undefined;
  for (const entry of entries) {
    const say = (what: string): void => void broken.push(`${entry.id}: ${what}`);
    const own = run?.pid === entry.pid && run.attempt === entry.attempt;
    if (entry.event !== "start") {
      if (!own) say(`${entry.event} of a run that is not the last one`);
      if (entry.event === "stored" && last?.event === "stored") say("stored twice");
      if (entry.event === "stored" && last?.event !== "end") say("stored before its end");
    } else {
      if (last?.event === "stored") say("run after its completion was stored");
      else if (last !== undefined && last.event !== "fail" && !wasDead(last, entry, killed)) {
        say("run while another process held it");
      }
      if (run !== undefined && entry.attempt <= run.attempt) say("an attempt was not counted");
      run = entry;
    }
    last = entry;
  }
  return broken;
}

function wasDead(before: Entry, next: Entry, killed: Killed): boolean {
  return next.at >= (killed.get(before.pid) ?? Infinity);
}

/** Each way in which a stored job differs from what the log says about it. */
export function brokenRecord(job: Job, entries: readonly Entry[], killed: Killed): string[] {
  const runs = entries.filter(({ event }) => event === "start");
  const last = runs.at(-1);
  const result = job.result as { pid: number; attempt: number } | undefined;
  const stored = entries.filter(({ event }) => event === "stored").length;
  const endedAt = job.endedAt?.getTime() ?? 0;
  const facts: Record<string, boolean> = {
    "is completed": job.state === "completed",
    "was run": last !== undefined,
    "keeps the result of its last run": result?.pid === last?.pid &&
      result?.attempt === last?.attempt,
    "counts the attempts up to its last run": job.attempt === last?.attempt,
    "ended after its last run began": runs.every(({ at }) => at <= endedAt),
    "was stored once": stored === 1 || (stored === 0 && killed.has(last?.pid ?? 0)),
    "remembers each attempt that failed": job.errors.length === job.attempt - 1,
    "remembers how each attempt failed": job.errors.every(({ code, attempt }) => {
      const of = entries.filter((entry) => entry.attempt === attempt);
      return of.some(({ event }) => event === "fail") && code === "HANDLER" ||
        code === "LEASE_EXPIRED" && of.every(({ pid }) => killed.has(pid));
    }),
  };
  return Object.entries(facts).filter(([, holds]) => !holds)
    .map(([fact]) => `${job.id}: not true that it ${fact}: ${JSON.stringify([job, entries])}`);
}

/** How large a run is; the same sizes go to every subject. */
export interface Sizes {
  /** Jobs of one timed run. */
  readonly jobs: number;
  /** Jobs processed on another file before the clock starts. */
  readonly warmup: number;
  /** Timed runs of one subject in one round, of which the middle one counts. */
  readonly repeats: number;
  /** Jobs of one `enqueueMany` call, and single calls in flight at once. */
  readonly perCall: number;
  /** Samples of one latency run. */
  readonly samples: number;
  /** Ended jobs in the file before the timed run. */
  readonly history: number;
  /** Jobs in the file that are due only tomorrow. */
  readonly delayed: number;
  /** Jobs of the memory run, and how many of them between two readings. */
  readonly heapJobs: number;
  readonly heapStep: number;
  /** Length of the idle run. */
  readonly idleSeconds: number;
}

/** What a subject is told, as one JSON argument. */
export interface Params extends Sizes {
  /** A fresh folder for the database files, removed by the harness afterwards. */
  readonly folder: string;
  readonly concurrency: number;
  /** The server's address, for subjects that need one. */
  readonly url?: string;
  /** Jobs that a worker may hold beyond those that run. @default the worker's own */
  readonly prefetch?: number;
  /** Loops of a subject that takes one job at a time. @default 1 */
  readonly loops?: number;
}

/** What a subject answers, as one JSON line: its figures by key. */
export type Figures = Readonly<Record<string, number>>;

/** The runtimes that subjects run on. */
export type Runtime = "node" | "bun";

/** One program under measurement. */
export interface Subject {
  /** Who is measured, without the runtime. */
  readonly name: string;
  readonly runtime: Runtime;
  /** Its file under scripts/bench, and the measure that the file is asked for. */
  readonly file: string;
  readonly measure: string;
  readonly params?: Partial<Params>;
  /** Needs a libSQL server, so far away; each turn gets a fresh one. */
  readonly server?: { readonly roundTripMs: number };
  /** Flags of the runtime itself. */
  readonly flags?: readonly string[];
}

/** A subject to compare ours with, and the ratio (ours ÷ it) that ours must reach, if any. */
export interface Peer {
  readonly subject: Subject;
  readonly atLeast?: number;
}

/** One figure of a measure; `below` and `atLeast` are bounds on our own value. */
export interface Figure {
  readonly key: string;
  /** Completes the measure's name where a measure has several figures. */
  readonly label?: string;
  readonly unit: string;
  readonly below?: number;
  readonly atLeast?: number;
}

/** Our subject and its peers, measured in turns. */
export interface Measure {
  readonly name: string;
  readonly ours: Subject;
  readonly peers: readonly Peer[];
  readonly figures: readonly Figure[];
}

/** One line of the answer. */
export interface Row {
  readonly measure: string;
  readonly subject: string;
  /** The median of all rounds; null when the subject could not run. */
  readonly value: number | null;
  readonly unit: string;
  readonly ratios: Readonly<Record<string, number>>;
  readonly targets: readonly Target[];
  /** Why there is no value. */
  readonly problem?: string;
}

/** A bound and whether it is met; or only what is to be told. */
export interface Target {
  readonly text: string;
  readonly met?: boolean;
}

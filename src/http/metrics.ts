/**
 * What an Errand does, as text that Prometheus reads
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * @module
 */
import type { Usage } from "../broker.ts";
import { JOB_STATES, type Stats } from "../job.ts";
import type { WorkerInfo, WorkerState } from "../worker-info.ts";
import { BOUNDS_SECONDS, type Histogram } from "./durations.ts";

/** What there is to tell. */
export interface Metrics {
  readonly nowMs: number;
  readonly stats: Stats;
  readonly workers: readonly WorkerInfo[];
  readonly durations: readonly Histogram[];
  readonly usage: Usage | undefined;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

const WORKER_STATES: readonly WorkerState[] = ["running", "draining", "stopping", "dead"];

/** The text. */
export function metricsText(metrics: Metrics): string {
  return [...families(metrics), ...durations(metrics.durations)].join("");
}

function* families({ nowMs, stats, workers, usage }: Metrics): Generator<string> {
  const queues = Object.entries(stats.queues);
  yield family(
    "errand_jobs",
    "gauge",
    "Jobs by queue and state.",
    queues.flatMap(([queue, of]) =>
      JOB_STATES.map((state): Sample => [{ queue, state }, of[state]])
    ),
  );
  yield family(
    "errand_oldest_available_seconds",
    "gauge",
    "How long the job that has waited longest in a queue has been due.",
    queues.flatMap(([queue, { availableSince }]) =>
      availableSince === undefined
        ? []
        : [[{ queue }, Math.max(0, nowMs - availableSince.getTime()) / 1_000] as const]
    ),
  );
  yield family(
    "errand_queue_paused",
    "gauge",
    "Whether a queue is paused.",
    queues.map(([queue, { paused }]) => [{ queue }, paused ? 1 : 0]),
  );
  yield family(
    "errand_workers",
    "gauge",
    "Workers by state.",
    WORKER_STATES.map((state) => [{ state }, workers.filter((one) => one.state === state).length]),
  );
  if (usage === undefined) return;
  const counters = [
    ["errand_database_rows_read_total", "Rows that statements have read.", usage.rowsRead],
    ["errand_database_rows_written_total", "Rows that were written.", usage.rowsWritten],
    ["errand_database_requests_total", "Requests that were answered.", usage.requests],
  ] as const;
  for (const [name, help, value] of counters) yield family(name, "counter", help, [[{}, value]]);
}

function* durations(histograms: readonly Histogram[]): Generator<string> {
  const name = "errand_attempt_duration_seconds";
  if (histograms.length === 0) return;
  yield head(name, "histogram", "How long attempts took that ended in this process.");
  for (const { task, outcome, counts, count, sumSeconds } of histograms) {
    let sum = 0;
    for (const [at, bound] of BOUNDS_SECONDS.entries()) {
      sum += counts[at]!;
      yield line(`${name}_bucket`, { task, outcome, le: String(bound) }, sum);
    }
    yield line(`${name}_bucket`, { task, outcome, le: "+Inf" }, count);
    yield line(`${name}_sum`, { task, outcome }, sumSeconds);
    yield line(`${name}_count`, { task, outcome }, count);
  }
}

function family(
  name: string,
  type: "gauge" | "counter",
  help: string,
  samples: readonly Sample[],
): string {
  if (samples.length === 0) return "";
  return head(name, type, help) +
    samples.map(([labels, value]) => line(name, labels, value)).join("");
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function line(name: string, labels: Labels, value: number): string {
  const said = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${said.length > 0 ? `{${said.join(",")}}` : ""} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

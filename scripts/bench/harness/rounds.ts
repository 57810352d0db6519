import { median } from "../lib/stats.ts";
import { runChild } from "./child.ts";
import type { Figures, Measure, Row, Sizes, Subject, Target } from "./types.ts";

/** Measures a measure's subjects in turns (A B C A B C …), so that a slow minute meets them all. */
export async function runMeasure(
  measure: Measure,
  sizes: Sizes,
  runs: number,
): Promise<Row[]> {
  const entries = [measure.ours, ...measure.peers.map((peer) => peer.subject)]
    .map((subject): Entry => ({ subject, figures: [], problem: undefined }));
  for (let round = 1; round <= runs; round++) {
    for (const entry of entries) {
      if (entry.problem !== undefined) continue;
      console.error(
        `${measure.name}: ${title(entry.subject)}, round ${round} of ${runs}`,
      );
      await turn(entry, sizes);
    }
  }
  return measure.figures.flatMap((_, index) => rows(measure, index, entries));
}

interface Entry {
  readonly subject: Subject;
  readonly figures: Figures[];
  problem: string | undefined;
}

async function turn(entry: Entry, sizes: Sizes): Promise<void> {
  try {
    entry.figures.push(await runChild(entry.subject, sizes));
  } catch (error) {
    entry.problem = error instanceof Error ? error.message : String(error);
    console.error(`!! ${title(entry.subject)} failed: ${entry.problem}`);
  }
}

function rows(
  measure: Measure,
  index: number,
  entries: readonly Entry[],
): Row[] {
  const figure = measure.figures[index]!;
  const name = figure.label === undefined ? measure.name : `${measure.name}, ${figure.label}`;
  const values = entries.map((entry) => value(entry, figure.key));
  const ours = values[0] ?? null;
  const ratios: Record<string, number> = {};
  const targets: Target[] = [];
  if (figure.below !== undefined && ours !== null) {
    targets.push({
      text: `< ${figure.below} ${figure.unit}`,
      met: ours < figure.below,
    });
  }
  if (figure.atLeast !== undefined && ours !== null) {
    targets.push({
      text: `≥ ${figure.atLeast} ${figure.unit}`,
      met: ours >= figure.atLeast,
    });
  }
  measure.peers.forEach((peer, at) => {
    const theirs = values[at + 1] ?? null;
    if (ours === null || theirs === null) {
      targets.push({
        text: `no figure beside ${peer.subject.name}`,
        met: false,
      });
      return;
    }
    const ratio = median(paired(entries[0]!, entries[at + 1]!, figure.key));
    ratios[peer.subject.name] = Math.round(ratio * 1_000) / 1_000;
    const text = `${ratio.toFixed(2)} × ${peer.subject.name}`;
    targets.push(
      peer.atLeast === undefined
        ? { text }
        : { text: `${text} (≥ ${peer.atLeast})`, met: ratio >= peer.atLeast },
    );
  });
  return entries.map((entry, at): Row => ({
    measure: name,
    subject: title(entry.subject),
    value: values[at] ?? null,
    unit: figure.unit,
    ratios: at === 0 ? ratios : {},
    targets: at === 0 ? targets : [],
    ...(values[at] === null &&
      { problem: entry.problem ?? `it gave no ${figure.key}` }),
  }));
}

/**
 * Ours ÷ theirs, round by round: the speed of a shared machine drifts by half within seconds, and
 * the two of a round stand next to each other.
 */
function paired(ours: Entry, theirs: Entry, key: string): number[] {
  return ours.figures.map((figures, round) => figures[key]! / theirs.figures[round]![key]!);
}

// A subject that failed once has no figure, however many rounds it finished.
function value(entry: Entry, key: string): number | null {
  if (entry.problem !== undefined) return null;
  const values = entry.figures.map((figures) => figures[key]);
  if (values.some((one) => typeof one !== "number")) return null;
  return median(values as number[]);
}

function title(subject: Subject): string {
  return `${subject.name} (${subject.runtime})`;
}

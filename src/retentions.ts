/**
 * How long ended jobs stay that say nothing of it themselves.
 *
 * @module
 */
import type { Retentions } from "./broker.ts";
import type { Tasks } from "./tasks.ts";

/** By task, and by default. */
export function retentions(tasks: Tasks, defaultMs: number | null): Retentions {
  const said = tasks.all().filter(({ policy }) => policy.retentionMs !== undefined);
  return {
    defaultMs,
    tasks: Object.fromEntries(said.map(({ name, policy }) => [name, policy.retentionMs ?? null])),
  };
}

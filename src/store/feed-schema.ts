/**
 * Where changes to jobs are recorded, and what records them while somebody watches.
 *
 * @module
 */

/**
 * A row's number is its place in the order of commits, as there is one writer at a time; numbers
 * have no gaps, as only the oldest are removed. Released: never edited.
 */
export const CHANGE_TABLE = `CREATE TABLE errand_change (
    seq INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    job_id TEXT NOT NULL,
    task TEXT NOT NULL,
    queue TEXT NOT NULL,
    parent_id TEXT,
    state TEXT NOT NULL
  ) STRICT`;

/** A trigger knows no injected clock, but the job's own times do: the latest of them. */
function record(row: "NEW" | "OLD", event: string): string {
  return `INSERT INTO errand_change (at, event, job_id, task, queue, parent_id, state)
    VALUES (
      max(cast(unixepoch('subsec') * 1000 as integer), ${row}.created_at,
        coalesce(${row}.started_at, 0), coalesce(${row}.ended_at, 0)),
      ${event}, ${row}.id, ${row}.task, ${row}.queue, ${row}.parent_id, ${row}.state);`;
}

/** A job that was put back keeps its lease's id unless it was rescued, and a fault its attempt. */
const EVENT = `CASE
      WHEN NEW.ended_at IS NOT NULL THEN NEW.state
      WHEN OLD.ended_at IS NOT NULL THEN 'retried'
      WHEN NEW.state = 'running' AND OLD.state <> 'running' THEN 'started'
      WHEN OLD.state = 'running' AND NEW.state <> 'running' THEN CASE
        WHEN NEW.lease_id IS NULL THEN 'rescued'
        WHEN NEW.attempt = OLD.attempt THEN 'failed'
        WHEN NEW.errors IS NOT OLD.errors OR NEW.run_at = OLD.run_at THEN 'released'
        ELSE 'snoozed' END
      WHEN NEW.run_at <> OLD.run_at THEN 'rescheduled'
      WHEN NEW.state <> OLD.state THEN 'due'
      WHEN NEW.payload <> OLD.payload THEN 'updated'
      ELSE 'progress' END`;

/** The names of {@linkcode CREATE_TRIGGERS}. */
export const TRIGGERS: readonly string[] = [
  "errand_change_insert",
  "errand_change_update",
  "errand_change_delete",
];

/** What records each change; only while the feed is on. */
export const CREATE_TRIGGERS: readonly string[] = [
  `CREATE TRIGGER IF NOT EXISTS errand_change_insert AFTER INSERT ON errand_job BEGIN
    ${record("NEW", "'enqueued'")} END`,
  `CREATE TRIGGER IF NOT EXISTS errand_change_update
  AFTER UPDATE OF state, run_at, payload, progress ON errand_job
  WHEN NEW.state <> OLD.state OR NEW.run_at <> OLD.run_at OR NEW.payload <> OLD.payload
    OR NEW.progress IS NOT OLD.progress
  BEGIN
    ${record("NEW", EVENT)} END`,
  `CREATE TRIGGER IF NOT EXISTS errand_change_delete AFTER DELETE ON errand_job BEGIN
    ${record("OLD", "'removed'")} END`,
];

/**
 * Searchable payload fields: each that a task declares has an index over the jobs of that task
 * alone, so that it costs the jobs of other tasks nothing.
 *
 * @module
 */
import type { TaskField } from "../broker.ts";
import { invalid, show } from "../errors.ts";
import { isFieldPath } from "../field-index.ts";
import type { Driver } from "./driver/driver.ts";

const EXISTING = `
  SELECT name FROM sqlite_master
  WHERE type = 'index' AND name IN (SELECT value FROM json_each(?1))`;

/** Makes the indexes that are missing, and remembers in `done` which there are. */
export async function indexFields(
  driver: Driver,
  fields: readonly TaskField[],
  done: Set<string>,
): Promise<void> {
  const names = fields.map(({ task, field }) => fieldIndexName(task, field));
  if (names.every((name) => done.has(name))) return;
  const [found] = await driver.read([{ sql: EXISTING, args: [JSON.stringify(names)] }]);
  const existing = new Set(found!.rows.map(([name]) => name));
  for (const { task, field } of fields) {
    const name = fieldIndexName(task, field);
    if (existing.has(name)) continue;
    const sql = `CREATE INDEX IF NOT EXISTS ${name} ON errand_job (${fieldSql(field)}, id)
      WHERE task = ${literal(task)}`;
    await driver.write([{ sql, args: [] }]);
  }
  for (const name of names) done.add(name);
}

/** One name for each pair, of small letters, digits and `_`: SQLite takes `A` and `a` for one. */
export function fieldIndexName(task: string, field: string): string {
  const safe = [...`${task}:${field}`].map((letter) =>
    /[a-z0-9]/.test(letter) ? letter : `_${letter.codePointAt(0)!.toString(16)}_`
  );
  return `errand_field_${safe.join("")}`;
}

/** A payload's field, as its index has it: text, number, 1 or 0 for a boolean, or NULL. */
export function fieldSql(field: string): string {
  if (!isFieldPath(field)) throw invalid(`Cannot search by ${show(field)}: it is no field`);
  return `payload ->> '$.${field}'`;
}

/** `text` as a constant of SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Errand: how fast jobs are processed in a file full of history, and in an empty one. */
import { join } from "node:path";
import type { Figures, Params } from "../harness/types.ts";
import { connect } from "../lib/connection.ts";
import { openErrand } from "../lib/errand.ts";
import { processAll } from "../lib/process.ts";
import { perSecond, runSubject } from "../lib/subject.ts";

/** Jobs in every state but available: ?1 from, ?2 to, ?3 state, ?4 when due, ?5 when it ended. */
const FILL = `
  WITH RECURSIVE number (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?2)
  INSERT INTO errand_job (id, task, queue, state, priority, run_at, attempt, created_at, started_at,
    ended_at, expire_at, lease_id, payload, result)
  SELECT printf('01900000-0000-7000-8000-%012x', n), 'noop', 'default', ?3, 0, ?4,
    ?5 IS NOT NULL, ?4, ?5, ?5, ?5 + 7 * 86400000,
    iif(?5 IS NULL, NULL, printf('01900000-0000-7000-8000-%012x', n / 100)),
    json_object('to', 'customer-' || (n % 1000) || '@example.com', 'subject',
      'Your order is on its way to you', 'template', 'order-sent', 'order', n, 'sent', 0),
    iif(?5 IS NULL, NULL, '{"ok":true}')
  FROM number`;

const COUNT = "INSERT INTO errand_tally (queue, state, n) VALUES ('default', 'completed', ?)";

await runSubject({
  empty: (params) => warmThenTime({ ...params, history: 0, delayed: 0 }),
  full: warmThenTime,
});

async function warmThenTime(params: Params): Promise<Figures> {
  await processAll(join(params.folder, "warm.db"), params.warmup, params);
  const file = join(params.folder, "timed.db");
  await (await openErrand(file)).close(); // for its schema
  fill(file, params);
  const ms = await processAll(file, params.jobs, params, params.history);
  return { speed: perSecond(params.jobs, ms) };
}

function fill(file: string, { history, delayed }: Params): void {
  const now = Date.now();
  const tomorrow = now + 24 * 3_600_000;
  const connection = connect(file);
  const insert = connection.prepare(FILL);
  if (history > 0) insert.run([0, history, "completed", now, now]);
  if (delayed > 0) {
    insert.run([history, history + delayed, "scheduled", tomorrow, null]);
  }
  connection.prepare(COUNT).run([history]);
  connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  connection.close();
}

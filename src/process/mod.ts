/**
 * Workers in processes of their own, on Node, Deno and Bun.
 *
 * @example
 * ```ts
 * import { startDetached } from "errand/process";
 *
 * const { started } = await startDetached({ url: "file:errand.db", module: "tasks.ts" });
 * ```
 *
 * @module
 */
export { type Detached, startDetached } from "./detached.ts";
export type { DetachedOptions } from "./order.ts";

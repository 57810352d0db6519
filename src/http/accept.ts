/**
 * Whether a caller takes what a route answers with.
 *
 * @module
 */
import { Problem } from "./problem.ts";
import type { Route } from "./route.ts";

/** @throws {Problem} 406 when `accept` takes none of the types of `route`. */
export function checkAccept(accept: string | null, route: Route): void {
  if (accept === null || accept === "*/*") return;
  const types = typesOf(route);
  if (types.length === 0 || types.includes(accept)) return;
  if (types.some((type) => takes(accept, type))) return;
  const detail = `Cannot answer as asked for: there is ${types.join(" or ")}`;
  throw new Problem({ status: 406, detail });
}

/** Whether an `Accept` header takes `type`. */
export function takes(accept: string, type: string): boolean {
  const [major] = type.split("/");
  const ranges = accept.split(",").map((range) => {
    const [name = "", ...params] = range.split(";").map((part) => part.trim().toLowerCase());
    return { name, refused: params.some((param) => /^q=0(?:\.0*)?$/.test(param)) };
  });
  const found = [type, `${major}/*`, "*/*"]
    .map((name) => ranges.find((range) => range.name === name))
    .find((range) => range !== undefined);
  return found !== undefined && !found.refused;
}

const known = new WeakMap<Route, readonly string[]>();

/** What a route answers with when all is well. */
export function typesOf(route: Route): readonly string[] {
  let types = known.get(route);
  if (types === undefined) known.set(route, types = typesAmong(route));
  return types;
}

function typesAmong({ answers }: Route): readonly string[] {
  return Object.entries(answers)
    .filter(([status]) => status.startsWith("2"))
    .flatMap(([, { type, schema }]) =>
      type?.split(", ") ?? (schema === undefined ? [] : ["application/json"])
    );
}

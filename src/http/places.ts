/**
 * Where the router finds the routes of the table.
 *
 * @module
 */
import type { Entry } from "./table.ts";

/** Routes by method. */
export type Methods = ReadonlyMap<string, Entry>;

/** What the router takes for one path. */
export interface Place {
  readonly own: Map<string, Entry>;
  /** Of paths that end in a word where it ends in a parameter, by that word: `/get`, `/wait`. */
  readonly words: Map<string, Map<string, Entry>>;
}

/**
 * Routes by path. Hono's fastest router takes no word where another path has a parameter: such a
 * path, `/v1/jobs/get` beside `/v1/jobs/{id}`, shares that one's place.
 */
export function placesOf(all: readonly Entry[]): ReadonlyMap<string, Place> {
  const parameters = new Map<string, string>();
  for (const { path } of all) {
    for (const { index, 0: last } of path.matchAll(/\/\{\w+\}/g)) {
      parameters.set(path.slice(0, index), last);
    }
  }
  const places = new Map<string, Place>();
  for (const entry of all) {
    const last = lastOf(entry.path);
    const parent = entry.path.slice(0, -last.length);
    const parameter = parameters.get(parent) ?? last;
    const place = there(places, parent + parameter, () => ({ own: new Map(), words: new Map() }));
    const methods = parameter === last ? place.own : there(place.words, last, () => new Map());
    methods.set(entry.method, entry);
  }
  return places;
}

/** The routes of a path that the router has found this place for. */
export function methodsAt({ own, words }: Place, path: string): Methods {
  return words.size === 0 ? own : words.get(lastOf(path)) ?? own;
}

function there<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** The last part of a path, with its slash. */
function lastOf(path: string): string {
  return path.slice(path.lastIndexOf("/"));
}

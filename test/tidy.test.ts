// Style as a test: the habits that a formatter and a linter cannot hold. Each rule comes with an
// example that it must catch, so that no rule can stop working unseen.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../scripts/runtimes.ts";
import { parseSource, readSources, resolveImport, type Source } from "./support/source.ts";

/** From the bottom up: a file imports from its own layer and from those above it in this list. */
const layers: readonly (readonly string[])[] = [
  [
    ...["job", "outcome", "backoff", "recurrence", "duration", "id", "clock", "codec", "errors"],
    ...["events", "schema", "policy", "logger", "broker", "task", "tasks", "job-error"],
    ...[
      "collector",
      "drain",
      "job-terms",
      "new-job",
      "queue-defaults",
      "slots",
      "list-query",
      "unique",
    ],
    ...["schedule", "schedule-broker", "schedule-options", "mark-broker"],
    ...["sql-text", "statement", "transaction", "completion", "parse-input", "job-checks", "calls"],
    ...["change", "feed-broker", "watch-query", "bulk", "verb-broker", "once-broker", "taken"],
    ...["job-query", "field-index", "clone", "page", "worker-info", "worker-broker", "runtime"],
    ...["jsonified", "members", "isolate", "crash", "context", "lazy", "retentions"],
  ].map((name) => `src/${name}.ts`),
  ["src/encryption/"],
  ["src/store/"],
  ["src/process/isolate/"],
  [
    ...["worker", "working", "runner", "attempt", "heart", "janitor", "scheduler", "loop"],
    ...[
      "wake",
      "commits",
      "patience",
      "announce",
      "log-events",
      "queues",
      "options",
      "worker-options",
    ],
    ...["schedules", "schedule-verbs"],
    ...["commit", "statements", "isolation", "waiting", "feed", "history", "history-verbs"],
    ...["workers", "turns", "pace", "ending", "run", "mark", "nudge", "signature", "intake"],
  ].map((name) => `src/${name}.ts`),
  ["src/parts.ts", "src/verbs.ts"],
  ["src/errand.ts"],
  ["src/http/", "src/client/", "src/dashboard/", "src/process/", "src/testing/"],
  ["src/cli/", "src/triggers/"],
  ["mod.ts"],
];

const maxColumns = 100;
const maxFileLines = 400;
const maxFunctionLines = 70;

interface Rule {
  readonly name: string;
  /** A file that breaks the rule once. */
  readonly bad: Source;
  /** Where a file breaks the rule, each as "file:line what". */
  readonly find: (source: Source) => string[];
}

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const rules: readonly Rule[] = [
  {
    name: "imports point down only",
    bad: parseSource("src/job.ts", `import type { Store } from "./store/mod.ts";`),
    find: (source) =>
      source.imports.flatMap(({ text, line }) => {
        const target = resolveImport(source, text);
        if (target === undefined || layerOf(target) <= layerOf(source.path)) return [];
        return [`${source.path}:${line} ${text} lies above`];
      }),
  },
  {
    name: "every file belongs to a layer, which the list above names",
    bad: parseSource("src/utils.ts", ""),
    find: ({ path }) => layerOf(path) === -1 ? [`${path}:1 has no layer`] : [],
  },
  {
    name: "relative imports end in .ts",
    bad: parseSource("src/errand.ts", `const { Job } = await import("./job");`),
    find: ({ path, imports }) =>
      imports
        .filter(({ text }) => text.startsWith(".") && !/\.tsx?$/.test(text))
        .map(({ text, line }) => `${path}:${line} ${text}`),
  },
  {
    name: "built-ins of Node stay in src/cli and src/process",
    bad: parseSource("src/id.ts", `import { randomBytes } from "node:crypto";`),
    find: ({ path, imports }) =>
      isUnder(path, "src/cli/", "src/process/") ? [] : imports
        .filter(({ text }) => text.startsWith("node:"))
        .map(({ text, line }) => `${path}:${line} ${text}`),
  },
  {
    name: "nothing is any",
    bad: parseSource("src/codec.ts", `const value = JSON.parse(text) as any;`),
    find: (source) => inCode(source, /(?::|\bas\b|[<,|&])\s*any\b(?!\s*\()/g),
  },
  {
    name: "nothing is exported as default",
    bad: parseSource("src/job.ts", `export default function job(): void {}`),
    find: (source) => inCode(source, /\b(?:export\s+default|as\s+default)\b/g),
  },
  {
    name: "a union of strings stands where others have an enum",
    bad: parseSource("src/job.ts", `export const enum State { available }`),
    find: (source) => inCode(source, /(?<![.\w$])enum\s+[\w$]+/g),
  },
  {
    name: "SQL stays in src/store",
    bad: parseSource("src/worker.ts", "const claim = `UPDATE ${table} SET state = 'running'`;"),
    find: ({ path, strings }) =>
      isUnder(path, "src/store/") ? [] : strings
        .filter(({ text }) =>
          /\b(?:SELECT|UPDATE|PRAGMA)\s/.test(text) ||
          /^\W*select\s|\binsert\s+(?:or\s+\w+\s+)?into\b|\bdelete\s+from\b/i.test(text) ||
          /\bupdate\s+\S+\s+set\b|\bcreate\s+(?:table|(?:unique\s+)?index)\b/i.test(text)
        )
        .map(({ text, line }) => `${path}:${line} ${text.trim()}`),
  },
  {
    name: "time and timers come from src/clock.ts",
    bad: parseSource("src/loop.ts", `setTimeout(turn, 1000);`),
    find: (source) =>
      isUnder(source.path, "src/clock.ts") ? [] : inCode(
        source,
        /\b(?:Date|performance)\.now\b|\bnew Date\(\)|(?<![.\w$])set(?:Timeout|Interval|Immediate)\b/g,
      ),
  },
  {
    name: "chance comes from src/clock.ts, random bytes also from ids and encryption",
    bad: parseSource("src/backoff.ts", `const jitter = Math.random();`),
    find: (source) => [
      ...isUnder(source.path, "src/clock.ts") ? [] : inCode(source, /\bMath\.random\b/g),
      ...isUnder(source.path, "src/clock.ts", "src/id.ts", "src/encryption/key-ring.ts")
        ? []
        : inCode(source, /\bcrypto\.(?:getRandomValues|randomUUID)\b/g),
    ],
  },
  {
    name: "the library never prints",
    bad: parseSource("src/worker.ts", `console.log("claimed");`),
    find: (source) =>
      isUnder(source.path, "src/cli/", "src/testing/")
        ? []
        : inCode(source, /(?<![.\w$])console\b/g),
  },
  {
    name: `a line has at most ${maxColumns} columns`,
    bad: parseSource("src/job.ts", `// ${"-".repeat(maxColumns)}`),
    find: ({ path, text }) =>
      text.split("\n").flatMap((line, index) =>
        line.length > maxColumns ? [`${path}:${index + 1} ${line.length} columns`] : []
      ),
  },
  {
    name: `a file has at most ${maxFileLines} lines`,
    bad: parseSource("src/job.ts", "\n".repeat(maxFileLines + 1)),
    find: ({ path, text }) => {
      const lines = text.split("\n").length - 1;
      return lines > maxFileLines ? [`${path}:1 ${lines} lines`] : [];
    },
  },
  {
    name: `a function has at most ${maxFunctionLines} lines`,
    bad: parseSource(
      "src/job.ts",
      `export function job(\n  id: string,\n): void {\n${
        "  work();\n".repeat(maxFunctionLines)
      }}\n`,
    ),
    find: longFunctions,
  },
  {
    name: "nothing is left to do",
    bad: parseSource("src/job.ts", `// TODO: everything`),
    find: (source) => inText(source, /\b(?:TODO|FIXME)\b/g),
  },
  {
    name: "every export has a JSDoc comment",
    bad: parseSource("src/job.ts", `// not this\nexport interface Job {}\n`),
    find: undocumentedExports,
  },
];

const sources = readSources("mod.ts", "src");

describe("the sources", () => {
  for (const { name, bad, find } of rules) {
    it(name, () => {
      expect(find(bad), "the rule must catch its own example").toHaveLength(1);
      expect(sources.flatMap(find)).toEqual([]);
    });
  }

  it("imports make no cycle", () => {
    const a = parseSource("src/a.ts", `export * from "./b.ts";`);
    const b = parseSource("src/b.ts", `import type { A } from "./a.ts";`);
    expect(findCycle([a, b])).toBe("src/a.ts → src/b.ts → src/a.ts");
    expect(findCycle(sources)).toBeUndefined();
  });

  it("words in comments and strings break no rule on code", () => {
    const source = parseSource(
      "src/job.ts",
      '// Date.now()\n/* as any */ const text = `enum A ${"console"} Math.random() /`; // default\n',
    );
    expect(rules.flatMap(({ find }) => find(source))).toEqual([]);
  });
});

describe("the package", () => {
  const npm = readJson<Manifest>("package.json");

  it("has one name for its version and its entry points on npm and JSR", () => {
    const jsr = readJson<Manifest>("deno.json");
    expect(jsr.version).toBe(npm.version);
    expect(jsr.exports).toEqual(npm.exports);
  });

  it("pins every dependency", () => {
    const versions = Object.values({ ...npm.dependencies, ...npm.devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it("brings one native SQLite, as two of them in one process can lose writes", () => {
    const packages = Object.keys(
      readJson<{ packages: Record<string, unknown> }>("package-lock.json").packages,
    );
    expect(packages.filter((path) => path.endsWith("node_modules/libsql")))
      .toEqual(["node_modules/libsql"]);
  });
});

function layerOf(path: string): number {
  return layers.findIndex((entries) => isUnder(path, ...entries));
}

/** Whether a path is one of the files, or lies in one of the folders, which end in a slash. */
function isUnder(path: string, ...entries: readonly string[]): boolean {
  return entries.some((entry) => entry.endsWith("/") ? path.startsWith(entry) : path === entry);
}

function inCode(source: Source, pattern: RegExp): string[] {
  return matches(source.path, source.code, pattern);
}

function inText(source: Source, pattern: RegExp): string[] {
  return matches(source.path, source.text, pattern);
}

function matches(path: string, text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(({ 0: found, index }) =>
    `${path}:${text.slice(0, index).split("\n").length} ${found}`
  );
}

/** Finds functions by indentation, on which the formatter makes it safe to rely. */
function longFunctions({ path, code }: Source): string[] {
  const lines = code.split("\n").map((line) => line.trimEnd());
  return lines.flatMap((head, index) => {
    if (!/(?:=>|\)(?:: .+)?) \{$/.test(head)) return [];
    const indent = " ".repeat(head.search(/\S/));
    const begins = (line: string): boolean =>
      line.startsWith(indent) && /[^\s)}\]]/.test(line[indent.length] ?? "");
    const ends = (line: string): boolean => line.startsWith(`${indent}}`);
    // the head of a function with many parameters is the last line of several
    const start = index - lines.slice(0, index + 1).reverse().findIndex(begins);
    if (/^\s*(?:if|for|while|switch|try|do)\b/.test(lines[start] ?? "")) return [];
    const length = index - start + lines.slice(index + 1).findIndex(ends) + 2;
    return length > maxFunctionLines ? [`${path}:${start + 1} ${length} lines`] : [];
  });
}

function undocumentedExports({ path, text, code }: Source): string[] {
  const pattern =
    /^export (?:declare |abstract |async )*(?:function\*?|class|const|let|interface|type) ([\w$]+)/;
  const lines = text.split("\n");
  const documented = new Set<string>();
  return code.split("\n").flatMap((line, index) => {
    const name = pattern.exec(line)?.[1];
    // the first of several overloads speaks for all of them
    if (name === undefined || documented.has(name)) return [];
    if (lines[index - 1]?.endsWith("*/")) {
      documented.add(name);
      return [];
    }
    return [`${path}:${index + 1} ${name}`];
  });
}

function findCycle(files: readonly Source[]): string | undefined {
  const byPath = new Map(files.map((source) => [source.path, source]));
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path].join(" → ");
    const source = byPath.get(path);
    if (source === undefined || done.has(path)) return undefined;
    for (const { text } of source.imports) {
      const target = resolveImport(source, text);
      const cycle = target && visit(target, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  return files.map(({ path }) => visit(path, [])).find((cycle) => cycle !== undefined);
}

function readJson<Shape>(file: string): Shape {
  return JSON.parse(readFileSync(join(root, file), "utf8"));
}

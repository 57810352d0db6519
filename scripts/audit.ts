// Checks what is installed along with Errand: that nobody can be given other code than what was
// locked, that nothing came along unnoticed, and, where the registry tells, what is vulnerable.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "./runtimes.ts";

/** One package of the lock file. */
interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Every package that is installed with Errand. A new one is added by a person who has read it. */
const ALLOWED: readonly RegExp[] = [
  /^(croner|hono|libsql|valibot|@valibot\/to-json-schema)$/,
  /^@libsql\/(client|core|hrana-client|isomorphic-ws)$/,
  /^@libsql\/(darwin|linux|win32)-[\w-]+$/, // the addon of libsql, for one system each
  /^(@neon-rs\/load|detect-libc|js-base64|promise-limit|ws)$/, // of libsql and its client
  /^(@types\/(node|ws)|undici-types)$/, // types alone
];

const { dependencies } = read<Pick<Locked, "dependencies">>("package.json");
const { packages } = read<{ packages: Record<string, Locked> }>("package-lock.json");
const installed = new Map<string, Locked>();
for (const name of Object.keys(dependencies ?? {})) follow(name, "");

const all = [...installed].map(([path, of]) => ({
  ...of,
  name: path.split("node_modules/").at(-1)!,
}));
const faults = [
  ...Object.entries(dependencies ?? {})
    .filter(([name, version]) => packages[`node_modules/${name}`]?.version !== version)
    .map(([name, version]) => `${name}: ${version} is not the one version that is locked`),
  ...all.filter(({ name }) => !ALLOWED.some((pattern) => pattern.test(name)))
    .map(({ name }) => `${name}: nobody has allowed it in scripts/audit.ts`),
  ...ALLOWED.filter((pattern) => !all.some(({ name }) => pattern.test(name)))
    .map((pattern) => `${pattern}: it allows what is not installed any more`),
  ...all.filter(({ integrity }) => !integrity?.startsWith("sha512-"))
    .map(({ name }) => `${name}: the lock file has no hash of it`),
  ...all.filter(({ hasInstallScript }) => hasInstallScript)
    .map(({ name }) => `${name}: it wants to run a script when it is installed`),
  ...(/^ignore-scripts=true$/m.test(readFileSync(join(root, ".npmrc"), "utf8"))
    ? []
    : [".npmrc: scripts of packages are not ignored"]),
  ...vulnerable(),
];
for (const fault of faults) console.error(fault);
console.log(`audit: ${all.length} packages, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Notes the package that `name` means at a path, and what it brings along. */
function follow(name: string, from: string): void {
  const path = `${from}node_modules/${name}`;
  const found = packages[path];
  if (found === undefined) {
    if (from === "") throw new Error(`Cannot audit ${name}: the lock file does not have it`);
    return follow(name, from.slice(0, from.lastIndexOf("node_modules/")));
  }
  if (installed.has(path)) return;
  installed.set(path, found);
  const { dependencies, optionalDependencies } = found;
  for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) {
    follow(next, `${path}/`);
  }
}

/** What the registry knows of. Some registries do not tell: then the checks above are all. */
function vulnerable(): string[] {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
    timeout: 60_000,
  });
  const told = advisories(stdout);
  if (told === undefined) console.warn("audit: the registry does not tell what is vulnerable");
  return Object.entries(told ?? {}).map(([name, { severity }]) => `${name}: ${severity} advisory`);
}

function advisories(json: string | null): Record<string, { severity: string }> | undefined {
  try {
    return JSON.parse(json ?? "").vulnerabilities;
  } catch {
    return undefined; // npm has printed none: it could not ask
  }
}

function read<Shape>(file: string): Shape {
  return JSON.parse(readFileSync(join(root, file), "utf8"));
}

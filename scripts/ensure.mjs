// Installs node_modules when it is missing or differs from package.json. JavaScript and built-ins
// only, as nothing else may be there yet; says nothing when there is nothing to do.
// @ts-check
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const { dependencies, devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const missing = Object.entries({ ...dependencies, ...devDependencies })
  .filter(([name, version]) => installed(name) !== version);

if (missing.length > 0) {
  const few = missing.map((pair) => pair.join("@")).join(" ");
  console.error(`installing ${missing.length > 4 ? `${missing.length} packages` : few}`);
  const [command, args] = installer();
  // npm is a script on Windows, which only a shell can start
  const shell = command === "npm" && process.platform === "win32";
  const { status, error } = spawnSync(command, args, { stdio: "inherit", shell });
  if (error) console.error(`Cannot run ${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** @param {string} name @returns {string | undefined} */
function installed(name) {
  const file = `node_modules/${name}/package.json`;
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : undefined;
}

/** @returns {[command: string, args: string[]]} */
function installer() {
  if ("Deno" in globalThis) return [process.execPath, ["install", "--quiet"]];
  if ("Bun" in globalThis) return [process.execPath, ["install"]];
  return ["npm", ["install"]];
}

import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder scripts/bench. */
export const bench: string = fileURLToPath(new URL("..", import.meta.url));

/** Where subjects for Node are built; inside node_modules, so that imports resolve from there. */
export const built: string = join(bench, "node_modules", ".cache", "bench");

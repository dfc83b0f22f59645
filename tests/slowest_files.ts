/** Prints the 20 files whose tests took the most time: `deno run -A tests/slowest_files.ts FOLDER`, which `tests/run.ts` wrote. */

import { secondsByFile } from "./run_output.ts";

const MOST = 20;

const [folder = ""] = Deno.args;
const reports = Array.from(Deno.readDirSync(folder)).map(({ name }) => Deno.readTextFileSync(`${folder}/${name}`));
for (const [file, seconds] of secondsByFile(reports).slice(0, MOST)) {
  console.log(`${seconds.toFixed(1).padStart(6)} s ${file}`);
}

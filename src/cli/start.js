// @ts-self-types="./start.d.ts"
// JavaScript, so that an app that imports mod.ts checks no types of the command line: it has no names for its packages.
import { main as run } from "./main.ts";
import { processIo } from "./program_io.ts";

export function main(args) {
  return run(args, processIo());
}

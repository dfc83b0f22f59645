// @ts-self-types="./start.d.ts"
// JavaScript, so that an app that imports mod.ts checks no types of the command line: it has no names for its packages.
export { main } from "./main.ts";

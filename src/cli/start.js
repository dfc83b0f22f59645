// Stands in for main.ts where deno.json of this repository does not apply: in an app that imports mod.ts, and in a
// command that `deno install -g` makes. The import is a template, which is resolved when it runs, so that such an app
// does not check, bundle or resolve the command line with its packages. deno.json maps this file to main.ts, for a
// broker that may read little.

/** Runs the command line of the process and gives the exit code. */
export async function start() {
  const { start } = await import(`./main.${"ts"}`);
  return await start();
}

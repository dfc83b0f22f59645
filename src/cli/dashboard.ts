import { type Command, command } from "./command.ts";
import { ConfigError } from "./config_error.ts";
import { printLine, type ProgramIo } from "./program_io.ts";
import type { DashboardFiles } from "./serve/dashboard_files.ts";

/** Time limit for the answer of a broker, which may be stopped. */
const ANSWER_MS = 5_000;

/** Command that prints a link which signs in to the dashboard of a running broker. */
export const DASHBOARD: Command = command({
  name: "dashboard",
  usage: ["dashboard [PORT]"],
  text:
    "Prints a link that signs in to the dashboard of a broker of this user, once and within 10 minutes. PORT is that of the " +
    "dashboard, where several brokers run.",
  options: {},
  async run({ operands: [port, ...others] }, io) {
    if (others.length > 0 || (port !== undefined && !/^\d{1,5}$/.test(port))) {
      throw new ConfigError('Write "brooklet dashboard", or "brooklet dashboard 18083" with the port of the dashboard');
    }
    const links = await newLinks(port, io);
    for (const link of links) printLine(io.stdout, link);
    if (links.length > 0) return 0;
    const which = port === undefined ? "of this user" : `at port ${port}`;
    const why = "start a broker as this user, or look for the link in the log of its start";
    printLine(io.stderr, `brooklet: No dashboard ${which} answers: ${why}`);
    return 1;
  },
});

/** Asks brokers of this user for links, by the sockets that only this user can open. */
async function newLinks(port: string | undefined, { environment }: ProgramIo): Promise<string[]> {
  const { dashboardFiles } = await import("./serve/dashboard_files.ts");
  const links: string[] = [];
  for (const files of await dashboardFiles(environment)) {
    if (port !== undefined && !files.socket.includes(`/dashboard-${port}/`)) continue;
    const link = await newLink(files);
    if (link !== undefined) links.push(link);
  }
  return links;
}

/** Asks for a link; `undefined`: nobody answers. */
async function newLink({ socket: path, address }: DashboardFiles): Promise<string | undefined> {
  try {
    const { pathname } = new URL((await Deno.readTextFile(address)).trim());
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    // A write has to come from a page of the server, or from what can say that it does.
    const headers = { "content-type": "application/json", "sec-fetch-site": "same-origin" };
    const signal = AbortSignal.timeout(ANSWER_MS);
    const url = `http://localhost${pathname}api/v1/links`;
    const response = await fetch(url, { client, method: "POST", headers, signal });
    const { link }: { link?: unknown } = await response.json();
    return typeof link === "string" ? link : undefined;
  } catch {
    return undefined; // The broker that had it was killed, or is stopped.
  }
}

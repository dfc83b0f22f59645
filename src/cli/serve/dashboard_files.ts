import { replaceFile } from "../files.ts";
import type { ProgramEnvironment } from "../program_io.ts";
import { stateDirectory } from "../storage_option.ts";

/**
 * Files beside a dashboard, in a folder that only the user of the broker can enter: a link to sign in, and a socket by which
 * commands reach the broker.
 */
export interface DashboardFiles {
  /** File with a link, where there is no terminal to print it. */
  readonly link: string;
  /** Socket that serves the API; file permissions say who can open it. */
  readonly socket: string;
  /** File with the address of the page. */
  readonly address: string;
}

const FOLDER = /^dashboard-\d+$/;

/** Folder of this user for dashboards; `undefined` without one. */
function baseFolder({ toObject }: Pick<ProgramEnvironment, "toObject">): string | undefined {
  const variables = toObject();
  const get = (name: string) => variables[name];
  const [ofService] = get("RUNTIME_DIRECTORY")?.split(":") ?? []; // Set by systemd.
  if (ofService !== undefined && ofService.startsWith("/")) return ofService;
  const ofLogin = get("XDG_RUNTIME_DIR");
  if (ofLogin?.startsWith("/")) return `${ofLogin}/brooklet`;
  return stateDirectory(Deno.build.os, get);
}

/**
 * Makes the folder of a dashboard, by its port; `undefined`: there can be none. Rejects with what the system says.
 *
 * @param page address of the page
 */
export async function makeDashboardFiles(
  environment: Pick<ProgramEnvironment, "toObject">,
  port: number,
  page: string,
): Promise<DashboardFiles | undefined> {
  const base = baseFolder(environment);
  if (base === undefined || !mayUse(base)) return undefined;
  const folder = `${base}/dashboard-${port}`;
  await Deno.mkdir(base, { recursive: true, mode: 0o700 });
  await Deno.remove(folder, { recursive: true }).catch(() => {}); // A broker that was killed has left it.
  await Deno.mkdir(folder, { mode: 0o700 });
  const files = filesIn(folder);
  await Deno.writeTextFile(files.address, `${page}\n`, { createNew: true, mode: 0o600 });
  return files;
}

/** Writes the link that signs in, for the user of the broker alone. */
export async function writeLink({ link }: DashboardFiles, text: string): Promise<void> {
  await replaceFile(link, `${text}\n`, { isPrivate: true });
}

/** Removes what {@linkcode makeDashboardFiles} has made. */
export async function removeDashboardFiles({ link }: DashboardFiles): Promise<void> {
  const folder = link.slice(0, -"/link".length);
  await Deno.remove(folder, { recursive: true }).catch(() => {}); // It is gone already.
}

/** Finds the dashboards of this user's brokers, also of those that were killed. */
export async function dashboardFiles(environment: Pick<ProgramEnvironment, "toObject">): Promise<DashboardFiles[]> {
  const base = baseFolder(environment);
  if (base === undefined) return [];
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(base)) if (FOLDER.test(name)) names.push(name);
  } catch {
    return []; // There is no such folder.
  }
  return names.sort().map((name) => filesIn(`${base}/${name}`));
}

function filesIn(folder: string): DashboardFiles {
  return { link: `${folder}/link`, socket: `${folder}/socket`, address: `${folder}/address` };
}

/** Whether Deno lets the process read and write there; without the question, it asks for the permission at a terminal. */
function mayUse(path: string): boolean {
  return (["read", "write"] as const).every((name) => Deno.permissions.querySync({ name, path }).state === "granted");
}

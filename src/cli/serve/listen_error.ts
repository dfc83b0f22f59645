import { whyNot as whyNoFile } from "../files.ts";
import { type ListenUrl, urlText } from "./listen_url.ts";

/** Reason where an address is not one of the machine. */
export const NO_ADDRESS = "this machine has no such address";

/** Reports that the system does not let the broker listen. */
export class ListenError extends Error {
  override readonly name = "ListenError";

  constructor(url: ListenUrl, cause: unknown) {
    const why = "file" in url ? whyNoSocket(cause) : whyNot(cause);
    super(why.startsWith("Cannot ") ? why : `Cannot listen on ${urlText(url)}: ${why}`, { cause });
  }
}

/** Whether the address exists and only the port is refused. */
export function isOfPort(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable;
}

/** Reason of EACCES: on Windows (WSAEACCES) the port is reserved, and no port needs a privilege. */
export function whyNotPermitted(os: typeof Deno.build.os = Deno.build.os): string {
  return os === "windows"
    ? "the port is in a range that Windows has reserved, or another program has it alone; choose another port " +
      '("netsh interface ipv4 show excludedportrange protocol=tcp" prints the ranges)'
    : "not permitted; ports below 1024 need a privilege";
}

/** Reason why there is no socket file; some say their path themselves. */
function whyNoSocket(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such folder";
  return whyNoFile(error);
}

function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) return "the port is in use; end the other program or choose another port";
  if (error instanceof Deno.errors.AddrNotAvailable) return NO_ADDRESS;
  if (error instanceof Deno.errors.PermissionDenied) return whyNotPermitted();
  if (error instanceof Deno.errors.NotCapable) return "not permitted; Deno needs --allow-net for it";
  return error instanceof Error ? error.message : String(error);
}

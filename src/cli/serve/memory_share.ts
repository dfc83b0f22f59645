import { DEFAULT_LIMITS } from "../../protocol/limit_table.ts";
import type { Limits } from "../../protocol/limits.ts";

/** Parts of the memory: together less than a quarter. Where there are 2 GiB, they are the defaults. */
const SHARES = {
  maximumTotalOutboxBytes: 1 / 8,
  maximumTotalBacklogBytes: 1 / 16,
  maximumIncompletePacketBytes: 1 / 32,
} as const;
const CGROUP = "/sys/fs/cgroup";
/** Version 1 says 2^63 less a page where nothing is set. */
const UNLIMITED_BYTES = 2 ** 62;

/** Limits with bounds of what all connections together hold that suit a small machine, where none is set. */
export function boundByMemory(limits: Partial<Limits>, memoryBytes = usableMemoryBytes()): Partial<Limits> {
  if (memoryBytes === undefined) return limits;
  const least = (name: keyof typeof SHARES) => Math.min(DEFAULT_LIMITS[name], Math.floor(memoryBytes * SHARES[name]));
  return {
    maximumTotalOutboxBytes: least("maximumTotalOutboxBytes"),
    maximumTotalBacklogBytes: least("maximumTotalBacklogBytes"),
    maximumIncompletePacketBytes: least("maximumIncompletePacketBytes"),
    ...limits,
  };
}

/** Memory of the machine, or of the control group of this process where that is less; `undefined`: Deno may read neither. */
function usableMemoryBytes(): number | undefined {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  const machineBytes = state === "granted" ? Deno.systemMemoryInfo().total : Infinity;
  const bytes = Math.min(machineBytes, cgroupBytes(readWhereAllowed));
  return bytes === Infinity ? undefined : bytes;
}

/**
 * Least limit of memory from the control group of this process up to the root, of version 2 or 1; Infinity: none is set.
 *
 * @param read gives the text of a file; `undefined`: it cannot be read
 */
export function cgroupBytes(read: (path: string) => string | undefined): number {
  // In a container the root is the group of the container; with version 1 the path is still that of the machine.
  const groups = read("/proc/self/cgroup") ?? "";
  const [, group = "/"] = /^0::(\/.*)$/m.exec(groups) ?? [];
  const [, ofMemory = "/"] = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m.exec(groups) ?? [];
  return Math.min(
    leastBytes(read, CGROUP, group, "memory.max"),
    leastBytes(read, `${CGROUP}/memory`, ofMemory, "memory.limit_in_bytes"),
  );
}

function leastBytes(read: (path: string) => string | undefined, root: string, group: string, name: string): number {
  const names = group.split("/").filter((name) => name !== "");
  let least = Infinity;
  for (let depth = names.length; depth >= 0; depth--) {
    const text = read([root, ...names.slice(0, depth), name].join("/"))?.trim() ?? "";
    if (/^\d+$/.test(text)) least = Math.min(least, Number(text)); // Else it is `max`, or the root of the machine.
  }
  return least < UNLIMITED_BYTES ? least : Infinity;
}

/** Reads a file without a prompt. */
function readWhereAllowed(path: string): string | undefined {
  try {
    const { state } = Deno.permissions.querySync({ name: "read", path });
    return state === "granted" ? Deno.readTextFileSync(path) : undefined;
  } catch {
    return undefined; // Another system, or fewer permissions.
  }
}

import { assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../../src/protocol/limit_table.ts";
import { boundByMemory, cgroupBytes } from "../../src/cli/serve/memory_share.ts";

const MIB = 1_048_576;

Deno.test("Outboxes, backlogs and incomplete packets together take less than a quarter of a small machine", () => {
  const { maximumQos, ...bounds } = boundByMemory({ maximumQos: 1 }, 512 * MIB);
  assertEquals(maximumQos, 1);
  assertEquals(bounds, {
    maximumTotalOutboxBytes: 64 * MIB,
    maximumTotalBacklogBytes: 32 * MIB,
    maximumIncompletePacketBytes: 16 * MIB,
  });
});

Deno.test("Outboxes, backlogs and incomplete packets have their default bounds from 2 GiB on", () => {
  const { maximumTotalOutboxBytes, maximumTotalBacklogBytes, maximumIncompletePacketBytes } = DEFAULT_LIMITS;
  const defaults = { maximumTotalOutboxBytes, maximumTotalBacklogBytes, maximumIncompletePacketBytes };
  for (const gib of [2, 64]) assertEquals(boundByMemory({}, gib * 1_024 * MIB), defaults);
});

Deno.test("A bound that is set is no share of the memory, and the others are", () => {
  const limits = { maximumTotalOutboxBytes: 5, maximumIncompletePacketBytes: Infinity };
  assertEquals(boundByMemory(limits, 16 * MIB), { ...limits, maximumTotalBacklogBytes: MIB });
});

const GROUPS: readonly (readonly [name: string, files: Readonly<Record<string, string>>, bytes: number])[] = [
  ["no control groups", {}, Infinity],
  ["a container", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "268435456\n" }, 268_435_456],
  ["a container whose /proc Deno may not read", { "/sys/fs/cgroup/memory.max": "268435456\n" }, 268_435_456],
  [
    "a service within a slice that has less",
    {
      "/proc/self/cgroup": "0::/system.slice/brooklet.service\n",
      "/sys/fs/cgroup/system.slice/brooklet.service/memory.max": "536870912\n",
      "/sys/fs/cgroup/system.slice/memory.max": "134217728\n",
    },
    134_217_728,
  ],
  ["a group without a bound", { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "max\n" }, Infinity],
  ["groups of version 1 that cannot be read", { "/proc/self/cgroup": "8:memory:/a\n" }, Infinity],
  [
    "a container with groups of version 1",
    {
      "/proc/self/cgroup": "9:cpu,cpuacct:/docker/a\n8:memory:/docker/a\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
    },
    268_435_456,
  ],
  [
    "a service with groups of version 1 beside those of version 2",
    {
      "/proc/self/cgroup": "3:memory:/system.slice/b.service\n0::/system.slice/b.service\n",
      "/sys/fs/cgroup/memory/system.slice/b.service/memory.limit_in_bytes": "134217728\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    },
    134_217_728,
  ],
  [
    "groups of version 1 without a bound",
    { "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n" },
    Infinity,
  ],
];
for (const [name, files, bytes] of GROUPS) {
  Deno.test(`cgroupBytes() of ${name}`, () => assertEquals(cgroupBytes((path) => files[path]), bytes));
}

import { assertEquals } from "@std/assert";
import { boundByMemory, cgroupBytes } from "../../src/cli/serve/memory_share.ts";

const MIB = 1_048_576;

Deno.test("All outboxes together take an eighth of a small machine, and what the limits say where they do", () => {
  const ofMachine = (bytes: number) => boundByMemory({ maximumQos: 1 }, bytes);
  assertEquals(ofMachine(512 * MIB), { maximumQos: 1, maximumTotalOutboxBytes: 64 * MIB });
  assertEquals(ofMachine(64_000 * MIB), { maximumQos: 1, maximumTotalOutboxBytes: 256 * MIB });
  assertEquals(boundByMemory({ maximumTotalOutboxBytes: 5 }, MIB), { maximumTotalOutboxBytes: 5 });
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
  ["groups of version 1", { "/proc/self/cgroup": "8:memory:/a\n" }, Infinity],
];
for (const [name, files, bytes] of GROUPS) {
  Deno.test(`cgroupBytes() of ${name}`, () => assertEquals(cgroupBytes((path) => files[path]), bytes));
}

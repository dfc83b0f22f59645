import { interopTests } from "./interop_tests.ts";

const test = interopTests([]);

test.own("seed 3-1: a listener that lets anybody in says so", async (broker) => {
  await broker.stderr.matching(/anonymous|without authentication/i);
});

import type { Limits } from "../../../mod.ts";
import type { TopicsOptions } from "../../../src/admin/topics/topics_handler.ts";
import { Topics } from "./topics.ts";

/** Runs a test with topics on a port of this machine. */
export async function served(
  options: TopicsOptions,
  test: (topics: Topics, server: Deno.HttpServer<Deno.NetAddr>) => Promise<void>,
  limits: Partial<Limits> = {},
): Promise<void> {
  await using topics = await Topics.open({ limits }, options);
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request, info) => topics.handler.fetch(request, info),
  );
  try {
    await test(topics, server);
  } finally {
    await topics.handler.close();
    await server.shutdown();
  }
}

/** Status of a request. */
export async function statusOf(url: string, init?: RequestInit): Promise<number> {
  const { status, body } = await fetch(url, init);
  await body?.cancel();
  return status;
}

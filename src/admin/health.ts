import type { Broker } from "../broker/broker.ts";

/** Answers `/healthz`, which says that the process answers: where it does not, it is to be started again. */
export function healthResponse(): Response {
  return word(200, "ok");
}

/**
 * Answers `/readyz`: 200 where clients can be served, else 503 with what the matter is, in one word. Both are open to
 * anybody, so they say nothing more.
 */
export function readinessResponse({ readiness }: Pick<Broker, "readiness">): Response {
  return word(readiness === "ready" ? 200 : 503, readiness);
}

function word(status: number, text: string): Response {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  return new Response(`${text}\n`, { status, headers });
}

import { base64OfBytes } from "./payload_bytes.ts";

/** Refusal of a request by the API, or its absence. */
export class ApiError extends Error {
  /** HTTP status; 0: no answer came. */
  readonly status: number;
  /** Advice in words. */
  readonly detail: string;
  /** Members of the problem, such as `mistakes`. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    title: string,
    detail: string,
    members: Readonly<Record<string, unknown>> = {},
  ) {
    super(title);
    this.name = "ApiError";
    this.status = status;
    this.detail = detail;
    this.members = members;
  }
}

/** Parameters of a query; those that are `undefined` or `false` are left out. */
export type Query = Readonly<
  Record<string, string | number | boolean | undefined>
>;

/** Part of a path: a name with any characters, or one that the API has encoded. */
export type Segment = string | { readonly encoded: string };

export interface RequestOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** The HTTP API of the broker that served this page. */
export class Api {
  readonly #base: URL;
  readonly #onUnauthorized: (problem: ApiError) => void;

  /** @param page address of the page, which ends in "/": the API is below it */
  constructor(page: URL, onUnauthorized: (problem: ApiError) => void) {
    this.#base = new URL("api/v1/", page);
    this.#onUnauthorized = onUnauthorized;
  }

  /** Address of a resource. */
  url(segments: readonly Segment[], query: Query = {}): URL {
    const path = segments.map((segment) => typeof segment === "string" ? segmentOf(segment) : segment.encoded);
    const url = new URL(path.join("/"), this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== false) {
        url.searchParams.set(name, String(value));
      }
    }
    return url;
  }

  /** @throws ApiError if the API refuses or does not answer */
  get<Answer>(
    segments: readonly Segment[],
    options: Omit<RequestOptions, "body"> = {},
  ): Promise<Answer> {
    return this.#json("GET", segments, options);
  }

  /** @throws ApiError if the API refuses or does not answer */
  post<Answer = undefined>(
    segments: readonly Segment[],
    body: unknown,
    options: RequestOptions = {},
  ): Promise<Answer> {
    return this.#json("POST", segments, { ...options, body });
  }

  /** @throws ApiError if the API refuses or does not answer */
  put<Answer = undefined>(
    segments: readonly Segment[],
    body: unknown,
    options: RequestOptions = {},
  ): Promise<Answer> {
    return this.#json("PUT", segments, { ...options, body });
  }

  /** @throws ApiError if the API refuses or does not answer */
  delete<Answer = undefined>(
    segments: readonly Segment[],
    options: RequestOptions = {},
  ): Promise<Answer> {
    return this.#json("DELETE", segments, options);
  }

  /** Response of a request that succeeded, for answers that are not JSON. */
  async response(
    method: Method,
    segments: readonly Segment[],
    { query, body, headers, signal }: RequestOptions = {},
  ) {
    const request: RequestInit = {
      method,
      credentials: "same-origin",
      cache: "no-cache",
    };
    if (signal !== undefined) request.signal = signal;
    // A write is JSON even if it has no body: a form of another site cannot send that.
    request.headers = { ...headers, ...method === "GET" ? {} : { "content-type": "application/json" } };
    if (body !== undefined) request.body = JSON.stringify(body);
    const response = await fetched(this.url(segments, query), request);
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (problem.status === 401) this.#onUnauthorized(problem);
    throw problem;
  }

  async #json<Answer>(
    method: Method,
    segments: readonly Segment[],
    options: RequestOptions,
  ): Promise<Answer> {
    const response = await this.response(method, segments, options);
    const text = await response.text();
    return text === "" ? undefined as Answer : JSON.parse(text); // The schema of the route says which of both.
  }
}

/** Name of more bytes than this is not percent encoded, which would make it three times as long. */
const MOST_PERCENT_ENCODED = 12_000;

/** Name as a part of a path. A browser takes "." and ".." away, even percent encoded; what begins with "~" is base64url. */
export function segmentOf(name: string): string {
  const utf8 = new TextEncoder().encode(name);
  const isReserved = name === "" || name === "." || name === ".." || name.startsWith("~");
  if (!isReserved && utf8.length <= MOST_PERCENT_ENCODED) return encodeURIComponent(name);
  return `~${base64OfBytes(utf8).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

async function fetched(url: URL, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new ApiError(
      0,
      "The broker does not answer",
      "It may be stopped, or the network is gone. The page tries again.",
    );
  }
}

async function problemOf(response: Response): Promise<ApiError> {
  const problem: unknown = await response.json().catch(() => undefined);
  const { title, detail, ...members } = isRecord(problem) ? problem : {};
  return new ApiError(
    response.status,
    typeof title === "string" ? title : `The answer is ${response.status} ${response.statusText}`.trim(),
    typeof detail === "string" ? detail : "The log of the broker says more",
    members,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * Refusal of a request, as RFC 9457 writes it: `detail` says what to do about it. It is thrown by whatever finds it, and
 * becomes the answer.
 */
export class Problem extends Error {
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** Advice for a person: the action that helps. */
  readonly detail: string;
  /** Members of its own, such as `mistakes`. */
  readonly members: Readonly<Record<string, unknown>>;
  /** Header fields of the answer, such as Retry-After. */
  readonly headers: Readonly<Record<string, string>>;

  /** @param title refusal in a few words, always the same for its kind; it also names the kind in `type` */
  constructor(status: number, title: string, detail: string, { members = {}, headers = {} }: {
    readonly members?: Readonly<Record<string, unknown>>;
    readonly headers?: Readonly<Record<string, string>>;
  } = {}) {
    super(title);
    this.name = "Problem";
    this.status = status;
    this.detail = detail;
    this.members = members;
    this.headers = headers;
  }

  /** Answer with the problem as JSON. */
  response(): Response {
    const { status, message: title, detail, members } = this;
    const type = `urn:brooklet:problem:${title.toLowerCase().replaceAll(/[^a-z\d]+/g, "-")}`;
    return new Response(JSON.stringify({ type, title, status, detail, ...members }), {
      status,
      headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...this.headers },
    });
  }
}

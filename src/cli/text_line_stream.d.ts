// Type of `TextLineStream` of @std/streams: as a module, for the reason that parse_args.d.ts gives.

/** Text to its lines, without `\n` or `\r\n`. */
export class TextLineStream extends TransformStream<string, string> {
  constructor(options?: { allowCR?: boolean });
}

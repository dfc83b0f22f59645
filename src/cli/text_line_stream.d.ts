// Type of `TextLineStream` of @std/streams: as a module, for the reason in parse_args.d.ts.

/** Splits text into its lines, without `\n` or `\r\n`. */
export class TextLineStream extends TransformStream<string, string> {
  constructor(options?: { allowCR?: boolean });
}

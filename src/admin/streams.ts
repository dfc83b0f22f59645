/**
 * Response whose stream ends when the caller is signed out.
 *
 * @param source body of the response
 * @param abort told when the stream is no longer read
 * @param onEnd called once, when it has ended
 */
export function endingWith(
  response: Response,
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
  ended: AbortSignal,
  abort: AbortController,
  onEnd: () => void,
): Response {
  const reader = source.getReader();
  let hasEnded = false;
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    ended.removeEventListener("abort", stop);
    abort.abort(new DOMException("The stream has ended", "AbortError"));
    onEnd();
  };
  const stop = () => {
    end();
    reader.cancel().catch(() => {}); // The read that waits ends with it.
  };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        end();
        controller.close();
      } catch (error) {
        end();
        throw error;
      }
    },
    cancel: stop,
  }, { highWaterMark: 0 });
  if (ended.aborted) stop();
  else ended.addEventListener("abort", stop, { once: true });
  return new Response(body, response);
}

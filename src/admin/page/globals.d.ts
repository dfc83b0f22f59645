// Functions of Deno and Node that code of other rooms names and never calls in a page: reads of a WebSocket are not paused.
declare function setImmediate(callback: () => void): unknown;
declare function clearImmediate(immediate: unknown): void;

/** Numbers, times and bytes as a person reads them. */

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** `1,204`; up to one digit after the point below 10. */
export function count(value: number): string {
  return (Math.abs(value) < 10 ? SHORT : WHOLE).format(value);
}

/** `18 B`, `12.4 kB`. */
export function bytes(value: number): string {
  const power = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), BYTE_UNITS.length - 1);
  const scaled = value / 1000 ** power;
  return `${(power === 0 || scaled >= 100 ? WHOLE : SHORT).format(scaled)} ${BYTE_UNITS[power]}`;
}

/** `1 client`, `280 clients`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `350 ms`, `12 s`, `5 min`, `2 h`, `3 d`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? SHORT.format(ms) : Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `3 s ago`, `just now`. */
export function ago(time: string | number, nowMs: number): string {
  const passedMs = nowMs - milliseconds(time);
  return passedMs < 1000 ? "just now" : `${duration(passedMs)} ago`;
}

/** Time of the day, with the date if that is another day. */
export function clock(time: string | number, nowMs: number): string {
  const date = new Date(milliseconds(time));
  const isToday = date.toDateString() === new Date(nowMs).toDateString();
  const hours = date.toLocaleTimeString("en-GB");
  return isToday ? hours : `${date.toLocaleDateString("en-CA")} ${hours}`;
}

/** Epoch milliseconds of a time of the API. */
export function milliseconds(time: string | number): number {
  return typeof time === "number" ? time : Date.parse(time);
}

/** Version of MQTT by its number on the wire. */
export function mqttVersion(protocolVersion: number): string {
  switch (protocolVersion) {
    case 3:
      return "3.1";
    case 4:
      return "3.1.1";
    default:
      return String(protocolVersion);
  }
}

/** Timestamps of log lines: ISO 8601 in UTC, or a format of strftime in local time. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

const two = (value: number) => String(value).padStart(2, "0");
const date = (time: Date) => `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
const clock = (time: Date) => `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;

const CONVERSIONS: Readonly<Record<string, (time: Date) => string>> = {
  "%": () => "%",
  a: (time) => (DAYS[time.getDay()] ?? "").slice(0, 3),
  A: (time) => DAYS[time.getDay()] ?? "",
  b: (time) => (MONTHS[time.getMonth()] ?? "").slice(0, 3),
  B: (time) => MONTHS[time.getMonth()] ?? "",
  d: (time) => two(time.getDate()),
  e: (time) => String(time.getDate()).padStart(2, " "),
  F: date,
  H: (time) => two(time.getHours()),
  I: (time) => two((time.getHours() + 11) % 12 + 1),
  m: (time) => two(time.getMonth() + 1),
  M: (time) => two(time.getMinutes()),
  p: (time) => time.getHours() < 12 ? "AM" : "PM",
  s: (time) => String(Math.floor(time.getTime() / 1_000)),
  S: (time) => two(time.getSeconds()),
  T: clock,
  y: (time) => two(time.getFullYear() % 100),
  Y: (time) => String(time.getFullYear()),
  z: utcOffset,
};

/** Whether all conversions of a format are supported. */
export function isTimestampFormat(format: string): boolean {
  return format === "iso" || !format.replace(/%[%aAbBdeFHImMpsSTyYz]/g, "").includes("%");
}

/** Formats a time; text that is not a conversion stays unchanged. */
export function timestamp(time: Date, format: string): string {
  if (format === "iso") return time.toISOString().replace(/\.\d+Z$/, "Z");
  return format.replace(/%([%a-zA-Z])/g, (text, letter: string) => CONVERSIONS[letter]?.(time) ?? text);
}

function utcOffset(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

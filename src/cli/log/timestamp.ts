/** Times as text: ISO 8601 in UTC, or a format of strftime(3) in the C locale and in local time. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
// deno-fmt-ignore
const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
] as const;
const DAY_MS = 86_400_000;

const two = (value: number, pad = "0") => `${value}`.padStart(2, pad);
const dayName = (time: Date) => DAYS[time.getDay()] ?? ""; // There are seven.
const monthName = (time: Date) => MONTHS[time.getMonth()] ?? ""; // There are twelve.
const hour12 = (time: Date) => time.getHours() % 12 || 12;
const weekOf = (time: Date, firstDay: 0 | 1) =>
  Math.floor((dayOfYear(time) + 7 - (time.getDay() + 7 - firstDay) % 7) / 7);

const CONVERSIONS: Readonly<Record<string, (time: Date) => string>> = {
  "%": () => "%",
  a: (time) => dayName(time).slice(0, 3),
  A: dayName,
  b: (time) => monthName(time).slice(0, 3),
  B: monthName,
  c: (time) => strftime("%a %b %e %H:%M:%S %Y", time),
  C: (time) => two(Math.floor(time.getFullYear() / 100)),
  d: (time) => two(time.getDate()),
  D: (time) => strftime("%m/%d/%y", time),
  e: (time) => two(time.getDate(), " "),
  F: (time) => strftime("%Y-%m-%d", time),
  g: (time) => two(thursdayOf(time).getFullYear() % 100),
  G: (time) => `${thursdayOf(time).getFullYear()}`,
  h: (time) => monthName(time).slice(0, 3),
  H: (time) => two(time.getHours()),
  I: (time) => two(hour12(time)),
  j: (time) => `${dayOfYear(time) + 1}`.padStart(3, "0"),
  k: (time) => two(time.getHours(), " "),
  l: (time) => two(hour12(time), " "),
  m: (time) => two(time.getMonth() + 1),
  M: (time) => two(time.getMinutes()),
  n: () => "\n",
  p: (time) => time.getHours() < 12 ? "AM" : "PM",
  P: (time) => time.getHours() < 12 ? "am" : "pm",
  r: (time) => strftime("%I:%M:%S %p", time),
  R: (time) => strftime("%H:%M", time),
  s: (time) => `${Math.floor(time.getTime() / 1_000)}`,
  S: (time) => two(time.getSeconds()),
  t: () => "\t",
  T: (time) => strftime("%H:%M:%S", time),
  u: (time) => `${time.getDay() || 7}`,
  U: (time) => two(weekOf(time, 0)),
  V: (time) => two(Math.floor(dayOfYear(thursdayOf(time)) / 7) + 1),
  w: (time) => `${time.getDay()}`,
  W: (time) => two(weekOf(time, 1)),
  x: (time) => strftime("%m/%d/%y", time),
  X: (time) => strftime("%H:%M:%S", time),
  y: (time) => two(time.getFullYear() % 100),
  Y: (time) => `${time.getFullYear()}`,
  z: utcOffset,
  Z: zoneName,
};

/** Whether all conversions of a format are supported, and none breaks the line. */
export function isTimestampFormat(format: string): boolean {
  const conversions = format.match(/%.?/gs) ?? [];
  return format === "iso" ||
    conversions.every(([, letter = ""]) => letter !== "n" && Object.hasOwn(CONVERSIONS, letter));
}

/** Formats a time by `iso` or a format of {@linkcode strftime}. */
export function timestamp(time: Date, format: string): string {
  return format === "iso" ? time.toISOString().replace(/\.\d+Z$/, "Z") : strftime(format, time);
}

/** Formats a time; text that is not a conversion stays unchanged. */
export function strftime(format: string, time: Date): string {
  return format.replace(
    /%(.)/gs,
    (text, letter: string) => Object.hasOwn(CONVERSIONS, letter) ? CONVERSIONS[letter]?.(time) ?? text : text,
  );
}

/** Thursday of the same week: it decides to which year the week belongs (ISO 8601). */
function thursdayOf(time: Date): Date {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate() + 4 - (time.getDay() || 7));
}

/** Days since the first of January. */
function dayOfYear(time: Date): number {
  const year = time.getFullYear();
  return (Date.UTC(year, time.getMonth(), time.getDate()) - Date.UTC(year, 0, 1)) / DAY_MS;
}

function utcOffset(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

function zoneName(time: Date): string {
  const parts = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(time);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
}
